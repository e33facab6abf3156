"""Best views: in which cameras a face or a hand is read.

Reading every hand in every camera would cost more than the pose itself, so that only the best few
views of each are read. Cameras are read at different moments; the choice is therefore made among
what each was last worth. A view's worth (size, visibility) is multiplied by how well it has lately
been read, between 0 and 1. A view not read is taken for a fairly good one: one that fails loses its
place to the next, is forgiven after a while, and one that works is not left for a slightly better one.
"""

from __future__ import annotations

from dataclasses import dataclass

MEMORY_NS = 300_000_000
"""A view that has not been heard of for so long is gone."""

UNTRIED = 0.7
"""How well a view is thought to be read before it is."""

HOPELESS = 0.15
"""A view read worse than this is given a rest between attempts."""

_LEARN = 0.25
"""Share of the newest reading in what is thought of a view."""

_FORGET_NS = 2_000_000_000
"""How long it takes to forget about two thirds of it, without reading."""


@dataclass
class _View:
    worth: float = 0.0
    quality: float = UNTRIED
    seen_ns: int = -1
    read_ns: int = -1


class BestViews:
    """The best views of each of several things."""

    def __init__(self, count: int, rest_ns: int = 0) -> None:
        """Choose `count` views of each.

        Args:
            count: How many.
            rest_ns: Between two attempts at a view that is hopeless.
        """
        self._count = count
        self._rest_ns = rest_ns
        self._views: dict[str, dict[str, _View]] = {}

    def note(self, key: str, view: str, worth: float, capture_ns: int) -> None:
        """Say what a view of `key` is worth now; 0 is nothing."""
        views = self._views.setdefault(key, {})
        state = views.setdefault(view, _View())
        if state.seen_ns >= 0:
            share = min(max(capture_ns - state.seen_ns, 0) / _FORGET_NS, 1.0)
            state.quality += share * (UNTRIED - state.quality)
        state.worth, state.seen_ns = worth, capture_ns
        for name in [n for n, other in views.items() if abs(capture_ns - other.seen_ns) > MEMORY_NS]:
            del views[name]

    def is_chosen(self, key: str, view: str) -> bool:
        """Whether a view of `key` is among the best that are worth anything."""
        views = self._views.get(key, {})
        own = views.get(view)
        if own is None or own.worth <= 0.0:
            return False
        better = sum(
            (other.worth * other.quality, name) > (own.worth * own.quality, view) for name, other in views.items()
        )
        resting = own.quality < HOPELESS and 0 <= own.seen_ns - own.read_ns < self._rest_ns
        return better < self._count and not resting

    def is_any_worth(self, key: str) -> bool:
        """Whether any view of `key` is worth anything."""
        return any(view.worth > 0.0 for view in self._views.get(key, {}).values())

    def learn(self, key: str, view: str, success: float) -> None:
        """Say how well a view of `key` has been read, in [0, 1]."""
        state = self._views.get(key, {}).get(view)
        if state is not None:
            state.quality += _LEARN * (success - state.quality)
            state.read_ns = state.seen_ns
