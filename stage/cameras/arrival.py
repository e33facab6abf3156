"""When a frame that came over a network was taken.

A stream carries the camera's own time stamps, which are regular but count from an unknown start;
arrival on our clock is known, but jitters with the network. Both together:

    capture = stamp + offset,    offset = the smallest (arrival - stamp) seen so far

since the frame that travelled fastest bounds the offset best. The smallest may rise by 200 ppm, so
that it follows a camera whose clock runs slower than ours. What remains is the constant part of
the way, which no receiver can see; `offset_ms` of the camera corrects it.

A stream that falls behind therefore shows its true age instead of looking fresh on arrival.
"""

from __future__ import annotations

_DRIFT = 200e-6
_RESTART_NS = 10_000_000_000
"""A stamp that is suddenly this late is not late: the camera's clock was set anew."""


class ArrivalClock:
    """Turns a stream's stamps into capture times on the clock that measures arrival."""

    def __init__(self) -> None:
        """Start without knowing the offset."""
        self._offset_ns: float | None = None
        self._last_arrival_ns = 0

    def capture_ns(self, stamp_ns: int, arrival_ns: int) -> int:
        """When the frame with this stamp was taken; never later than its arrival."""
        offset_ns = arrival_ns - stamp_ns
        if self._offset_ns is not None and offset_ns - self._offset_ns < _RESTART_NS:
            risen_ns = self._offset_ns + _DRIFT * (arrival_ns - self._last_arrival_ns)
            offset_ns = min(offset_ns, round(risen_ns))
        self._offset_ns = offset_ns
        self._last_arrival_ns = arrival_ns
        return stamp_ns + offset_ns
