"""A VMC, Live Link or plain OSC output: a stream per actor and one sender, changed live; what goes wrong is counted.

Off means silent: nothing more is sent, no farewell, and receivers keep the last pose they have. The socket stays, and
so does the source port. An output that is switched on, or given another actor, starts its streams afresh: the time of a
VMC stream at 0, every name and value in the first frame.

An output whose streams cannot be opened (an avatar that was overwritten during the show) is silent, says why, and tries
again when it is switched on; the others play on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from protocols.errors import ProtocolError
from protocols.messages import FacePerformance, Performance
from protocols.show import OutputState, SetOutput
from protocols.tcp import TcpSender
from protocols.udp import UdpSender
from stage.config import LiveLinkSection, OscSection, VmcSection
from stage.errors import OutputError, StageError
from stage.outputs.lane import Lane
from stage.outputs.live_state import LiveState
from stage.outputs.open_stream import open_stream
from stage.outputs.streams import Stream
from stage.outputs.vmc_stream import VmcStream
from stage.outputs.wardrobe import Wardrobe
from stage.timecode import TimecodeClock

EngineSection = VmcSection | LiveLinkSection | OscSection


class Sender(Protocol):
    """What takes datagrams to one receiver and never blocks."""

    fault: str
    """Why the last frame was not taken, for the operator; "" when it was."""
    counters: dict[str, int]

    @property
    def target(self) -> str:
        """The receiver, and how it is reached."""
        ...

    def send(self, datagrams: Sequence[bytes | memoryview]) -> bool:
        """Sends one frame, says whether the system has taken all of it."""
        ...

    def close(self) -> None:
        """Closes it."""
        ...


class EngineOutput:
    """Sends performances and faces to one receiver."""

    def __init__(
        self,
        output: EngineSection,
        actors: Sequence[str],
        stage_rate_hz: float,
        timecode: TimecodeClock,
        wardrobe: Wardrobe,
    ) -> None:
        """Opens the streams and the socket; the streams of an output that is off too, to know that they can be.

        Args:
            output: The output's section.
            actors: All actors of the stage.
            stage_rate_hz: Framesets per second.
            timecode: Of the stage.
            wardrobe: Of the stage.

        Raises:
            UdpError: The system gives no socket.
        """
        self.id = output.id
        self._output = output
        self._live = LiveState(output, actors)
        self._stage_rate_hz = stage_rate_hz
        self._timecode = timecode
        self._wardrobe = wardrobe
        self._frames = self._faces = self._skipped = self._refused = self._unsent = 0
        self._refusal = ""
        self._broken = ""
        try:
            lanes = self._open_lanes()
        except (StageError, ProtocolError) as error:
            lanes, self._broken = {}, str(error)
        self.lanes = lanes if output.enabled else {}
        """By actor; none while it is switched off."""
        self.notes = tuple(note for lane in lanes.values() for note in notes_of(lane.stream))
        """What its receiver cannot show of what is sent, for the operator."""
        if self._broken and not output.enabled:
            self.notes = (self._broken,)
        self._sender = open_sender(output)

    @property
    def enabled(self) -> bool:
        """Whether it is switched on."""
        return self._live.enabled

    @property
    def counters(self) -> dict[str, int]:
        """Frames sent of bodies and of faces, skipped (rate limit), refused (not fit), and what the sender counts."""
        counts = {"frames": self._frames, "faces": self._faces, "skipped": self._skipped, "refused": self._refused}
        return counts | self._sender.counters

    @property
    def fact(self) -> str:
        """Kind, receiver and how it is reached."""
        return f"{self._output.kind} to {self._sender.target}"

    @property
    def fault(self) -> str:
        """What is wrong now, for the operator; "" when all is well, and while it is switched off."""
        return (self._broken or self._refusal or self._sender.fault) if self._live.enabled else ""

    def change(self, wish: SetOutput) -> None:
        """Takes over what a command asks for, or nothing of it.

        Raises:
            OutputError: It asks for what cannot be.
        """
        live = self._live
        before = live.wish
        live.change(wish)
        if (live.enabled, live.actor) != (before.enabled, before.actor) or (self._broken and wish.enabled):
            try:
                self.lanes = self._open_lanes() if live.enabled else {}
            except (StageError, ProtocolError) as error:
                live.change(before)
                raise OutputError(f"{self.id}: {error}") from error
            self._refusal = self._broken = ""
        elif wish.rate is not None:
            for lane in self.lanes.values():
                lane.limit(live.rate, self._stage_rate_hz)

    @property
    def text(self) -> str:
        """What is so now, in words."""
        return self._live.text

    @property
    def facts(self) -> dict[str, str]:
        """The same for programs."""
        return self._live.facts

    def news(self, now_ns: int) -> OutputState | None:
        """The state to publish, if it has changed or a second has passed."""
        fault = self.fault
        if not self._live.due(now_ns, fault):
            return None
        sent, lost = self._frames + self._faces, self._refused + self._unsent
        return self._live.state(now_ns, sent, lost, self._sender.target, fault)

    def send_body(self, lane: Lane, performance: Performance, now_ns: int) -> None:
        """Sends a performance of the lane's actor if the rate allows it; never blocks, never raises."""
        if not lane.bodies.admits(performance.capture_ns):
            self._skipped += 1
            return
        try:
            datagrams = lane.stream.frame(performance, now_ns)
        except ProtocolError as error:
            self._refuse(error)
        else:
            self._frames += self._sent(datagrams)

    def send_face(self, lane: Lane, face: FacePerformance, now_ns: int, *, alone: bool) -> None:
        """Sends a face of the lane's actor likewise; `alone` says whether no performances of the actor come."""
        if not lane.faces.admits(face.capture_ns):
            self._skipped += 1
            return
        try:
            datagrams = lane.stream.face(face, now_ns, alone=alone)
        except ProtocolError as error:
            self._refuse(error)
        else:
            self._faces += self._sent(datagrams)

    def close(self) -> None:
        """Closes the socket."""
        self._sender.close()

    def _sent(self, datagrams: Sequence[memoryview]) -> bool:
        self._refusal = ""
        if len(datagrams) == 0:  # this protocol has no place for what came
            return False
        if self._sender.send(datagrams):
            return True
        self._unsent += 1
        return False

    def _refuse(self, error: ProtocolError) -> None:
        self._refused += 1
        self._refusal = str(error)

    def _open_lanes(self) -> dict[str, Lane]:
        live = self._live
        streams = {actor: open_stream(self._output, actor, self._timecode, self._wardrobe) for actor in live.actors}
        return {actor: Lane(stream, live.rate, self._stage_rate_hz) for actor, stream in streams.items()}


def notes_of(stream: Stream) -> tuple[str, ...]:
    """What a stream has to tell the operator."""
    return stream.notes if isinstance(stream, VmcStream) else ()


def open_sender(output: EngineSection) -> Sender:
    """The sender to an output's receiver.

    Raises:
        UdpError: The system gives no socket.
    """
    if isinstance(output, OscSection) and output.transport == "tcp":
        return TcpSender(output.host, output.port, output.framing)
    return UdpSender(output.host, output.port)
