"""Reads all of a take file and holds it against what it says of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from protocols.errors import TakeError
from protocols.takefile._copy import nothing
from protocols.takefile._reader import TakeReader

_PAUSE_AFTER = 500


class Verified(NamedTuple):
    """What came of it."""

    finished: bool
    records: int
    """Whole messages; of a damaged file those before the damage."""
    unread_bytes: int
    """Behind the last whole part of an unfinished take."""
    fault: str
    """What is damaged, and where; "" when nothing is."""


def verify(path: Path, pause: Callable[[], None] = nothing) -> Verified:
    """Checks every checksum, every attachment, and the index against what it tells of.

    Args:
        path: The file.
        pause: Called now and then.

    Raises:
        TakeError: There is no such file, or it is no take at all.
    """
    counts: Counter[str] = Counter()
    try:
        take = TakeReader(path)
    except TakeError as error:
        take = TakeReader(path, salvage=True)
        return Verified(take.finished, 0, 0, str(error))
    try:
        for number, record in enumerate(take.records()):
            counts[record.topic] += 1
            if number % _PAUSE_AFTER == 0:
                pause()
        for name in take.attachments:
            take.attachments.whole(name)
        if take.indexed:
            _check_index(take, counts, pause)
    except TakeError as error:
        return Verified(take.finished, counts.total(), 0, str(error))
    return Verified(take.finished, counts.total(), take.unread_bytes, "")


def _check_index(take: TakeReader, counts: Counter[str], pause: Callable[[], None]) -> None:
    """Reads it all again as those do who seek.

    Raises:
        TakeError: They would find something else.
    """
    if take.counts != dict(counts):
        raise TakeError(f"{take.path}: its index counts other messages than there are")
    begin_ns, end_ns = take.span_ns
    for number, record in enumerate(take.records("")):  # every topic begins so
        if not begin_ns <= record.log_ns <= end_ns:
            raise TakeError(f"{take.path}: a message outside of the time that its index tells")
        if number % _PAUSE_AFTER == 0:
            pause()
