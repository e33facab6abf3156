"""A chunk of a take file: while it is filled, and unfolded again."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Container
from io import BytesIO
from typing import Any, NamedTuple

import lz4.frame
import zstandard
from mcap.data_stream import ReadDataStream, RecordBuilder
from mcap.opcode import Opcode
from mcap.records import Channel, ChunkIndex, McapRecord, Schema

from protocols.takefile._format import HEAD, MAX_RECORD_BYTES

_MESSAGE = struct.Struct("<HIQQ")
_TIMES = struct.Struct("<QQQI")
_LENGTH4, _LENGTH8 = struct.Struct("<I"), struct.Struct("<Q")
_INDEX_HEAD = struct.Struct("<BQHI")
_NEVER = (1 << 64) - 1
_MOST_CHANNELS = 1 << 16


class RawMessage(NamedTuple):
    """A message as it stands in the file."""

    channel_id: int
    sequence: int
    log_ns: int
    received_ns: int
    data: bytes


class Unfolded(NamedTuple):
    """What is in a chunk."""

    start_ns: int
    """Least time of its messages, as the chunk says."""
    end_ns: int
    """Greatest."""
    schemas: list[Schema]
    channels: list[Channel]
    channel_ids: set[int]
    """Of all its messages."""
    messages: list[RawMessage]
    """Those that are wanted, as they stand."""


class OpenChunk:
    """A chunk that is being filled."""

    def __init__(self, compression: str) -> None:
        """Empty; compression is "zstd" or "" for none."""
        self.bytes = 0
        """Of its messages' payloads."""
        self._compression = compression
        self._pieces: list[bytes] = []
        self._size = 0
        self._places: dict[int, list[int]] = {}  # per channel: time, offset, time, offset, ...
        self._start_ns, self._end_ns = _NEVER, 0

    def define(self, record: McapRecord) -> None:
        """Adds a schema or a channel, in front of the messages that need it."""
        self._add(packed(record))

    def add(self, message: RawMessage) -> None:
        """Adds a message."""
        channel, sequence, log_ns, received_ns, data = message
        self._places.setdefault(channel, []).extend((log_ns, self._size))
        self._start_ns, self._end_ns = min(self._start_ns, log_ns), max(self._end_ns, log_ns)
        head = HEAD.pack(Opcode.MESSAGE, _MESSAGE.size + len(data))
        self._add(head + _MESSAGE.pack(channel, sequence, log_ns, received_ns))
        self._add(data)
        self.bytes += len(data)

    def folded(self, position: int) -> tuple[list[bytes], ChunkIndex]:
        """The chunk and its message index as parts of a file, and its line in the index of chunks.

        Args:
            position: Where in the file it will begin.
        """
        plain = b"".join(self._pieces)
        data = zstandard.compress(plain) if self._compression == "zstd" else plain
        name = self._compression.encode()
        head = b"".join(
            [
                _TIMES.pack(self._start_ns, self._end_ns, len(plain), zlib.crc32(plain)),
                _LENGTH4.pack(len(name)),
                name,
                _LENGTH8.pack(len(data)),
            ]
        )
        parts = [HEAD.pack(Opcode.CHUNK, len(head) + len(data)) + head, data]
        length = len(parts[0]) + len(data)
        offsets, at = {}, position + length
        for channel, places in self._places.items():
            offsets[channel] = at
            size = 8 * len(places)
            parts.append(
                _INDEX_HEAD.pack(Opcode.MESSAGE_INDEX, 6 + size, channel, size)
                + struct.pack(f"<{len(places)}Q", *places)
            )
            at += len(parts[-1])
        return parts, ChunkIndex(
            chunk_length=length,
            chunk_start_offset=position,
            compression=self._compression,
            compressed_size=len(data),
            message_end_time=self._end_ns,
            message_index_length=at - position - length,
            message_index_offsets=offsets,
            message_start_time=self._start_ns,
            uncompressed_size=len(plain),
        )

    @property
    def counts(self) -> dict[int, int]:
        """Messages by channel."""
        return {channel: len(places) // 2 for channel, places in self._places.items()}

    @property
    def span_ns(self) -> tuple[int, int]:
        """Least and greatest time of its messages."""
        return self._start_ns, self._end_ns

    def _add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size += len(piece)


def packed(record: McapRecord) -> bytes:
    """A part of a file as bytes."""
    builder = RecordBuilder()
    record.write(builder)
    return builder.end()


def unfolded(content: bytes, wanted: Container[int] | None = None) -> Unfolded:
    """What is in a chunk, its checksum checked.

    Args:
        content: The part, without its head.
        wanted: Channels whose messages are wanted; None: all.

    Raises:
        ValueError, struct.error, RuntimeError, zstandard.ZstdError, McapError: It is not whole.
    """
    start_ns, end_ns, size, crc = _TIMES.unpack_from(content)
    (name_length,) = _LENGTH4.unpack_from(content, _TIMES.size)
    data_at = _TIMES.size + 4 + name_length + 8
    compression = content[_TIMES.size + 4 : data_at - 8]
    (data_length,) = _LENGTH8.unpack_from(content, data_at - 8)
    if data_length != len(content) - data_at:
        raise ValueError(f"{data_length} bytes announced, {len(content) - data_at} there")
    plain = _plain(content[data_at:], compression, size)
    if crc not in (0, zlib.crc32(plain)):
        raise ValueError("its checksum does not match")
    return _broken_up(plain, start_ns, end_ns, wanted)


def _plain(data: bytes, compression: bytes, size: int) -> bytes:
    """What a chunk unfolds to is bounded before it is unfolded."""
    if size > MAX_RECORD_BYTES:
        raise ValueError(f"it has {size} bytes")
    match compression:
        case b"":
            plain = data
        case b"zstd":
            if zstandard.frame_content_size(data) > size:
                raise ValueError("it unfolds to more than it says")
            plain = zstandard.ZstdDecompressor().decompress(data, max_output_size=size)
        case b"lz4":
            plain = lz4.frame.LZ4FrameDecompressor().decompress(data, max_length=size + 1)
        case _:
            raise ValueError("its compression is unknown")
    if len(plain) != size:
        raise ValueError(f"{size} bytes announced, {len(plain)} there")
    return plain


def _broken_up(plain: bytes, start_ns: int, end_ns: int, wanted: Container[int] | None) -> Unfolded:
    chunk = Unfolded(start_ns, end_ns, [], [], set(), [])
    at = 0
    while at < len(plain):
        opcode, length = HEAD.unpack_from(plain, at)
        at += HEAD.size
        end = at + length
        if end > len(plain):
            raise ValueError("a message that ends behind it")
        if opcode == Opcode.MESSAGE:
            channel, sequence, log_ns, received_ns = _MESSAGE.unpack_from(plain, at)
            if length < _MESSAGE.size:
                raise ValueError("a message without a time")
            chunk.channel_ids.add(channel)
            if wanted is None or channel in wanted:
                data = plain[at + _MESSAGE.size : end]
                chunk.messages.append(RawMessage(channel, sequence, log_ns, received_ns, data))
        elif opcode in (Opcode.SCHEMA, Opcode.CHANNEL) and len(chunk.schemas) + len(chunk.channels) >= _MOST_CHANNELS:
            raise ValueError("more channels than a file can have")
        elif opcode == Opcode.SCHEMA:
            chunk.schemas.append(Schema.read(stream(plain[at:end])))
        elif opcode == Opcode.CHANNEL:
            chunk.channels.append(Channel.read(stream(plain[at:end])))
        at = end
    return chunk


def raw_message(content: bytes) -> RawMessage:
    """A message that stands outside of chunks, as other writers do it.

    Raises:
        struct.error: It is none.
    """
    channel, sequence, log_ns, received_ns = _MESSAGE.unpack_from(content)
    return RawMessage(channel, sequence, log_ns, received_ns, content[_MESSAGE.size :])


def stream(content: bytes) -> Any:
    """Bytes as the library's records read them."""
    return ReadDataStream(BytesIO(content))
