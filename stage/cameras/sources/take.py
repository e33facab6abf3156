"""A camera's video out of a take: `source = "take:takes/scene_001.mcap#left"`.

Every picture that was recorded is delivered, with its own number and time. Times count from the first message of the
whole take, not from the camera's first picture, so that the cameras of one take stay in step. What is damaged is
counted and left out.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from av.error import FFmpegError

from protocols.errors import DecodeError, TakeError
from protocols.takefile import TakeReader, TakeRecord
from stage.cameras.sources._pixels import BgrConverter, upright_size
from stage.cameras.sources.source import Frame, Image, SourceInfo
from stage.errors import SourceError
from stage.takes.video.decoder import Decoded, VideoDecoder
from stage.takes.video.message import TOPIC, picture_in

NS = 1_000_000_000
_LOOK_NS = NS // 2
"""Where something is looked for: first in so much of the take, then in twice as much."""
_RATE_NS = NS
"""So much of it tells the rate."""
_SKIP_NS = NS // 2
"""Left out at first where a take is damaged; a chunk holds about so much."""


class TakeSource:
    """One camera of a take as a recording."""

    def __init__(self, place: str) -> None:
        """Name take and camera, as in "PATH#CAMERA"."""
        path, _, self.camera = place.rpartition("#")
        self.path = Path(path)
        self.faults: Counter[str] = Counter()
        """`undecodable` messages, and `damaged` places of the file, so far."""
        self._take: TakeReader | None = None

    def open(self) -> SourceInfo:
        """Open the take and decode the camera's first picture.

        Raises:
            SourceError: There is no such take, it has no video of the camera, or nothing in it can be decoded.
        """
        self.close()
        try:
            take = TakeReader(self.path)
            counts, (self._zero_ns, self._end_ns) = take.counts, take.span_ns
        except TakeError as error:
            raise SourceError(str(error)) from error
        if counts.get(TOPIC + self.camera, 0) == 0:
            others = sorted(topic.removeprefix(TOPIC) for topic in counts if topic.startswith(TOPIC))
            has = f"it has that of {', '.join(others)}" if others else "it has none"
            raise SourceError(f"{self.path}: no video of camera {self.camera!r}; {has}")
        self._take = take
        self._decoder = VideoDecoder()
        self._decoder.faults = self.faults
        self._number = -1
        self._go_on(0)
        first = self._next()
        if first is None:
            self.close()
            raise SourceError(f"{self.path}: unreadable video of camera {self.camera!r} (no picture can be decoded)")
        self._decoded.appendleft(first)
        self._convert = BgrConverter(*upright_size(first.frame, first.rotation))
        self._rate = self._measured_rate(first.time_ns)
        duration_ns = self._last_ns() - self._zero_ns + (round(NS / self._rate) if self._rate > 0 else 0)
        told = f"{self._decoder.codec} {first.frame.format.name} of take {self.path.stem}"
        return SourceInfo(self._convert.width, self._convert.height, 0.0, self._rate, duration_ns, told)

    def read(self, out: Image | None = None) -> Frame | None:
        """Read the next picture; None after the last.

        Raises:
            SourceError: The take is not open, or `out` has the wrong shape.
        """
        while (decoded := self._next()) is not None:
            self._number = decoded.number if decoded.number >= 0 else self._number + 1
            try:
                image = self._convert(decoded.frame, out, decoded.rotation)
            except FFmpegError:  # such as colours that nobody knows
                self.faults["undecodable"] += 1
                continue
            return Frame(image, decoded.time_ns - self._zero_ns, None, self._number)
        return None

    def seek(self, position_ns: int) -> None:
        """Make the first picture at or after this time the next one; a time past the end ends the recording.

        Raises:
            SourceError: The take is not open.
        """
        target_ns = self._zero_ns + max(0, position_ns)
        self._go_on(self._keyframe_before(target_ns))
        while (decoded := self._next()) is not None:
            if decoded.time_ns >= target_ns:
                self._decoded.appendleft(decoded)
                return

    def close(self) -> None:
        """Let go of the take; a second call does nothing."""
        self._take = None
        self._decoded: deque[Decoded] = deque()
        self._messages: Iterator[TakeRecord] = iter(())

    def _opened(self) -> TakeReader:
        if self._take is None:
            raise SourceError(f"{self.path}: expected an open take, got a closed one")
        return self._take

    def _go_on(self, begin_ns: int) -> None:
        """Read messages from this stage time on."""
        self._decoder.reset()
        self._decoded.clear()
        self._messages = self._undamaged(begin_ns)
        self._flushed = False

    def _next(self) -> Decoded | None:
        self._opened()
        while len(self._decoded) == 0 and not self._flushed:
            message = next(self._messages, None)
            self._flushed = message is None
            decoded = self._decoder.flush() if message is None else self._decoder.decode(message.kind, message.data)
            self._decoded.extend(decoded)
        return self._decoded.popleft() if len(self._decoded) > 0 else None

    def _undamaged(self, begin_ns: int) -> Iterator[TakeRecord]:
        """The camera's messages from this time on; a damaged place is left out, and counted."""
        reached_ns = max(begin_ns, self._zero_ns)
        skip_ns = _SKIP_NS
        while reached_ns <= self._end_ns:
            try:
                for message in self._in_range(begin_ns, self._end_ns + 1):
                    reached_ns, skip_ns = max(reached_ns, message.log_ns), _SKIP_NS
                    yield message
                return
            except TakeError:
                self.faults["damaged"] += 1
                begin_ns = reached_ns = reached_ns + skip_ns
                skip_ns *= 2

    def _in_range(self, begin_ns: int, end_ns: int) -> Iterator[TakeRecord]:
        topic = TOPIC + self.camera
        for message in self._opened().records(topic, begin_ns=begin_ns, end_ns=end_ns):
            if message.topic == topic:  # not that of a camera whose name begins alike
                yield message

    def _keyframe_before(self, time_ns: int) -> int:
        """Time of the last keyframe up to this time, else of the take's beginning."""
        look_ns, end_ns = _LOOK_NS, time_ns + 1
        while end_ns > self._zero_ns:
            begin_ns = max(self._zero_ns, end_ns - look_ns)
            times = [message.log_ns for message in self._sound(begin_ns, end_ns) if _is_keyframe(message)]
            if len(times) > 0:
                return max(times)
            end_ns, look_ns = begin_ns, 2 * look_ns
        return self._zero_ns

    def _last_ns(self) -> int:
        """Time of the last picture."""
        look_ns, end_ns = _LOOK_NS, self._end_ns + 1
        while end_ns > self._zero_ns:
            begin_ns = max(self._zero_ns, end_ns - look_ns)
            times = [message.log_ns for message in self._sound(begin_ns, end_ns)]
            if len(times) > 0:
                return max(times)
            end_ns, look_ns = begin_ns, 2 * look_ns
        return self._end_ns

    def _measured_rate(self, first_ns: int) -> float:
        """Pictures per second, as the times of the first say; 0 when there is only one."""
        times = np.array(sorted(message.log_ns for message in self._sound(first_ns, first_ns + _RATE_NS)))
        intervals = np.diff(np.unique(times))
        return float(NS / np.median(intervals)) if len(intervals) > 0 else 0.0

    def _sound(self, begin_ns: int, end_ns: int) -> Iterator[TakeRecord]:
        """The camera's messages of a range, up to where it is damaged."""
        try:
            yield from self._in_range(begin_ns, end_ns)
        except TakeError:
            return


def _is_keyframe(message: TakeRecord) -> bool:
    try:
        return picture_in(message.kind, message.data).keyframe
    except DecodeError:
        return False
