"""Mends takes that have no end, or are damaged: what is whole goes into a new file, which takes the old one's name.

    scene_001.mcap              mended: a finished take with every whole message of the old one
    scene_001.mcap.unfinished   the old file, as the crash left it; delete it when you have seen the new one

The new file is compared with the old one message by message and on the disk before it takes the name. Tracks are
mended alike. A take that is being recorded, or mended by another stage, is locked and left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from protocols.takefile import Described, RawMessage, TakeReader, verify
from stage.takes.completed_tables import complete_tables
from stage.takes.rewrite import Pause, no_pause, nobody_else, take_its_place, written_beside

UNFINISHED = ".unfinished"
FACTS = "recovered"
"""Name of the facts that say that a take was mended."""
_DIGITS = 20
"""No moment has so many."""


class Recovered(NamedTuple):
    """A take that was mended."""

    path: Path
    original: Path
    """Where the old file is now."""
    records: int
    losses: list[str]
    """What of the old file was damaged; nothing of a take that a crash has cut."""
    tables: list[Path]
    """Tables of faces that were completed."""
    cut_bytes: int
    """Behind the last whole part of the old file."""

    @property
    def text(self) -> str:
        """For people."""
        cut = f", {self.cut_bytes} bytes at its end were cut" if self.cut_bytes else ""
        lost = f"; damaged and left out: {'; '.join(self.losses)}" if self.losses else ""
        kept = f"as it was it is kept as {self.original.name}"
        return f"{self.path.name} mended: {self.records} records{cut}{lost}; {kept}"


def recover(path: Path, pause: Pause = no_pause) -> Recovered | None:
    """Mends a take; None when there is nothing to mend.

    Args:
        path: The take, or a track.
        pause: Called now and then.

    Raises:
        TakeError: It is no take, is being recorded, has nothing whole in it, or there is no room for a new one.
    """
    with nobody_else(path):
        take = TakeReader(path, salvage=True)
        if take.finished and not verify(path, pause).fault:
            return None
        seen = _Seen(take)
        facts = {name: of for name, of in take.facts.items() if name != "end"} | {FACTS: _facts(path)}
        new = written_beside(take, path, seen.messages, facts, seen.end, pause=pause)
        original = take_its_place(new, path, UNFINISHED)
    return Recovered(path, original, seen.records, seen.losses, complete_tables(path, pause), seen.cut_bytes)


class _Seen:
    """What passes while a take is copied."""

    def __init__(self, take: TakeReader) -> None:
        self.records = 0
        self.losses: list[str] = []
        self.cut_bytes = 0
        self._take = take
        self._ended_ns = 0

    def messages(self) -> Iterator[tuple[Described, RawMessage]]:
        """All that are whole."""
        self.records = 0
        for entry in self._take.messages():
            self.records += 1
            self._ended_ns = max(self._ended_ns, entry[1].received_ns)
            yield entry
        self.losses, self.cut_bytes = self._take.losses, self._take.unread_bytes

    def end(self) -> dict[str, str]:
        """How the take ended, as far as that is known."""
        before = self._take.facts.get("end", {})
        told = self._take.facts.get("take", {}).get("began_ns", "")
        began_ns = int(told) if told.isdecimal() and len(told) < _DIGITS else self._ended_ns
        what = f"damaged: {'; '.join(self.losses)}" if self.losses else "not ended by its recorder"
        return {
            "ended_ns": str(self._ended_ns),
            "seconds": f"{max(0, self._ended_ns - began_ns) / 1e9:.3f}",
            "timecode": before.get("timecode", ""),
            "records": str(self.records),
            "lost": before.get("lost", "0"),
            "fault": f"{what}; this is all that was whole of it",
        }


def _facts(path: Path) -> dict[str, str]:
    return {"from": path.name, "made": datetime.now(UTC).isoformat(timespec="seconds")}
