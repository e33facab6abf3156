"""A take file part by part, from its beginning; nothing is believed before it is checked."""

from __future__ import annotations

import zlib
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from mcap.opcode import Opcode
from mcap.records import Attachment, Channel, DataEnd, Metadata, Schema

from protocols.errors import TakeError
from protocols.takefile._chunk import RawMessage, Unfolded, raw_message, stream, unfolded
from protocols.takefile._format import CHECKSUM, COMPLAINTS, HEAD, MAGIC, MAX_RECORD_BYTES, checksum
from protocols.takefile._resync import Search

_KNOWN = frozenset(int(opcode) for opcode in Opcode)
ATTACHMENT_LIMIT = 1 << 30
_CRC_BYTES = 4


class Part(NamedTuple):
    """One part of a file."""

    opcode: int
    content: bytes
    position: int
    crc: int
    """Checksum of the file up to this part."""


class Parts:
    """Iterates over the parts of a file; ends at the first that is not whole, if the take is unfinished."""

    def __init__(self, path: Path, file: BinaryIO, *, finished: bool, losses: list[str] | None = None) -> None:
        """Begins at the start of the file.

        Args:
            path: Its name.
            file: Opened.
            finished: It has its end.
            losses: To be told of damage, instead of ending there: what is whole behind it is read too.
        """
        self.unread_bytes = 0
        """Bytes behind the last whole part of an unfinished take."""
        self._path, self._file, self._finished, self._losses = path, file, finished, losses

    def __iter__(self) -> Iterator[Part]:
        """The parts one by one.

        Raises:
            TakeError: The file is damaged.
        """
        file = self._file
        search: Search | None = None
        magic = file.read(len(MAGIC))
        if magic != MAGIC:
            raise TakeError(f"{self._path}: not a take file, it does not begin as MCAP files do")
        crc, position = zlib.crc32(magic), len(MAGIC)
        while head := file.read(HEAD.size):
            content = self._content(head, position)
            if content is None:
                if self._losses is None:
                    return
                search = search or Search(file)
                found = search.next_chunk(position + 1)
                if found is None:
                    return
                self._losses.append(f"{self._path}: damaged at byte {position}: nothing whole up to byte {found}")
                self.unread_bytes, position = 0, found
                file.seek(found)
                continue
            yield Part(head[0], content, position, crc)
            crc = zlib.crc32(content, zlib.crc32(head, crc))
            position += len(head) + len(content)

    def _content(self, head: bytes, position: int) -> bytes | None:
        """What stands behind a head; None where a file ends that has no end, or one that is salvaged is damaged."""
        try:
            return self._checked(head, position)
        except TakeError as error:
            if self._losses is None:
                raise
            self._losses.append(str(error))
            return None

    def _checked(self, head: bytes, position: int) -> bytes | None:
        opcode, length = HEAD.unpack(head) if len(head) == HEAD.size else (0, 0)
        if opcode not in _KNOWN:
            self.unread_bytes = len(head) + self._rest(position, zeros=not any(head) or len(head) < HEAD.size)
            return None
        limit = ATTACHMENT_LIMIT if opcode == Opcode.ATTACHMENT else MAX_RECORD_BYTES
        if length > limit:
            raise damage(self._path, position, f"a part of {length} bytes")
        content = self._file.read(length)
        if len(content) < length:
            if self._finished:
                raise damage(self._path, position, "a part that ends behind the file")
            self.unread_bytes = len(head) + len(content)
            return None
        return content

    def _rest(self, position: int, *, zeros: bool) -> int:
        """Bytes behind a cut: an unfinished take may end within a part, or in zeros after a power cut."""
        count = 0
        while block := self._file.read(1 << 20):
            zeros = zeros and not any(block)
            count += len(block)
        if self._finished or not zeros:
            raise damage(self._path, position, "a part of an unknown kind")
        return count


def parsed(path: Path, part: Part) -> Any:
    """A part that is neither a chunk nor a message.

    Raises:
        TakeError: It is not what it says.
    """
    content = stream(part.content)
    try:
        match part.opcode:
            case Opcode.SCHEMA:
                return Schema.read(content)
            case Opcode.CHANNEL:
                return Channel.read(content)
            case Opcode.METADATA:
                record = Metadata.read(content)
                claimed = record.metadata.get(CHECKSUM)
                if claimed is not None and claimed != checksum(record.metadata):
                    raise ValueError(f"facts ({record.name}) that do not match their checksum")
                return record
            case Opcode.ATTACHMENT:
                record = Attachment.read(content)
                claimed = int.from_bytes(part.content[-_CRC_BYTES:], "little")
                if claimed not in (0, zlib.crc32(part.content[:-_CRC_BYTES])):
                    raise ValueError(f"an attachment ({record.name}) that does not match its checksum")
                return record
            case _:
                return DataEnd.read(content)
    except COMPLAINTS as error:
        raise damage(path, part.position, f"a part that cannot be read ({error})") from error


def chunk_in(path: Path, part: Part, wanted: Container[int] | None = None) -> Unfolded:
    """A chunk, with those of its messages whose channels are wanted; None: all.

    Raises:
        TakeError: It is not whole.
    """
    try:
        return unfolded(part.content, wanted)
    except COMPLAINTS as error:
        raise damage(path, part.position, f"a chunk that is not whole ({error})") from error


def message_in(path: Path, part: Part) -> RawMessage:
    """A message that stands outside of chunks, as other writers do it.

    Raises:
        TakeError: It is none.
    """
    try:
        return raw_message(part.content)
    except COMPLAINTS as error:
        raise damage(path, part.position, f"a message that is none ({error})") from error


def check_place(path: Path, part: Part) -> None:
    """What is no message must be what it says, lest a chunk that lost its name be passed over.

    Raises:
        TakeError: It is not.
    """
    if part.opcode == Opcode.MESSAGE_INDEX:
        sound = int.from_bytes(part.content[2:6], "little") == len(part.content) - 6
    else:
        sound = part.opcode in (Opcode.METADATA, Opcode.ATTACHMENT) or part.position == len(MAGIC)
    if not sound:
        raise damage(path, part.position, f"a part of kind {part.opcode} where none is")


def check_end(path: Path, part: Part) -> None:
    """Holds the checksum at the end of the data against the data.

    Raises:
        TakeError: It does not match.
    """
    if parsed(path, part).data_section_crc not in (0, part.crc):
        raise damage(path, part.position, "checksum of the file: something before is not as it was written")


def damage(path: Path, position: int, what: str) -> TakeError:
    """What is said of a damaged file."""
    return TakeError(f"{path}: damaged at byte {position}: {what}; what comes before is whole")
