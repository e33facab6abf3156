"""Upper bounds on how often an output sends."""

from __future__ import annotations

_EARLY = 0.25
"""Part of a period by which a frame may be early, so that uneven capture times do not cost frames."""


class RateLimit:
    """Admits frames at most at a given rate on the average.

    It looks at when frames were captured, not at when they arrive: which ones go does not depend on the load of
    the machine, and outputs of one rate send the same frames.
    """

    def __init__(self, rate_hz: float, stage_rate_hz: float) -> None:
        """Limits to `rate_hz`; 0, or a rate that the stage does not exceed anyway, admits everything."""
        self._period_ns = 1e9 / rate_hz if 0.0 < rate_hz < 0.999 * stage_rate_hz else 0.0
        self._due_ns = 0.0

    def admits(self, capture_ns: int) -> bool:
        """Whether the frame captured then may go; one that is admitted counts as sent."""
        period_ns = self._period_ns
        if period_ns == 0.0:
            return True
        early_ns = self._due_ns - capture_ns
        if _EARLY * period_ns < early_ns <= 2.0 * period_ns:
            return False
        # Times far from the expected one (a first frame, a gap, a source started again) start a new grid.
        self._due_ns = (self._due_ns if abs(early_ns) < period_ns else capture_ns) + period_ns
        return True
