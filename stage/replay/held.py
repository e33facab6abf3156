"""What stands while the player does: the last of each topic, shown again and again at its own rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from stage.replay.item import Item

FOLLOWED_NS = 1_000_000_000
"""Bodies are what positions are about, unless none has been seen for so long; who was not seen for so long had left."""
STALE_NS = 200_000_000
"""What is later than that is not made up for."""


class Due(NamedTuple):
    """A record that is to go out now."""

    item: Item
    capture_ns: int
    """Stage time now of what it tells; all its times are moved by as much."""
    speed: float
    """How fast those of its topic follow each other."""
    held: bool = False
    """It is shown again while the player stands still."""


@dataclass
class _Standing:
    item: Item
    next_ns: int


class Held:
    """The picture that stands, by topic."""

    def __init__(self) -> None:
        self._standing: dict[str, _Standing] = {}
        self._lags_ns: dict[str, int] = {}
        """From capture to publication, by topic, the least."""

    def __len__(self) -> int:
        """How many topics are of it."""
        return len(self._standing)

    @property
    def due_ns(self) -> int:
        """When the newest of it was published; -1 when there is none."""
        return max((standing.item.due_ns for standing in self._standing.values()), default=-1)

    def next_ns(self) -> list[int]:
        """When each of it is due again."""
        return [standing.next_ns for standing in self._standing.values()]

    def lag_ns(self, item: Item) -> int:
        """From capture to publication of the item's topic; that of the item while none is known."""
        return self._lags_ns.get(item.topic, item.due_ns - item.log_ns)

    def note_lag(self, item: Item) -> None:
        """Remembers how long after its capture an item was published."""
        self._lags_ns[item.topic] = min(item.due_ns - item.log_ns, self.lag_ns(item))

    def keep(self, item: Item, next_ns: int) -> None:
        """Takes what was played, to be shown again from then on."""
        self._standing[item.topic] = _Standing(item, next_ns)

    def show(self, items: Iterable[Item], now_ns: int) -> None:
        """Takes a picture in place of the one before, to be shown at once."""
        self._standing = {item.topic: _Standing(item, now_ns) for item in items}

    def clear(self) -> None:
        """Forgets the picture."""
        self._standing.clear()

    def due(self, now_ns: int) -> Iterator[Due]:
        """What of it is to be shown again now."""
        newest_ns = max((standing.item.log_ns for standing in self._standing.values()), default=0)
        for topic, standing in list(self._standing.items()):
            if newest_ns - standing.item.log_ns > FOLLOWED_NS:  # that actor had left before
                del self._standing[topic]
            elif standing.next_ns <= now_ns:
                at_ns = standing.next_ns if now_ns - standing.next_ns < STALE_NS else now_ns
                standing.next_ns = at_ns + standing.item.period_ns
                yield Due(standing.item, at_ns - self.lag_ns(standing.item), 0.0, held=True)
