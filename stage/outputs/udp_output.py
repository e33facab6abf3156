"""A VMC or plain OSC output: stream, rate limits and sender, with everything that goes wrong counted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from protocols.errors import ProtocolError
from protocols.messages import FacePerformance, Performance
from protocols.udp import UdpSender
from stage.config import OscSection, VmcSection
from stage.outputs.face_source import FaceSource
from stage.outputs.open_stream import open_stream
from stage.outputs.rate_limit import RateLimit


class UdpOutput:
    """Sends the performances and faces of one actor to one receiver."""

    def __init__(self, output: VmcSection | OscSection, stage_rate_hz: float) -> None:
        """Opens the socket.

        Raises:
            UdpError: The system gives no socket.
        """
        self.id = output.id
        self.actor = output.actor
        self.fault = ""
        """What is wrong now, for the operator; "" when all is well."""
        self._kind = output.kind
        self._stream = open_stream(output)
        self._limit = RateLimit(output.rate, stage_rate_hz)
        self._face_limit = RateLimit(output.rate, math.inf)
        self._faces = FaceSource()
        self._sender = UdpSender(output.host, output.port)
        self._counts: dict[str, int] = dict.fromkeys(("frames", "faces", "skipped", "refused"), 0)

    @property
    def counters(self) -> dict[str, int]:
        """Frames sent of bodies and of faces, skipped (rate limit), refused (not fit), and what the socket counts."""
        return self._counts | self._sender.counters

    @property
    def fact(self) -> str:
        """Kind, receiver and source port."""
        sender = self._sender
        return f"{self._kind} to {sender.host}:{sender.port} from port {sender.source_port}"

    def send(self, record: Performance | FacePerformance, now_ns: int) -> None:
        """Sends a record if it is this output's actor's and the rate allows it; never blocks, never raises."""
        if record.actor != self.actor:
            return
        if isinstance(record, FacePerformance):
            alone = self._faces.heard_face(now_ns)
            if self._admitted(self._face_limit, record.capture_ns):
                self._send("faces", lambda: self._stream.face(record, now_ns, alone=alone))
        else:
            performance = self._faces.heard_body(record, now_ns)
            if self._admitted(self._limit, record.capture_ns):
                self._send("frames", lambda: self._stream.frame(performance, now_ns))

    def _admitted(self, limit: RateLimit, capture_ns: int) -> bool:
        admitted = limit.admits(capture_ns)
        self._counts["skipped"] += not admitted
        return admitted

    def _send(self, kind: str, encode: Callable[[], Sequence[memoryview]]) -> None:
        try:
            datagrams = encode()
        except ProtocolError as error:
            self._counts["refused"] += 1
            self.fault = str(error)
            return
        if self._sender.send(datagrams):
            self._counts[kind] += 1
            self.fault = ""
        elif not self._sender.resolved.is_set():
            self.fault = f"host {self._sender.host} is not found; check the name, or give its address"
        else:
            self.fault = f"{self._sender.host}:{self._sender.port} cannot be reached; check the network"

    def close(self) -> None:
        """Closes the socket."""
        self._sender.close()
