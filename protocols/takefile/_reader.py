"""Reads a take file; see `protocols.takefile`. Nothing in the file is believed before it is checked.

A finished file is read through its index, only the chunks that hold what is wanted; one without an index, as an
unfinished take is, from its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from mcap.opcode import Opcode
from mcap.records import Attachment

from protocols.errors import TakeError
from protocols.takefile._attached import Attached
from protocols.takefile._book import Book, Described
from protocols.takefile._chunk import RawMessage
from protocols.takefile._format import (
    CHECKSUM,
    COMPLAINTS,
    FOREVER_NS,
    TakeRecord,
    is_finished,
)
from protocols.takefile._index import Index, part_at, read_index
from protocols.takefile._order import in_received_order
from protocols.takefile._parts import (
    Part,
    Parts,
    check_end,
    check_place,
    chunk_in,
    damage,
    message_in,
    parsed,
)
from protocols.takefile._summary import read_summary


class TakeReader:
    """One take file."""

    def __init__(self, path: Path, *, salvage: bool = False) -> None:
        """Reads what the file says of itself.

        Args:
            path: The file.
            salvage: Read all that is whole, also behind damage: `records` then raises nothing, `losses` tells.

        Raises:
            TakeError: There is no such file, it is no take, or its head or its index are damaged.
        """
        self.path = path
        self.losses: list[str] = []
        """Set at the end of `records` of a salvaged file: what could not be read, and where."""
        self.facts: dict[str, dict[str, str]] = {}
        """Metadata by name: "take", "clock", "software", and "end" if the take is finished."""
        self.attachments = Attached(self._attachment)
        """Files inside the file: config, calibrations, profiles; the last one of a name."""
        self.unread_bytes = 0
        """Set at the end of a reading without the index: bytes behind the last whole part of an unfinished take."""
        self._counted: tuple[tuple[int, int], dict[str, int]] | None = None
        self._index: Index | None = None
        try:
            self.finished = is_finished(path)
            """Whether the file has its end."""
        except OSError as error:
            raise TakeError(f"{path}: {error.strerror}") from error
        with self._opened() as file:
            self._salvage = salvage
            self._index = read_index(path, file) if self.finished and not salvage else None
            if self._index is None:
                self._read_head(file)
            else:
                self._read_places(file, self._index)

    @property
    def indexed(self) -> bool:
        """Whether parts of it can be read without all that stands before them.

        Raises:
            TakeError: The index is damaged.
        """
        return self._index is not None and self._index.is_complete

    @property
    def is_counted(self) -> bool:
        """Whether `span_ns` and `counts` are known without reading all of the file."""
        return self._counted is not None

    @property
    def span_ns(self) -> tuple[int, int]:
        """Least and greatest time of all messages, stage time; (0, 0) when there are none.

        Raises:
            TakeError: The file has no index, and is damaged.
        """
        return self._known()[0]

    @property
    def counts(self) -> dict[str, int]:
        """Messages by topic.

        Raises:
            TakeError: The file has no index, and is damaged.
        """
        return dict(self._known()[1])

    def records(self, *topics: str, begin_ns: int = 0, end_ns: int = FOREVER_NS) -> Iterator[TakeRecord]:
        """Messages in the order in which they were received.

        All messages of a finished take (no topics, no range) are read with everything checked: when the iteration
        ends without an error, the file is as it was written. Otherwise every chunk that is read is.

        Args:
            topics: Prefixes of the topics that are wanted; none: all.
            begin_ns: Messages of this stage time (`TakeRecord.log_ns`) or later.
            end_ns: Messages before this stage time.

        Raises:
            TakeError: The file is damaged; what came before is whole.
        """
        for channel, message in self.messages(*topics, begin_ns=begin_ns, end_ns=end_ns):
            yield TakeRecord(channel.topic, channel.kind, message.data, message.log_ns, message.received_ns)

    def messages(
        self, *topics: str, begin_ns: int = 0, end_ns: int = FOREVER_NS
    ) -> Iterator[tuple[Described, RawMessage]]:
        """What `records` yields, as it stands in the file: to be copied.

        Raises:
            TakeError: As `records`.
        """
        book = Book(self.path, topics)
        in_part = bool(topics) or begin_ns > 0 or end_ns < FOREVER_NS
        with self._opened() as file:
            if in_part and self._index is not None and self._index.is_complete:
                chunks = self._index.messages(file, book, topics, begin_ns, end_ns)
            else:
                chunks = self._from_beginning(file, book)
            for message in in_received_order(chunks, book.topics):
                if begin_ns <= message.log_ns < end_ns:
                    yield book.described[message.channel_id], message

    def _from_beginning(self, file: BinaryIO, book: Book) -> Iterator[list[RawMessage]]:
        ended = False
        self.losses = []
        if self._salvage and self.finished:
            _learn_from_end(file, book)
        with self._told():
            parts = Parts(self.path, file, finished=self.finished, losses=self.losses if self._salvage else None)
            for part in parts:
                if part.opcode == Opcode.DATA_END:
                    ended = True
                    with self._told():
                        check_end(self.path, part)
                    break
                messages: list[RawMessage] = []
                with self._told():
                    messages = self._messages_in(part, book)
                yield messages
            self.unread_bytes = parts.unread_bytes
            if self.finished and not ended:
                raise damage(self.path, 0, "a footer without the end of the data")

    def _messages_in(self, part: Part, book: Book) -> list[RawMessage]:
        """The wanted messages of a part, whatever it is; what else it tells is kept."""
        match part.opcode:
            case Opcode.CHUNK:
                chunk = chunk_in(self.path, part)  # which of it is wanted may be told in this very chunk
                book.learn(chunk.schemas, chunk.channels)
                return book.wanted_of(chunk.messages, part)
            case Opcode.MESSAGE:
                return book.wanted_of([message_in(self.path, part)], part)
            case Opcode.SCHEMA:
                book.learn([parsed(self.path, part)], [])
            case Opcode.CHANNEL:
                book.learn([], [parsed(self.path, part)])
            case _:
                check_place(self.path, part)
                self._keep(part)
        return []

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Damage ends the reading, but of a file that is salvaged."""
        try:
            yield
        except TakeError as error:
            if not self._salvage:
                raise
            self.losses.append(str(error))

    def _read_places(self, file: BinaryIO, index: Index) -> None:
        """Facts and attachments of a finished file, from where the index says they are."""
        self._counted = index.summary.span_ns, index.counts
        for place in sorted(index.summary.metadata, key=lambda place: place.offset):
            self._keep(part_at(self.path, file, place.offset, place.length, Opcode.METADATA))
        for attachment in sorted(index.summary.attachments, key=lambda place: place.offset):
            self.attachments.place(attachment.name, attachment.offset, attachment.length)

    def _read_head(self, file: BinaryIO) -> None:
        file.seek(0)
        for part in Parts(self.path, file, finished=self.finished):
            if part.opcode in (Opcode.CHUNK, Opcode.MESSAGE, Opcode.DATA_END):
                break
            with self._told():
                self._keep(part)

    def _known(self) -> tuple[tuple[int, int], dict[str, int]]:
        if self._counted is None:
            counts: dict[str, int] = {}
            begin_ns, end_ns = FOREVER_NS, 0
            for record in self.records():
                counts[record.topic] = counts.get(record.topic, 0) + 1
                begin_ns, end_ns = min(begin_ns, record.log_ns), max(end_ns, record.log_ns)
            self._counted = (min(begin_ns, end_ns), end_ns), dict(sorted(counts.items()))
        return self._counted

    def _keep(self, part: Part) -> None:
        if part.opcode == Opcode.METADATA:
            record = parsed(self.path, part)
            self.facts[record.name] = {key: text for key, text in record.metadata.items() if key != CHECKSUM}
        elif part.opcode == Opcode.ATTACHMENT:
            self.attachments.hold(parsed(self.path, part))

    def _attachment(self, position: int, length: int) -> Attachment:
        with self._opened() as file:
            return parsed(self.path, part_at(self.path, file, position, length, Opcode.ATTACHMENT))

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        try:
            with self.path.open("rb") as file:
                yield file
        except OSError as error:
            raise TakeError(f"{self.path}: {error.strerror}") from error


def _learn_from_end(file: BinaryIO, book: Book) -> None:
    """What the end of a damaged file tells of its channels: where they are told first may be lost."""
    with suppress(*COMPLAINTS):
        summary = read_summary(file)
        if summary is not None:
            book.learn(summary.schemas.values(), summary.channels.values())
    file.seek(0)
