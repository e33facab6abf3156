"""Takes that somebody has damaged, and what must become of them; for tests and `benchmarks.take_damage`."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from protocols.errors import TakeError
from protocols.takefile import VIDEO, TakeReader, TakeRecord, verify
from stage.takes.recover import recover
from stage.takes.take_info import take_info

Outcome = Literal["told", "cut", "harmless", "WRONG"]
"""An error, a take without an end, nothing that matters, or something wrong that nobody was told of."""


class Judge:
    """Knows a take as it was, and judges what is read of it after it was damaged."""

    def __init__(self, whole: Path) -> None:
        """Reads the take as it was."""
        take = TakeReader(whole)
        self.data = whole.read_bytes()
        self.finished = take.finished
        self.records = list(take.records())
        self.counts, self.span_ns = take.counts, take.span_ns
        self.attachments, self.facts = dict(take.attachments), take.facts
        begin_ns, end_ns = self.span_ns
        self.range = begin_ns + (end_ns - begin_ns) // 3, end_ns - (end_ns - begin_ns) // 3
        self.wrong = ""
        """The last thing that went wrong."""

    def reading(self, path: Path, topics: tuple[str, ...], *, part: bool) -> Outcome:
        """Reads topics of a damaged take, all of it or a part."""
        begin_ns, end_ns = self.range if part else (0, 1 << 64)
        expected = [
            record
            for record in self.records
            if (not topics or record.topic.startswith(topics)) and begin_ns <= record.log_ns < end_ns
        ]
        try:
            take = TakeReader(path)
            read = list(take.records(*topics, begin_ns=begin_ns, end_ns=end_ns))
            whole = read == expected and take.counts == self.counts and take.span_ns == self.span_ns
            attachments = dict(take.attachments)
        except TakeError:
            return "told"
        if take.finished:
            same = whole and attachments == self.attachments and take.facts == self.facts
            return "harmless" if same else self._wrong(f"{topics}: {len(read)} of {len(expected)} records")
        beginning = _is_beginning(read, expected) and all(self.facts.get(name) == of for name, of in take.facts.items())
        return "cut" if beginning else self._wrong(f"{topics}: {len(read)} records that are no beginning")

    def checking(self, path: Path) -> Outcome:
        """Checks a damaged take."""
        try:
            found, info = verify(path), take_info(path)
        except TakeError:
            return "told"
        if found.fault:
            return "told" if found.records <= len(self.records) else self._wrong("more records than there were")
        if not found.finished:
            return "cut" if info.state == "unfinished" else self._wrong(f"listed as {info.state}")
        same = list(TakeReader(path).records()) == self.records
        return "harmless" if same and info.counts == self.counts else self._wrong("found to be whole, and is not")

    def mending(self, path: Path) -> Outcome:
        """Mends a damaged take: all that is in it then was in it before, in that order, and it says what is missing."""
        try:
            mended = recover(path)
        except TakeError:
            return "told"
        if mended is None:
            return "harmless"
        after = list(TakeReader(path).records())
        if verify(path).fault or not _in_order(after, self.records) or len(after) != mended.records:
            return self._wrong(f"mended to {len(after)} records that were not there")
        said = (
            mended.losses
            or mended.cut_bytes
            or not self.finished
            or "not ended" in TakeReader(path).facts["end"]["fault"]
        )
        return "told" if said or len(after) == len(self.records) else self._wrong("a loss that is not told")

    def _wrong(self, what: str) -> Outcome:
        self.wrong = what
        return "WRONG"


def damaged(whole: bytes, chance: random.Random) -> bytes:
    """A file that was cut, or in which bits have flipped, or both; now and then a run of bytes is gone or noise."""
    data = bytearray(whole)
    kind = chance.random()
    if kind < 0.7:
        for _ in range(1 if chance.random() < 0.7 else chance.randrange(2, 20)):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    if 0.5 < kind < 0.9:
        del data[chance.randrange(len(data)) :]
    if kind > 0.9:
        begin = chance.randrange(len(data))
        end = min(len(data), begin + chance.randrange(1, 3000))
        data[begin:end] = b"" if kind > 0.95 else chance.randbytes(end - begin)
    return bytes(data)


def _is_beginning(some: list[TakeRecord], of: list[TakeRecord]) -> bool:
    """Whether some records are a beginning of others: records of the bus, and each camera's video, by themselves."""

    def lanes(records: list[TakeRecord]) -> dict[str, list[TakeRecord]]:
        found: dict[str, list[TakeRecord]] = {}
        for record in records:
            found.setdefault(record.topic if record.topic.startswith(VIDEO) else "", []).append(record)
        return found

    whole = lanes(of)
    return _in_order(some, of) and all(lane == whole.get(name, [])[: len(lane)] for name, lane in lanes(some).items())


def _in_order(some: Iterable[TakeRecord], of: Iterable[TakeRecord]) -> bool:
    """Whether some records are among others, in the same order."""
    rest: Iterator[TakeRecord] = iter(of)
    return all(record in rest for record in some)
