"""Reads parts of a finished take file through its index, which is believed after it was checked.

It is protected by its checksum, must account for every byte of the data, and is compared with each chunk that is read.
An index that leaves something out, as other writers may, is not used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mcap.opcode import Opcode
from mcap.records import Header

from protocols.errors import TakeError
from protocols.takefile._book import Book
from protocols.takefile._chunk import RawMessage, stream
from protocols.takefile._format import COMPLAINTS, HEAD, MAGIC, MAX_RECORD_BYTES, PROFILE
from protocols.takefile._parts import ATTACHMENT_LIMIT, Part, chunk_in, damage
from protocols.takefile._summary import Summary, read_summary


class Index:
    """The index of a file."""

    def __init__(self, path: Path, summary: Summary, first: int) -> None:
        """Of a file whose data begin at byte `first`."""
        self.summary = summary
        self.counts = summary.counts
        """Messages by topic."""
        self._path, self._first = path, first
        self._complete: bool | None = None

    @property
    def is_complete(self) -> bool:
        """Whether it accounts for all of the file, so that parts can be read through it.

        Raises:
            TakeError: It is damaged.
        """
        if self._complete is None:
            try:
                self._complete = self.summary.is_complete(self._first)
            except COMPLAINTS as error:
                raise _damaged(self._path, error) from error
        return self._complete

    def messages(
        self, file: BinaryIO, book: Book, topics: tuple[str, ...], begin_ns: int, end_ns: int
    ) -> Iterator[list[RawMessage]]:
        """Of each chunk that may hold some, the messages of the wanted channels, in the order of the file.

        Raises:
            TakeError: The file is damaged, or another than the index says.
        """
        book.learn(self.summary.schemas.values(), self.summary.channels.values())
        wanted = book.wanted if topics else None
        seen: Counter[int] = Counter()
        for place in self.summary.table.holding(wanted, begin_ns, end_ns):
            part = part_at(self._path, file, place.position, place.length, Opcode.CHUNK)
            chunk = chunk_in(self._path, part, wanted)
            told = place.channels or chunk.channel_ids
            if (place.start_ns, place.end_ns, told) != (chunk.start_ns, chunk.end_ns, chunk.channel_ids):
                raise damage(self._path, place.position, "a chunk that is another than the index says")
            seen.update(message.channel_id for message in chunk.messages)
            yield book.wanted_of(chunk.messages, part)
        first_ns, last_ns = self.summary.span_ns
        if begin_ns <= first_ns and last_ns < end_ns:
            for channel, count in self.summary.statistics.channel_message_counts.items():
                if (wanted is None or channel in wanted) and seen[channel] != count:
                    topic = book.topics[channel]
                    raise TakeError(f"{self._path}: {seen[channel]} messages on {topic}, its index tells of {count}")


def read_index(path: Path, file: BinaryIO) -> Index | None:
    """The index of a finished file; None when it has none that can be relied on.

    Of a file of our own writer, whether it accounts for all of it is asked only when that matters.

    Raises:
        TakeError: It is damaged.
    """
    try:
        summary = read_summary(file)
        if summary is None:
            return None
        file.seek(len(MAGIC))
        opcode, length = HEAD.unpack(file.read(HEAD.size))
        header = Header.read(stream(file.read(min(length, MAX_RECORD_BYTES))))
        index = Index(path, summary, len(MAGIC) + HEAD.size + length)
    except COMPLAINTS as error:
        raise _damaged(path, error) from error
    return index if opcode == Opcode.HEADER and (header.profile == PROFILE or index.is_complete) else None


def part_at(path: Path, file: BinaryIO, position: int, length: int, opcode: int) -> Part:
    """The part that an index says is there.

    Raises:
        TakeError: It is not.
    """
    file.seek(position)
    content = file.read(min(length, ATTACHMENT_LIMIT))
    head = HEAD.unpack_from(content) if len(content) >= HEAD.size else (0, 0)
    if head != (opcode, length - HEAD.size) or len(content) < length:
        raise damage(path, position, "not what the index says is there")
    return Part(opcode, content[HEAD.size :], position, 0)


def _damaged(path: Path, error: Exception) -> TakeError:
    return TakeError(f"{path}: its index is damaged ({error}); `stage takes recover` makes a new one of what is whole")
