"""Reads a take file; see `protocols.takefile`. Nothing in the file is believed before it is checked."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import lz4.frame
import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Attachment, Channel, Chunk, DataEnd, Message, Metadata, Schema
from mcap.stream_reader import breakup_chunk

from protocols.errors import TakeError
from protocols.takefile._format import CHECKSUM, MAGIC, MAX_RECORD_BYTES, TakeRecord, checksum, is_finished, kind_of

_HEAD = struct.Struct("<BQ")
_KNOWN = frozenset(int(opcode) for opcode in Opcode)
_ATTACHMENT_LIMIT = 1 << 30
_CRC_BYTES = 4
# What the library and the decompressors raise on bytes that are not what they say they are.
_COMPLAINTS = (McapError, ValueError, struct.error, RuntimeError, MemoryError, zstandard.ZstdError, EOFError, KeyError)


class _Part(NamedTuple):
    opcode: int
    content: bytes
    position: int
    crc: int
    """Checksum of the file up to this part."""


class TakeReader:
    """One take file, from its beginning to its end."""

    def __init__(self, path: Path) -> None:
        """Reads what stands before the first message.

        Raises:
            TakeError: There is no such file, it is no take, or its head is damaged.
        """
        self.path = path
        self.facts: dict[str, dict[str, str]] = {}
        """Metadata by name: "take", "clock", "software"; after a whole `records` also "end"."""
        self.attachments: dict[str, bytes] = {}
        """Files inside the file: config, calibrations, profiles."""
        self.unread_bytes = 0
        """Set at the end of `records`: bytes behind the last whole part of an unfinished take."""
        try:
            self.finished = is_finished(path)
            """Whether the file has its end."""
        except OSError as error:
            raise TakeError(f"{path}: {error.strerror}") from error
        with self._opened() as file:
            for part in self._parts(file):
                if part.opcode in (Opcode.CHUNK, Opcode.MESSAGE, Opcode.DATA_END):
                    break
                self._keep(part)

    def records(self, *topics: str) -> Iterator[TakeRecord]:
        """All messages in the order in which they were received.

        In a finished take everything is checked: when the iteration ends without an error, the file is as it was
        written. In an unfinished one every chunk is.

        Args:
            topics: Prefixes of the topics that are wanted; none: all.

        Raises:
            TakeError: The file is damaged; what came before is whole.
        """
        schemas: dict[int, str] = {}
        channels: dict[int, Channel] = {}
        ended = False
        with self._opened() as file:
            for part in self._parts(file):
                if part.opcode == Opcode.CHUNK:
                    inner = self._chunk(part)
                elif part.opcode == Opcode.DATA_END:
                    self._check_end(part)
                    ended = True
                    break
                elif part.opcode in (Opcode.SCHEMA, Opcode.CHANNEL, Opcode.MESSAGE):
                    inner = [self._parsed(part)]
                else:
                    self._check_place(part)
                    self._keep(part)
                    continue
                for record in inner:
                    if isinstance(record, Schema):
                        schemas[record.id] = kind_of(record.name)
                    elif isinstance(record, Channel):
                        channels[record.id] = record
                    elif isinstance(record, Message):
                        channel = channels.get(record.channel_id)
                        if channel is None:
                            raise self._damage(part.position, f"a message of the unknown channel {record.channel_id}")
                        if not topics or channel.topic.startswith(topics):
                            kind = schemas.get(channel.schema_id, "")
                            yield TakeRecord(channel.topic, kind, record.data, record.log_time, record.publish_time)
        if self.finished and not ended:
            raise self._damage(0, "a footer without the end of the data")

    def _parts(self, file: BinaryIO) -> Iterator[_Part]:
        """The parts of the file one by one; ends at the first that is not whole, if the take is unfinished."""
        magic = file.read(len(MAGIC))
        if magic != MAGIC:
            raise TakeError(f"{self.path}: not a take file, it does not begin as MCAP files do")
        crc, position = zlib.crc32(magic), len(MAGIC)
        self.unread_bytes = 0
        while head := file.read(_HEAD.size):
            opcode, length = _HEAD.unpack(head) if len(head) == _HEAD.size else (0, 0)
            if opcode not in _KNOWN:
                rest = len(head) + self._rest(file, position, zeros=not any(head) or len(head) < _HEAD.size)
                self.unread_bytes = rest
                return
            limit = _ATTACHMENT_LIMIT if opcode == Opcode.ATTACHMENT else MAX_RECORD_BYTES
            if length > limit:
                raise self._damage(position, f"a part of {length} bytes")
            content = file.read(length)
            if len(content) < length:
                if self.finished:
                    raise self._damage(position, "a part that ends behind the file")
                self.unread_bytes = len(head) + len(content)
                return
            yield _Part(opcode, content, position, crc)
            crc = zlib.crc32(content, zlib.crc32(head, crc))
            position += len(head) + length

    def _rest(self, file: BinaryIO, position: int, *, zeros: bool) -> int:
        """Bytes behind a cut: an unfinished take may end within a part, or in zeros after a power cut."""
        count = 0
        while block := file.read(1 << 20):
            zeros = zeros and not any(block)
            count += len(block)
        if self.finished or not zeros:
            raise self._damage(position, "a part of an unknown kind")
        return count

    def _keep(self, part: _Part) -> None:
        if part.opcode == Opcode.METADATA:
            record = self._parsed(part)
            claimed = record.metadata.get(CHECKSUM)
            if claimed is not None and claimed != checksum(record.metadata):
                raise self._damage(part.position, f"facts ({record.name}) that do not match their checksum")
            self.facts[record.name] = {key: text for key, text in record.metadata.items() if key != CHECKSUM}
        elif part.opcode == Opcode.ATTACHMENT:
            record = self._parsed(part)
            claimed = int.from_bytes(part.content[-_CRC_BYTES:], "little")
            if claimed not in (0, zlib.crc32(part.content[:-_CRC_BYTES])):
                raise self._damage(part.position, f"an attachment ({record.name}) that does not match its checksum")
            self.attachments[record.name] = record.data

    def _chunk(self, part: _Part) -> list[Any]:
        try:
            chunk = Chunk.read(ReadDataStream(BytesIO(part.content)))
            self._check_size(chunk, part.position)
            return list(breakup_chunk(chunk, validate_crc=True))
        except _COMPLAINTS as error:
            raise self._damage(part.position, f"a chunk that is not whole ({error})") from error

    def _check_size(self, chunk: Chunk, position: int) -> None:
        """What a chunk unfolds to is bounded before it is unfolded."""
        size = chunk.uncompressed_size
        if chunk.compression == "zstd":
            size = max(size, zstandard.frame_content_size(chunk.data))
        elif chunk.compression == "lz4":
            size = max(size, int(lz4.frame.get_frame_info(chunk.data)["content_size"]))  # type: ignore[index]
        if size > MAX_RECORD_BYTES:
            raise self._damage(position, f"a chunk of {size} bytes")

    def _check_place(self, part: _Part) -> None:
        """What is no message must be what it says, lest a chunk that lost its name be passed over."""
        if part.opcode == Opcode.MESSAGE_INDEX:
            sound = int.from_bytes(part.content[2:6], "little") == len(part.content) - 6
        else:
            sound = part.opcode in (Opcode.METADATA, Opcode.ATTACHMENT) or part.position == len(MAGIC)
        if not sound:
            raise self._damage(part.position, f"a part of kind {part.opcode} where none is")

    def _check_end(self, part: _Part) -> None:
        claimed = self._parsed(part).data_section_crc
        if claimed not in (0, part.crc):
            raise self._damage(part.position, "checksum of the file: something before is not as it was written")

    def _parsed(self, part: _Part) -> Any:
        stream = ReadDataStream(BytesIO(part.content))
        try:
            match part.opcode:
                case Opcode.MESSAGE:
                    return Message.read(stream, len(part.content))
                case Opcode.SCHEMA:
                    return Schema.read(stream)
                case Opcode.CHANNEL:
                    return Channel.read(stream)
                case Opcode.METADATA:
                    return Metadata.read(stream)
                case Opcode.ATTACHMENT:
                    return Attachment.read(stream)
                case _:
                    return DataEnd.read(stream)
        except _COMPLAINTS as error:
            raise self._damage(part.position, f"a part that cannot be read ({error})") from error

    def _opened(self) -> BinaryIO:
        try:
            return self.path.open("rb")
        except OSError as error:
            raise TakeError(f"{self.path}: {error.strerror}") from error

    def _damage(self, position: int, what: str) -> TakeError:
        return TakeError(f"{self.path}: damaged at byte {position}: {what}; what comes before is whole")
