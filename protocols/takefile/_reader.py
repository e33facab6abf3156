"""Reads a take file; see `protocols.takefile`. Nothing in the file is believed before it is checked.

A finished file is read through its index: only the chunks that hold what is wanted. What the index says is protected
by its checksum, must account for every byte of the file, and is compared with each chunk that is read. An index that
leaves something out, as other writers may, is not used: the file is read from its beginning, as an unfinished one is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mcap.opcode import Opcode
from mcap.records import Attachment, Header

from protocols.errors import TakeError
from protocols.takefile._attached import Attached
from protocols.takefile._book import Book, Described
from protocols.takefile._chunk import RawMessage, stream
from protocols.takefile._format import (
    CHECKSUM,
    COMPLAINTS,
    FOREVER_NS,
    HEAD,
    MAGIC,
    MAX_RECORD_BYTES,
    PROFILE,
    TakeRecord,
    is_finished,
)
from protocols.takefile._order import in_received_order
from protocols.takefile._parts import (
    ATTACHMENT_LIMIT,
    Part,
    Parts,
    check_end,
    check_place,
    chunk_in,
    damage,
    message_in,
    parsed,
)
from protocols.takefile._summary import Summary, read_summary


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
        self._summary: Summary | None = None
        self._complete = False
        self._first = 0
        try:
            self.finished = is_finished(path)
            """Whether the file has its end."""
        except OSError as error:
            raise TakeError(f"{path}: {error.strerror}") from error
        with self._opened() as file:
            self._salvage = salvage
            if self.finished and not salvage:
                self._read_index(file)
            if self._summary is None:
                self._read_head(file)

    @property
    def indexed(self) -> bool:
        """Whether parts of it can be read without all that stands before them.

        Raises:
            TakeError: The index is damaged.
        """
        return self._index() is not None

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
        index = self._index() if topics or begin_ns > 0 or end_ns < FOREVER_NS else None
        if index is not None:
            book.learn(index.schemas.values(), index.channels.values())
            chunks = self._through_index(index, book, topics, begin_ns, end_ns)
        else:
            if self._salvage:
                self._learn_from_end(book)
            chunks = self._from_beginning(book)
        try:
            for message in in_received_order(chunks, book.topics):
                if begin_ns <= message.log_ns < end_ns:
                    yield book.described[message.channel_id], message
        except OSError as error:
            raise TakeError(f"{self.path}: {error.strerror}") from error

    def _through_index(
        self, summary: Summary, book: Book, topics: tuple[str, ...], begin_ns: int, end_ns: int
    ) -> Iterator[list[RawMessage]]:
        wanted = book.wanted if topics else None
        seen: Counter[int] = Counter()
        with self._opened() as file:
            for place in summary.table.holding(wanted, begin_ns, end_ns):
                part = self._part(file, place.position, place.length, Opcode.CHUNK)
                chunk = chunk_in(self.path, part, wanted)
                told = place.channels or chunk.channel_ids
                if (place.start_ns, place.end_ns, told) != (chunk.start_ns, chunk.end_ns, chunk.channel_ids):
                    raise damage(self.path, place.position, "a chunk that is another than the index says")
                seen.update(message.channel_id for message in chunk.messages)
                yield book.wanted_of(chunk.messages, part)
        first_ns, last_ns = self.span_ns
        if begin_ns <= first_ns and last_ns < end_ns:
            for channel, count in summary.statistics.channel_message_counts.items():
                if (wanted is None or channel in wanted) and seen[channel] != count:
                    topic = book.topics[channel]
                    raise TakeError(f"{self.path}: {seen[channel]} messages on {topic}, its index tells of {count}")

    def _from_beginning(self, book: Book) -> Iterator[list[RawMessage]]:
        ended = False
        self.losses = []
        with self._opened() as file, self._told():
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

    def _learn_from_end(self, book: Book) -> None:
        """What the end of a salvaged file tells of its channels: where they are told first may be damaged."""
        try:
            with self._opened() as file:
                summary = read_summary(file) if self.finished else None
        except COMPLAINTS:
            return
        if summary is not None:
            book.learn(summary.schemas.values(), summary.channels.values())

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

    def _read_index(self, file: BinaryIO) -> None:
        """Takes the end of a finished file, and with it facts and attachments."""
        try:
            summary = read_summary(file)
            if summary is None:
                return
            file.seek(len(MAGIC))
            opcode, length = HEAD.unpack(file.read(HEAD.size))
            header = Header.read(stream(file.read(min(length, MAX_RECORD_BYTES))))
            counts = summary.counts
        except COMPLAINTS as error:
            raise self._bad_index(error) from error
        self._summary, self._first = summary, len(MAGIC) + HEAD.size + length
        if opcode != Opcode.HEADER or (header.profile != PROFILE and self._index() is None):
            self._summary = None
            return
        self._counted = summary.span_ns, counts
        for place in sorted(summary.metadata, key=lambda place: place.offset):
            self._keep(self._part(file, place.offset, place.length, Opcode.METADATA))
        for attachment in sorted(summary.attachments, key=lambda place: place.offset):
            self.attachments.place(attachment.name, attachment.offset, attachment.length)

    def _index(self) -> Summary | None:
        """The end of the file, if it accounts for all of it; of our own writer's it is asked only when it is needed."""
        if self._summary is None or self._complete:
            return self._summary
        try:
            self._complete = self._summary.is_complete(self._first)
        except COMPLAINTS as error:
            raise self._bad_index(error) from error
        return self._summary if self._complete else None

    def _bad_index(self, error: Exception) -> TakeError:
        return TakeError(
            f"{self.path}: its index is damaged ({error}); `stage takes recover` makes a new one of what is whole"
        )

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
            return parsed(self.path, self._part(file, position, length, Opcode.ATTACHMENT))

    def _part(self, file: BinaryIO, position: int, length: int, opcode: int) -> Part:
        """The part that the index says is there."""
        file.seek(position)
        content = file.read(min(length, ATTACHMENT_LIMIT))
        head = HEAD.unpack_from(content) if len(content) >= HEAD.size else (0, 0)
        if head != (opcode, length - HEAD.size) or len(content) < length:
            raise damage(self.path, position, "not what the index says is there")
        return Part(opcode, content[HEAD.size :], position, 0)

    def _opened(self) -> BinaryIO:
        try:
            return self.path.open("rb")
        except OSError as error:
            raise TakeError(f"{self.path}: {error.strerror}") from error
