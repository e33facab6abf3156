"""How much of a stream there is: pictures and bits per second, over the last few seconds."""

from __future__ import annotations

import time
from collections import deque

_WINDOW = 120
_STALE_S = 2.0


class Rate:
    """Counts what passes."""

    def __init__(self) -> None:
        self._passed: deque[tuple[float, int]] = deque(maxlen=_WINDOW)

    def count(self, size: int) -> None:
        """Something of so many bytes has passed."""
        self._passed.append((time.monotonic(), size))

    @property
    def text(self) -> str:
        """For people; "" while there is too little to tell, or nothing any more."""
        passed = list(self._passed)
        if len(passed) < 10 or time.monotonic() - passed[-1][0] > _STALE_S:
            return ""
        seconds = max(1e-3, passed[-1][0] - passed[0][0])
        bits = 8 * sum(size for _, size in passed[1:])
        return f"{(len(passed) - 1) / seconds:.1f} fps, {bits / seconds / 1e6:.1f} Mbit/s"
