"""Network cameras and streams (RTSP above all), through PyAV with as little delay as FFmpeg allows.

Buffers meant for smooth playback are switched off, frames come out of the decoder as soon as they
are complete, and only the newest is kept. One frame interval of delay remains: FFmpeg knows the end
of an H.264 frame by the beginning of the next (MPEG-TS: two). RTSP runs over TCP, where a lost packet
costs a pause instead of a smeared picture. Times are the camera's own, see `stage.cameras.arrival`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from functools import partial

import av
from av.codec.context import Flags
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from protocols.clock import StageClock
from stage.cameras.arrival import ArrivalClock
from stage.cameras.sources._pixels import BgrConverter, has_decoder, upright_size
from stage.cameras.sources.live import LiveSource, Sample
from stage.cameras.sources.packets import COPIED_CODECS, Packet, coding_of, raw_packet
from stage.cameras.sources.source import SourceInfo
from stage.errors import SourceError

NS = 1_000_000_000
OPEN_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 3.0
"""A stream that sends nothing for so long is lost."""

_OPTIONS = {
    "rtsp_transport": "tcp",
    "fflags": "nobuffer",
    "max_delay": "0",
    "reorder_queue_size": "0",
    "analyzeduration": "1000000",  # microseconds; enough for one key frame interval of most cameras
    "probesize": "1000000",
}
_MOST_UNDECODABLE = 300
_MOST_UNTIMED = 64
"""Packets that wait for the picture they become, whose time is theirs."""


def stream_source(url: str, clock: StageClock, options: Mapping[str, str] | None = None) -> LiveSource:
    """A network stream as a live source.

    Args:
        url: What FFmpeg opens: rtsp://, tcp://, udp://, http:// ...
        clock: Stage time, for the stamps.
        options: Of FFmpeg's demuxer, beside or instead of those for low delay.
    """
    source = LiveSource(
        without_password(url), lambda: StreamConnection(url, clock, options or {}, source.keeps_packets)
    )
    return source


def without_password(url: str) -> str:
    """The URL as it may be shown and logged."""
    return re.sub(r"//[^/@]*@", "//***@", url)


class StreamConnection:
    """An open stream."""

    def __init__(self, url: str, clock: StageClock, options: Mapping[str, str], keep_packets: bool = False) -> None:
        """Connect and decode the first frame; `packets` has something where they are kept.

        Raises:
            SourceError: Nobody answers, or what answers sends no video.
        """
        self._name = without_password(url)
        self._clock = clock
        self._arrival = ArrivalClock()
        try:
            self._container: InputContainer = av.open(
                url,
                options={**_OPTIONS, **options},
                timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S),
                metadata_errors="replace",
            )
        except (FFmpegError, OSError, ValueError) as error:
            raise SourceError(f"{self._name}: cannot be opened ({_reason(error)})") from None
        try:
            stream = self._container.streams.best("video")
            if not isinstance(stream, VideoStream) or not has_decoder(stream):
                raise SourceError(f"{self._name}: sends no video that FFmpeg can decode")
            codec = stream.codec_context
            codec.flags |= Flags.low_delay
            stream.thread_type = "SLICE"  # threads by frame would delay by as many frames
            self._packets = self._container.demux(stream)
            self._keeps = keep_packets and codec.codec.canonical_name in COPIED_CODECS
            self._codec = codec
            self._untimed: deque[Packet] = deque()
            self._timed: list[Packet] = []
            self._decoded: deque[tuple[av.VideoFrame, int]] = deque()
            first, arrival_ns = self._next_decoded()
            self._decoded.appendleft((first, arrival_ns))
        except SourceError:
            self._container.close()
            raise
        self._convert = BgrConverter(*upright_size(first))
        rate = float(stream.average_rate or stream.guessed_rate or 0)
        self.info = SourceInfo(
            self._convert.width, self._convert.height, 0.0, rate, None, f"{codec.name} from {self._name}", live=True
        )

    def next_sample(self) -> Sample:
        """Wait for a frame.

        Raises:
            SourceError: The stream ended, fell silent, or became undecodable.
        """
        frame, arrival_ns = self._next_decoded()
        if frame.pts is None or frame.time_base is None:
            return Sample(partial(self._convert, frame), arrival_ns, arrival_ns)
        stamp_ns = int(frame.pts * frame.time_base * NS)
        capture_ns = self._arrival.capture_ns(stamp_ns, arrival_ns)
        if self._keeps:
            self._time_packets(stamp_ns, capture_ns, frame.rotation)
        return Sample(partial(self._convert, frame), stamp_ns, capture_ns)

    def packets(self) -> list[Packet]:
        """The packets up to that of the last sample, in the order of decoding; on the camera's clock."""
        packets, self._timed = self._timed, []
        return packets

    def close(self) -> None:
        """Hang up."""
        self._container.close()

    def _next_decoded(self) -> tuple[av.VideoFrame, int]:
        """The next frame and the stage time at which its last packet arrived."""
        undecodable = 0
        while len(self._decoded) == 0:
            try:
                packet = next(self._packets, None)
            except (FFmpegError, OSError, IndexError) as error:  # see FileSource for the last
                raise SourceError(f"{self._name}: lost ({_reason(error)})") from None
            arrival_ns = self._clock.now_ns()
            if packet is None or packet.dts is None:
                raise SourceError(f"{self._name}: lost (the stream ended)")
            try:
                frames = [f for f in packet.decode() if isinstance(f, av.VideoFrame)]
            except (FFmpegError, OSError):
                frames = []  # usual until the first key frame
            undecodable += 1
            if self._keeps and (raw := raw_packet(packet, coding_of(self._codec))) is not None:
                self._untimed.append(raw)
            if undecodable > _MOST_UNDECODABLE:
                raise SourceError(f"{self._name}: lost (no frame in {undecodable} packets can be decoded)")
            self._decoded.extend((frame, arrival_ns) for frame in frames)
        return self._decoded.popleft()

    def _time_packets(self, stamp_ns: int, capture_ns: int, rotation: int) -> None:
        """Let go of the packets up to the one that became this picture, and of what nobody becomes any more."""
        places = [place for place, packet in enumerate(self._untimed) if packet.pts_ns == stamp_ns]
        for _ in range(places[0] + 1 if places else len(self._untimed) - _MOST_UNTIMED):
            packet = self._untimed.popleft()
            coding = packet.coding._replace(rotation=rotation % 360)
            timed = packet._replace(capture_ns=packet.pts_ns - stamp_ns + capture_ns, coding=coding)
            self._timed.append(timed)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
