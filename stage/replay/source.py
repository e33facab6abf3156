"""Performances of a take, from any moment on, and the picture of any moment."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from protocols.errors import TakeError
from protocols.messages import Performance
from protocols.takefile import TakeReader
from stage.replay.item import MOST_NS, REACH_NS, Item, items_of

BODY, FACE, STEP = "performance.", "face.", "step."

_LATE_NS = REACH_NS
"""So long after its capture a record is published at most, where a file is read from the middle."""
_NEAR_NS = 500_000_000
"""What was captured longer before a moment is no part of its picture: that actor had left."""
_WIDER = 4
_DIGITS = 20
"""No moment has so many."""
_PRE_ROLL_NS = 61_000_000_000
"""The longest there is, and a little."""


class Start(NamedTuple):
    """Where playing begins."""

    log_ns: int
    """Nothing captured before this,"""
    due_ns: int = -1
    """nor published before or at this."""


class Still(NamedTuple):
    """The picture of one moment."""

    items: tuple[Item, ...]
    """The newest of each topic."""
    log_ns: int
    """When its bodies were captured; without bodies its faces."""


class Source(Protocol):
    """What a player plays."""

    begin_ns: int
    end_ns: int

    def play(self, start: Start, end_ns: int) -> Iterator[Item]:
        """Everything from a moment on that was captured before another, in the order of its publication."""
        ...

    def still(self, at_ns: int, step: int, begin_ns: int, end_ns: int) -> Still | None:
        """The picture `step` pictures after the one at a moment, within [begin, end); None where there is none."""
        ...


def span_of(take: TakeReader) -> tuple[int, int]:
    """Begin of a take, pre-roll included, and its end.

    A record may tell of a time long before (when a solver began, say); such are not what a take is about.

    Raises:
        TakeError: It is damaged, or its times are none.
    """
    begin_ns, last_ns = take.span_ns
    if last_ns >= MOST_NS:
        raise TakeError(f"{take.path}: a message of it is {last_ns / 1e9:.0f} s after 1970; that is no time")
    began_ns = take.facts.get("take", {}).get("began_ns", "")
    if began_ns.isdecimal() and len(began_ns) < _DIGITS and int(began_ns) <= last_ns:
        begin_ns = max(begin_ns, int(began_ns) - _PRE_ROLL_NS)
    return begin_ns, last_ns + 1


class PerformanceSource:
    """What actors did."""

    def __init__(self, take: TakeReader) -> None:
        """Of a take, or one of its tracks.

        Raises:
            TakeError: It is damaged.
        """
        self.take = take
        """What is read."""
        self.begin_ns, self.end_ns = span_of(take)

    def play(self, start: Start, end_ns: int) -> Iterator[Item]:
        """See `Source`.

        Raises:
            TakeError: The take is damaged; what came before is whole.
        """
        first_ns = max(start.log_ns, start.due_ns - _LATE_NS)
        for item in self._items(first_ns, end_ns):
            if item.due_ns > start.due_ns:
                yield item

    def still(self, at_ns: int, step: int, begin_ns: int, end_ns: int) -> Still | None:
        """See `Source`. Beyond the last picture it is the last one.

        Raises:
            TakeError: The take is damaged there.
        """
        reach_ns = _NEAR_NS
        while True:
            first_ns, last_ns = max(begin_ns, at_ns - reach_ns), min(end_ns, at_ns + reach_ns)
            items = sorted(self._items(first_ns - _NEAR_NS, last_ns), key=lambda item: item.log_ns)
            bodies = any(isinstance(item.record, Performance) for item in items)
            pictures = sorted(
                {
                    item.log_ns
                    for item in items
                    if isinstance(item.record, Performance) == bodies and first_ns <= item.log_ns < last_ns
                }
            )
            whole = first_ns <= begin_ns and last_ns >= end_ns
            now = bisect_right(pictures, at_ns) - 1
            wanted = now + step
            if pictures and (whole or (now >= 0 and 0 <= wanted < len(pictures))):
                # Before the first picture a step forward leads to the first.
                return _picture(items, pictures[min(max(wanted, 0), len(pictures) - 1)])
            if whole:
                return None
            reach_ns *= _WIDER

    def _items(self, begin_ns: int, end_ns: int) -> Iterator[Item]:
        return items_of(self.take.records(BODY, FACE, begin_ns=max(0, begin_ns), end_ns=end_ns))


def _picture(items: list[Item], log_ns: int) -> Still:
    newest = {item.topic: item for item in items if log_ns - _NEAR_NS < item.log_ns <= log_ns}
    return Still(tuple(newest.values()), log_ns)
