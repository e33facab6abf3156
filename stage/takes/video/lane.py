"""What the lanes of all cameras have in common; `CopyLane`, whose pictures come compressed."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from protocols.errors import ProtocolError
from protocols.foxglove import Picture
from protocols.messages import FrameNote
from protocols.video import VideoPacket
from stage.takes.video.annexb import AnnexB
from stage.takes.video.message import VideoMessage, format_of, video_message
from stage.takes.video.rate import Rate

_MOST_READY_BYTES = 64 << 20
"""What nobody fetches is dropped beyond this."""


class Lane(Protocol):
    """One camera's way into the take; used by one thread, never waits."""

    dropped: int
    """Pictures that were to be recorded and are not."""

    @property
    def waiting(self) -> int:
        """Pictures taken and not ready yet."""
        ...

    def frame(self, note: FrameNote) -> None:
        """A frame lies in the ring."""
        ...

    def packet(self, packet: VideoPacket, sequence: int) -> None:
        """A compressed picture has come, `sequence` its number on the bus."""
        ...

    def ready(self) -> list[VideoMessage]:
        """What is finished, in the order of decoding."""
        ...

    def begin(self) -> None:
        """What comes next does not continue what came before: begin with a keyframe."""
        ...

    def fact(self) -> str:
        """How it does, for people."""
        ...

    def close(self) -> None:
        """End it; what waits is lost."""
        ...


class CopyLane:
    """Packets as their source delivered them; H.264 and H.265 as a byte stream."""

    def __init__(self, camera: str) -> None:
        """Waits for a keyframe."""
        self.began = False
        """Whether any packet has come."""
        self.dropped = 0
        self._camera = camera
        self._ready: deque[VideoMessage] = deque()
        self._ready_bytes = 0
        self._expected = -1
        self._await_keyframe = True
        self._fresh = True
        self._codec = ""
        self._stream: AnnexB | None = None
        self._count = 0
        self._fault = ""
        self._rate = Rate()

    @property
    def waiting(self) -> int:
        """None: a packet is converted when it comes."""
        return 0

    def frame(self, note: FrameNote) -> None:
        """Of no interest: the pictures come by packets."""

    def packet(self, packet: VideoPacket, sequence: int) -> None:
        """Convert it; one that does not continue the last waits for a keyframe."""
        self.began = True
        missed = sequence - self._expected if self._expected >= 0 else 0
        self._expected = sequence + 1
        if missed != 0:
            self.dropped += max(0, missed)  # below 0: the camera's worker was restarted
            self._await_keyframe = True
        if self._await_keyframe and not packet.keyframe:
            self.dropped += not self._fresh
            return
        try:
            message = video_message(self._picture(packet), self._count)
        except ProtocolError as error:
            self._lose(str(error))
            return
        if self._ready_bytes + message.bytes > _MOST_READY_BYTES:
            self._lose("")
            return
        self._await_keyframe = self._fresh = False
        self._count += 1
        self._ready.append(message)
        self._ready_bytes += message.bytes
        self._rate.count(message.bytes)

    def ready(self) -> list[VideoMessage]:
        """What has come since the last call."""
        messages, self._ready_bytes = list(self._ready), 0
        self._ready.clear()
        return messages

    def begin(self) -> None:
        """Wait for the next keyframe; what passes until then is not missed."""
        self._expected = -1
        self._await_keyframe = self._fresh = True

    def fact(self) -> str:
        """Codec and rate."""
        told = [f"copy of {self._codec or 'what will come'}", self._rate.text, self._fault]
        return ", ".join(part for part in told if part)

    def close(self) -> None:
        """Nothing is open."""

    def _picture(self, packet: VideoPacket) -> Picture:
        if packet.codec != self._codec:
            self._codec = packet.codec
            self._stream = AnnexB(packet.codec) if packet.codec in ("h264", "hevc") else None
        data, extradata = packet.data, packet.extradata
        if self._stream is not None:
            data, extradata = self._stream.convert(data, packet.keyframe, extradata), b""
        return Picture(
            packet.capture_ns,
            self._camera,
            format_of(packet.codec),
            data,
            extradata,
            packet.keyframe,
            packet.shown,
            packet.frame,
            packet.rotation,
            packet.width,
            packet.height,
            packet.colorspace,
            packet.color_range,
        )

    def _lose(self, fault: str) -> None:
        self.dropped += 1
        self._fault = fault or self._fault
        self._await_keyframe = True
