"""Turns: which of both hands is read in a frame, the same in all cameras of one instant."""

from __future__ import annotations

_SPREAD = 0.6
"""Frames this much of a period apart, or less, are of one instant."""


class Turns:
    """Takes turns between 0 and 1 from one instant to the next."""

    def __init__(self, period_ns: int) -> None:
        """Instants are `period_ns` apart, or more."""
        self._spread_ns = round(_SPREAD * period_ns)
        self._instant_ns: int | None = None
        self._turn = 0

    def at(self, capture_ns: int) -> int:
        """Whose turn it is in a frame; one that comes late belongs to the instant before."""
        if self._instant_ns is None:
            self._instant_ns = capture_ns
        since_ns = capture_ns - self._instant_ns
        if since_ns > self._spread_ns or since_ns < -4 * self._spread_ns:  # the next one, or time has started anew
            self._turn, self._instant_ns = 1 - self._turn, capture_ns
        elif since_ns < -self._spread_ns:
            return 1 - self._turn
        return self._turn
