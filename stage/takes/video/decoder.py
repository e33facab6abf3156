"""`VideoDecoder`: the pictures of one camera out of a take, message by message."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import NamedTuple

import av
from av.error import FFmpegError

from protocols.errors import DecodeError
from protocols.foxglove import Picture
from stage.takes.video.message import codec_of, picture_in

_NANOSECOND = Fraction(1, 1_000_000_000)
_MOST_PIXELS = 1 << 28
"""A picture that claims to be larger is damage."""
_LATEST_NS = 1 << 62
_MOST_INSIDE = 1000
"""Pictures that no decoder keeps back: what is left of them after so many is damage."""


class Decoded(NamedTuple):
    """One picture of the show."""

    frame: av.VideoFrame
    time_ns: int
    """Stage time at which it was taken."""
    number: int
    """The camera's number of the frame; -1 where it was not recorded."""
    rotation: int
    """Degrees, counterclockwise, by which it has to be turned."""


class VideoDecoder:
    """Decodes what a camera's lane has written, in the same order; times of what comes out always rise."""

    def __init__(self) -> None:
        """Waits for a keyframe."""
        self.faults: Counter[str] = Counter()
        """`undecodable` messages so far."""
        self.codec = ""
        """FFmpeg's name of the codec; "" before the first keyframe."""
        self._context: av.VideoCodecContext | None = None
        self._coded: tuple[object, ...] = ()
        self._zero_ns = 0
        self._newest_ns = -1
        self._delivered_ns = -1
        self._pictures: dict[int, Picture] = {}

    def decode(self, schema_name: str, data: bytes) -> list[Decoded]:
        """The pictures that a message completes; none for one that is damaged, or has no keyframe before it.

        Args:
            schema_name: The message's schema, `TakeRecord.kind`.
            data: The message.
        """
        try:
            picture = picture_in(schema_name, data)
        except DecodeError:
            picture = None
        if picture is None or not picture.data or not 0 <= picture.time_ns < _LATEST_NS:
            self.faults["undecodable"] += 1
            return []
        coded = (picture.format, picture.extradata, picture.width, picture.height)
        before: list[Decoded] = []
        if picture.keyframe and (coded != self._coded or picture.time_ns <= self._newest_ns):
            before = self.flush(until_ns=picture.time_ns)
            self._begin(picture)
            self._coded = coded
        if self._context is None:
            return before
        self._newest_ns = max(self._newest_ns, picture.time_ns)
        packet = av.Packet(len(picture.data))  # one of FFmpeg's own: it has the room behind it that decoders read into
        packet.update(picture.data)
        packet.pts, packet.time_base = picture.time_ns - self._zero_ns, _NANOSECOND
        if len(self._pictures) > _MOST_INSIDE:
            self._pictures.clear()
        self._pictures[packet.pts] = picture._replace(data=b"", extradata=b"")
        return [*before, *self._decoded(packet)]

    def flush(self, until_ns: int = _LATEST_NS) -> list[Decoded]:
        """The pictures that are still inside, of before a time; then it waits for a keyframe."""
        decoded = [] if self._context is None else self._decoded(None, until_ns)
        self._context, self._coded, self._newest_ns = None, (), -1
        self._pictures.clear()
        return decoded

    def reset(self) -> None:
        """Forget everything: what comes next is from elsewhere."""
        self._context, self._coded = None, ()
        self._newest_ns = self._delivered_ns = -1
        self._pictures.clear()

    def _begin(self, picture: Picture) -> None:
        self.codec, self._zero_ns = codec_of(picture.format), picture.time_ns
        try:
            context = av.CodecContext.create(self.codec, "r")
            if not isinstance(context, av.VideoCodecContext):
                raise ValueError(f"{self.codec} is no video")
            if 0 < picture.width * picture.height < _MOST_PIXELS:
                context.width, context.height = picture.width, picture.height
            context.colorspace, context.color_range = picture.colorspace, picture.color_range
            if picture.extradata:
                context.extradata = picture.extradata
            # Threads that let go of packets, which are Python's, would wait for the lock of the one that ends them.
            context.thread_count = 1
            # Pictures leave in the order of their times however late the stream says how far it mixes them.
            context.options = {"strict": "strict"}
        except (FFmpegError, ValueError):
            self.faults["undecodable"] += 1
            return
        self._context = context

    def _decoded(self, packet: av.Packet | None, until_ns: int = _LATEST_NS) -> list[Decoded]:
        assert self._context is not None  # asked before
        try:
            frames = self._context.decode(packet)
        except (FFmpegError, ValueError, OSError):
            self.faults["undecodable"] += packet is not None
            return []
        decoded = []
        for frame in frames:
            picture = self._pictures.get(-1 if frame.pts is None else frame.pts)
            if picture is None or not picture.shown or not self._delivered_ns < picture.time_ns < until_ns:
                continue
            self._delivered_ns = picture.time_ns
            decoded.append(Decoded(frame, picture.time_ns, picture.frame, picture.rotation))
            for pts in [pts for pts, passed in self._pictures.items() if passed.time_ns <= picture.time_ns]:
                del self._pictures[pts]
        return decoded
