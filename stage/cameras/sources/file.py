"""Video files, through PyAV.

Every frame is delivered, with its own time: the presentation time of the file, counted from its
first frame. A file may be damaged: packets that cannot be decoded are counted and skipped, and a
file that ends long before the duration it states raises `TruncatedError` after its last frame.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.error import EOFError as EndOfFileError
from av.error import FFmpegError
from av.video.stream import VideoStream

from stage.cameras.sources._pixels import BgrConverter, has_decoder, upright_size
from stage.cameras.sources.packets import COPIED_CODECS, Packet, PacketTap, coding_of, raw_packet
from stage.cameras.sources.source import Frame, Image, SourceInfo, TruncatedError
from stage.errors import SourceError

NS = 1_000_000_000
_TRUNCATED_S = 0.1
"""A file may end this much (or two frames) before its stated end."""


class FileSource:
    """A video file as a recording."""

    def __init__(self, path: Path | str, threads: int = 1) -> None:
        """Name the file.

        Args:
            path: Any file that FFmpeg reads.
            threads: Decoder threads; one decodes 1080p H.264 at about 200 frames/s.
        """
        self.path = Path(path)
        self.faults: Counter[str] = Counter()
        """`undecodable` packets and `untimed` frames so far."""
        self._threads = threads
        self._container: InputContainer | None = None
        self._decoded: deque[av.VideoFrame] = deque()
        self._tap: PacketTap | None = None
        self._shown_from_ns = 0

    def keep_packets(self) -> None:
        """Set the packets of the file aside from now on; called before `open`."""
        self._tap = PacketTap(self.faults)

    def open(self) -> SourceInfo:
        """Open the file and decode its first frame.

        Raises:
            SourceError: There is no such file, it holds no video, or nothing in it can be decoded.
        """
        self.close()
        if not self.path.is_file():
            raise SourceError(f"{self.path}: no such video file")
        try:
            # The prefix keeps FFmpeg from taking a file name with a colon for a protocol.
            self._container = av.open(f"file:{self.path}", metadata_errors="replace")
        except (FFmpegError, OSError) as error:
            raise SourceError(f"{self.path}: unreadable or truncated video ({_reason(error)})") from None
        stream = self._container.streams.best("video")
        if not isinstance(stream, VideoStream):
            self.close()
            raise SourceError(f"{self.path}: holds no video")
        if not has_decoder(stream):
            self.close()
            raise SourceError(f"{self.path}: unreadable or truncated video (of no codec that FFmpeg knows)")
        stream.codec_context.thread_count = self._threads
        stream.thread_type = "AUTO" if self._threads > 1 else "SLICE"
        self._stream = stream
        self._coding = coding_of(stream.codec_context)
        self._shown_from_ns = 0
        self._packets: Iterator[av.Packet] = self._container.demux(stream)
        self._rate = float(stream.average_rate or stream.guessed_rate or 0)
        first = self._next_decoded()
        if first is None:
            self.close()
            raise SourceError(f"{self.path}: unreadable or truncated video (no frame can be decoded)")
        self._decoded.appendleft(first)
        self._coding = coding_of(stream.codec_context, first.rotation)
        self._first_ns = self._absolute_ns(first, 0)
        self._end_ns = self._stated_end_ns()
        self._complained = False
        self._last_ns = -1
        self._convert = BgrConverter(*upright_size(first))
        return self._info()

    def read(self, out: Image | None = None) -> Frame | None:
        """Read the next frame; None after the last.

        Raises:
            TruncatedError: The file ended before its time; raised once, then None.
            SourceError: The file is not open, or `out` has the wrong shape.
        """
        frame = self._next_decoded()
        if frame is None:
            self._check_complete()
            return None
        pts_ns = self._pts_ns(frame)
        self._last_ns = pts_ns
        return Frame(self._convert(frame, out), pts_ns, None, self._number(pts_ns))

    def packets(self) -> list[Packet]:
        """The packets read since the last call, in the order of decoding; those before a `seek` are forgotten."""
        packets = [] if self._tap is None else self._tap.take()
        return [self._timed(packet) for packet in packets]

    def seek(self, position_ns: int) -> None:
        """Make the first frame at or after this time the next one; a time past the end ends the file.

        Raises:
            SourceError: The file is not open or cannot be read from there.
        """
        container = self._opened()
        target_ns = max(0, position_ns)
        time_base = self._stream.time_base
        assert time_base is not None  # every stream of an open container has one
        try:
            container.seek(int((self._first_ns + target_ns) / NS / time_base), stream=self._stream, backward=True)
        except (FFmpegError, OSError) as error:
            raise SourceError(f"{self.path}: cannot seek ({_reason(error)})") from None
        self._decoded.clear()
        self._packets = container.demux(self._stream)
        self._last_ns = -1
        half_frame_ns = int(0.25 * NS / self._rate) if self._rate > 0 else 0
        self._shown_from_ns = target_ns - half_frame_ns
        if self._tap is not None:
            self._tap.take()
            self._tap.begin()
        while (frame := self._next_decoded()) is not None:
            self._last_ns = self._pts_ns(frame)
            if self._last_ns >= target_ns - half_frame_ns:  # containers round times
                self._decoded.appendleft(frame)
                self._last_ns = -1
                return

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._decoded.clear()
        if self._container is not None:
            self._container.close()
            self._container = None

    def _opened(self) -> InputContainer:
        if self._container is None:
            raise SourceError(f"{self.path}: expected an open file, got a closed one")
        return self._container

    def _next_decoded(self) -> av.VideoFrame | None:
        """The next frame as the decoder gives it; None at the end of the file."""
        self._opened()
        while len(self._decoded) == 0:
            try:
                packet = next(self._packets, None)
            except (FFmpegError, OSError, IndexError):  # the last: PyAV, when a stream has appeared late
                self.faults["undecodable"] += 1
                packet = None  # what follows a place that cannot be demuxed is not found again
            if packet is None:
                return None
            if self._tap is not None:
                self._set_aside(packet, self._tap)
            try:
                self._decoded.extend(f for f in packet.decode() if isinstance(f, av.VideoFrame))
            except EndOfFileError:
                return None
            except (FFmpegError, OSError):
                self.faults["undecodable"] += 1
        return self._decoded.popleft()

    def _set_aside(self, packet: av.Packet, tap: PacketTap) -> None:
        raw = raw_packet(packet, self._coding) if self._coding.codec in COPIED_CODECS else None
        if raw is not None:
            tap.put(raw)

    def _timed(self, packet: Packet) -> Packet:
        """A packet with the times and the number of its frame."""
        pts_ns = packet.pts_ns - self._first_ns
        return packet._replace(
            pts_ns=pts_ns,
            dts_ns=packet.dts_ns - self._first_ns,
            number=self._number(pts_ns),
            shown=packet.shown and pts_ns >= self._shown_from_ns,
            coding=self._coding,
        )

    def _absolute_ns(self, frame: av.VideoFrame, otherwise: int) -> int:
        if frame.pts is None or frame.time_base is None:
            self.faults["untimed"] += 1
            return otherwise
        return int(frame.pts * frame.time_base * NS)

    def _pts_ns(self, frame: av.VideoFrame) -> int:
        """Time since the first frame; a frame without one follows its predecessor at the file's rate."""
        step_ns = int(NS / self._rate) if self._rate > 0 else 0
        following = 0 if self._last_ns < 0 else self._last_ns + step_ns
        return self._absolute_ns(frame, self._first_ns + following) - self._first_ns

    def _number(self, pts_ns: int) -> int:
        return round(pts_ns * self._rate / NS)

    def _stated_end_ns(self) -> int | None:
        """Where the container says that the video ends, on its own time axis."""
        stream = self._stream
        if stream.duration is not None and stream.time_base is not None:
            return int(((stream.start_time or 0) + stream.duration) * stream.time_base * NS)
        if "DURATION" in stream.metadata:  # Matroska, "00:00:03.666000000"
            try:
                hours, minutes, seconds = stream.metadata["DURATION"].split(":")
                return int((int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * NS)
            except ValueError:
                return None
        return None

    def _check_complete(self) -> None:
        if self._end_ns is None or self._last_ns < 0 or self._complained:
            return
        frame_s = 1.0 / self._rate if self._rate > 0 else 0.0
        stated_s = (self._end_ns - self._first_ns) / NS
        ended_s = self._last_ns / NS + frame_s
        if stated_s - ended_s > max(_TRUNCATED_S, 2 * frame_s):
            self._complained = True
            raise TruncatedError(
                f"{self.path}: truncated video: ends after {ended_s:.2f} s but states {stated_s:.2f} s; copy it again"
            )

    def _info(self) -> SourceInfo:
        codec = self._stream.codec_context
        name = f"{codec.name} {codec.pix_fmt}, {self._threads} decoder thread{'s' if self._threads > 1 else ''}"
        duration_ns = None if self._end_ns is None else self._end_ns - self._first_ns
        return SourceInfo(self._convert.width, self._convert.height, 0.0, self._rate, duration_ns, name)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
