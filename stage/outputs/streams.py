"""Streams: what an output makes of a performance. Pure; the sockets are the broadcast worker's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from protocols.messages import Performance
from protocols.plain_osc import PlainOscEncoder
from protocols.vmc import VmcEncoder
from stage.config import OutputSection
from stage.outputs.humanoid import HUMANOID_BONES, Humanoid
from stage.outputs.world_pose import WORLD_BONES, WorldPose


class Stream(Protocol):
    """Turns the performances of one actor into datagrams."""

    def frame(self, performance: Performance, now_ns: int) -> Sequence[memoryview]:
        """The datagrams of one frame, in the order to send them; valid until the next call.

        Args:
            performance: The next one of this stream's actor.
            now_ns: Stage time.

        Raises:
            ProtocolError: The performance holds numbers that must not be sent.
        """
        ...


class VmcStream:
    """VMC: the humanoid's local poses, in Unity's axes."""

    def __init__(self, *, bundled: bool, traced: bool) -> None:
        """Packs the frame, see `VmcEncoder`."""
        self._humanoid = Humanoid()
        self._encoder = VmcEncoder(HUMANOID_BONES, bundled=bundled, traced=traced)
        self._start_ns = -1

    def frame(self, performance: Performance, now_ns: int) -> Sequence[memoryview]:
        """See `Stream`. The protocol's time starts at 0 with the first frame and follows the capture."""
        if self._start_ns < 0:
            self._start_ns = performance.capture_ns
        return self._encoder.encode(
            self._humanoid.root,
            self._humanoid.pose(performance),
            time_s=(performance.capture_ns - self._start_ns) / 1e9,
            tracking=performance.state == "tracking",
            capture_ns=performance.capture_ns,
            sent_ns=now_ns,
        )


class PlainOscStream:
    """Plain OSC: the rig's poses in the world."""

    def __init__(self, actor: str, *, bundled: bool) -> None:
        """Packs the frame, see `PlainOscEncoder`."""
        self._pose = WorldPose()
        self._encoder = PlainOscEncoder(actor, WORLD_BONES, bundled=bundled)

    def frame(self, performance: Performance, now_ns: int) -> Sequence[memoryview]:
        """See `Stream`."""
        return self._encoder.encode(
            self._pose.root(performance),
            self._pose.bones(performance),
            state=performance.state,
            capture_ns=performance.capture_ns,
            sent_ns=now_ns,
        )


def open_stream(output: OutputSection) -> Stream:
    """The stream of a VMC or plain OSC output."""
    if output.kind == "vmc":
        return VmcStream(bundled=output.bundle, traced=output.trace)
    return PlainOscStream(output.actor, bundled=output.bundle)
