"""What a worker writes, line by line, bounded in length, rate and memory.

A worker that prints in a loop must neither drown the operator nor fill the supervisor: after a burst
its lines are counted instead of shown, and the count is shown when its ten seconds are over.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_LINE_BYTES = 400
_TAIL_LINES = 12
_BURST_LINES = 40
_WINDOW_S = 10.0


class LineRelay:
    """Turns chunks of bytes into lines; keeps the last few and hands on a bounded number."""

    def __init__(self, show: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """Call `show` with each line that may be shown; `clock` returns seconds."""
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        """The last lines, shown or not."""
        self._show = show
        self._clock = clock
        self._partial = b""
        self._window_start = clock()
        self._shown = 0
        self._held_back = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""
        *lines, self._partial = (self._partial + chunk).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._partial) > _LINE_BYTES:
            self._line(self._partial)
            self._partial = b""

    def close(self) -> None:
        """Hand on what is left when the stream has ended."""
        if self._partial:
            self._line(self._partial)
            self._partial = b""
        self._report_held_back()

    def _line(self, raw: bytes) -> None:
        line = raw[:_LINE_BYTES].decode("utf-8", "replace").rstrip()
        if not line:
            return
        self.tail.append(line)
        if self._clock() - self._window_start >= _WINDOW_S:
            self._report_held_back()
            self._window_start = self._clock()
            self._shown = 0
        if self._shown < _BURST_LINES:
            self._shown += 1
            self._show(line)
        else:
            self._held_back += 1

    def _report_held_back(self) -> None:
        if self._held_back:
            self._show(f"({self._held_back} more lines)")
            self._held_back = 0
