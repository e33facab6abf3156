"""The index of chunks of a take file as a table: which of tens of thousands hold what is wanted."""

from __future__ import annotations

import struct
from collections.abc import Container
from dataclasses import dataclass
from typing import NamedTuple

from mcap.opcode import Opcode

from protocols.takefile._format import HEAD

_LINE = struct.Struct("<QQQQI")
_LENGTH = struct.Struct("<Q")
_PLACE_BYTES = 10
"""Of a channel and where its messages are listed."""


class ChunkPlace(NamedTuple):
    """A chunk as the index tells it."""

    start_ns: int
    end_ns: int
    position: int
    length: int
    index_length: int
    """Bytes of its messages' index, right behind it."""
    channels: bytes
    """Ids of the channels in it, two bytes each; b"" when the index does not tell."""


@dataclass(frozen=True)
class ChunkTable:
    """All chunks, by their place in the file."""

    chunks: list[ChunkPlace]

    @property
    def places(self) -> list[tuple[int, int]]:
        """First byte of each and the first behind it, with its index."""
        return [(chunk.position, chunk.position + chunk.length + chunk.index_length) for chunk in self.chunks]

    def holding(self, wanted: Container[int] | None, begin_ns: int, end_ns: int) -> list[ChunkPlace]:
        """Chunks that may hold what is wanted, in the order of the file.

        Args:
            wanted: Channels; None: all.
            begin_ns: Messages of this time or later.
            end_ns: Messages before this time.
        """
        timely = [chunk for chunk in self.chunks if chunk.end_ns >= begin_ns and chunk.start_ns < end_ns]
        if wanted is None:
            return timely
        useful = {ids: ids == b"" or any(i in wanted for i in channel_ids(ids)) for ids in {c.channels for c in timely}}
        return [chunk for chunk in timely if useful[chunk.channels]]


def channel_ids(ids: bytes) -> tuple[int, ...]:
    """The channels of a `ChunkPlace`."""
    return struct.unpack(f"<{len(ids) // 2}H", ids)


def chunk_table(lines: bytes) -> ChunkTable:
    """Reads the lines of an index of chunks.

    Raises:
        ValueError, struct.error: They are none.
    """
    chunks, at = [], 0
    while at < len(lines):
        opcode, length = HEAD.unpack_from(lines, at)
        at += HEAD.size
        start_ns, end_ns, position, size, map_bytes = _LINE.unpack_from(lines, at)
        map_at = at + _LINE.size
        if opcode != Opcode.CHUNK_INDEX or map_bytes % _PLACE_BYTES or _LINE.size + map_bytes + _LENGTH.size > length:
            raise ValueError("a line of its chunks that is none")
        (index_length,) = _LENGTH.unpack_from(lines, map_at + map_bytes)
        places = lines[map_at : map_at + map_bytes]
        if map_bytes == _PLACE_BYTES:
            ids = places[:2]
        else:
            both = bytearray(map_bytes // _PLACE_BYTES * 2)
            both[::2], both[1::2] = places[::_PLACE_BYTES], places[1::_PLACE_BYTES]
            ids = bytes(both)
        chunks.append(ChunkPlace(start_ns, end_ns, position, size, index_length, ids))
        at += length
    return ChunkTable(sorted(chunks, key=_position))


def _position(chunk: ChunkPlace) -> int:
    return chunk.position
