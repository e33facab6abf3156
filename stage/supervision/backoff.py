"""How long to wait before a worker is started again."""

from __future__ import annotations

FIRST_DELAY_S = 0.25
MAX_DELAY_S = 5.0
HEALTHY_S = 10.0


class BackOff:
    """Delays 0, 0.25, 0.5, 1, 2, 4, 5, 5 ... seconds; a life of ten seconds starts over.

    The first restart is immediate: most deaths are single, and the show waits.
    """

    def __init__(self) -> None:
        """Nothing has died yet."""
        self._deaths = 0

    def after(self, lived_s: float) -> float:
        """Count a death after a life of `lived_s` seconds and return the delay in seconds."""
        self._deaths = 1 if lived_s >= HEALTHY_S else self._deaths + 1
        if self._deaths == 1:
            return 0.0
        # Beyond the longest delay the count no longer matters, and 2 ** count must not overflow.
        return min(FIRST_DELAY_S * 2.0 ** min(self._deaths - 2, 10), MAX_DELAY_S)
