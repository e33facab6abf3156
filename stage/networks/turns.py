"""Turns: what is read in one instant and what in the next, the same in all cameras of one instant."""

from __future__ import annotations

from collections.abc import Sequence

_SPREAD = 0.6
"""Frames this much of a period apart, or less, are of one instant."""


class Turns:
    """Takes turns between 0 .. count - 1 from one instant to the next; by default two, the hands."""

    def __init__(self, period_ns: int, count: int = 2) -> None:
        """Instants are `period_ns` apart, or more."""
        self._count = count
        self._spread_ns = round(_SPREAD * period_ns)
        self._instant_ns: int | None = None
        self._turn = 0

    def at(self, capture_ns: int) -> int:
        """Whose turn it is in a frame; one that comes late belongs to the instant before."""
        if self._instant_ns is None:
            self._instant_ns = capture_ns
        since_ns = capture_ns - self._instant_ns
        if since_ns > self._spread_ns or since_ns < -4 * self._spread_ns:  # the next one, or time has started anew
            self._turn, self._instant_ns = (self._turn + 1) % self._count, capture_ns
        elif since_ns < -self._spread_ns:
            return (self._turn - 1) % self._count
        return self._turn


class Rota:
    """Which cameras rest in an instant, so that only some are read: each in turn, evenly."""

    def __init__(self, cameras: Sequence[str], views: int, period_ns: int) -> None:
        """Of the cameras, `views` are read in every instant; 0 reads all."""
        self._place = {camera: place for place, camera in enumerate(cameras)}
        self._resting = max(0, len(cameras) - views) if views > 0 else 0
        self._turns = Turns(period_ns, max(1, len(cameras)))

    def rests(self, camera: str, capture_ns: int) -> bool:
        """Whether a camera rests in its frame of this time."""
        if self._resting == 0:
            return False
        count = len(self._place)
        # Neighbours rest one after another, so that those that are read together stand around the volume.
        return (self._place[camera] - self._turns.at(capture_ns) * self._resting) % count < self._resting


def hand_hold(cameras: int, views: int) -> int:
    """Instants that a hand's turn lasts, so that each hand meets every camera.

    Where half of the cameras rest in turn, hands that took turns in step with them would always meet the same half.
    """
    resting = max(0, cameras - views) if views > 0 else 0

    def meets_all(hold: int) -> bool:
        first = [k for k in range(2 * hold * cameras) if k // hold % 2 == 0]
        return all(any((place - k * resting) % cameras >= resting for k in first) for place in range(cameras))

    return next((hold for hold in range(1, cameras + 1) if meets_all(hold)), 1)
