"""A VMC or plain OSC output: stream, rate limit and sender, with everything that goes wrong counted."""

from __future__ import annotations

from protocols.errors import ProtocolError
from protocols.messages import Performance
from protocols.udp import UdpSender
from stage.config import OutputSection
from stage.outputs.rate_limit import RateLimit
from stage.outputs.streams import open_stream


class UdpOutput:
    """Sends the performances of one actor to one receiver."""

    def __init__(self, output: OutputSection, stage_rate_hz: float) -> None:
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
        self._sender = UdpSender(output.host, output.port)
        self._frames = self._skipped = self._refused = 0

    @property
    def counters(self) -> dict[str, int]:
        """Frames sent, skipped (rate limit), refused (not fit to be sent), and what the socket counts."""
        counts = {"frames": self._frames, "skipped": self._skipped, "refused": self._refused}
        return counts | self._sender.counters

    @property
    def fact(self) -> str:
        """Kind, receiver and source port."""
        sender = self._sender
        return f"{self._kind} to {sender.host}:{sender.port} from port {sender.source_port}"

    def send(self, performance: Performance, now_ns: int) -> None:
        """Sends a performance if it is this output's actor's and the rate allows it; never blocks, never raises."""
        if performance.actor != self.actor:
            return
        if not self._limit.admits(performance.capture_ns):
            self._skipped += 1
            return
        try:
            datagrams = self._stream.frame(performance, now_ns)
        except ProtocolError as error:
            self._refused += 1
            self.fault = str(error)
            return
        if self._sender.send(datagrams):
            self._frames += 1
            self.fault = ""
        elif not self._sender.resolved.is_set():
            self.fault = f"host {self._sender.host} is not found; check the name, or give its address"
        else:
            self.fault = f"{self._sender.host}:{self._sender.port} cannot be reached; check the network"

    def close(self) -> None:
        """Closes the socket."""
        self._sender.close()
