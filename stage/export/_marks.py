"""The marks that an operator set in a take."""

from __future__ import annotations

from typing import NamedTuple

from protocols.show import Mark
from protocols.takefile import TakeReader


class ToldMark(NamedTuple):
    """One mark."""

    at_ns: int
    """Recorded stage time."""
    text: str


def marks(take: TakeReader, begin_ns: int, end_ns: int) -> list[ToldMark]:
    """The marks between two recorded stage times, both included, in their order.

    Raises:
        TakeError: The take is damaged.
    """
    found = []
    for entry in take.records("command.", begin_ns=begin_ns, end_ns=end_ns + 1):
        if entry.kind == Mark.__name__:
            record = entry.decoded().record
            if isinstance(record, Mark):
                found.append(ToldMark(entry.log_ns, record.text))
    return sorted(found)
