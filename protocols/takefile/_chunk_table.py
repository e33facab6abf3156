"""The index of chunks of a take file as a table: which of tens of thousands hold what is wanted."""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from mcap.opcode import Opcode
from numpy.typing import NDArray

from protocols.takefile._format import HEAD

_FIXED_BYTES = 36
_REST_BYTES = 28
"""Behind the channels, without the name of the compression."""
_PLACE_BYTES = 10
"""Of a channel and where its messages are listed."""


class ChunkPlace(NamedTuple):
    """A chunk as the index tells it."""

    start_ns: int
    end_ns: int
    position: int
    length: int
    channels: frozenset[int]
    """Empty when the index does not tell."""


@dataclass(frozen=True, eq=False)
class ChunkTable:
    """N chunks by their place in the file."""

    spans_ns: NDArray[np.uint64]
    """(N, 2): least and greatest time of the messages of each."""
    places: NDArray[np.uint64]
    """(N, 3): position, length, and length of its messages' index right behind it."""
    kinds: NDArray[np.intp]
    """(N,): row of `channels`."""
    channels: list[frozenset[int]]
    """Each set of channels that some chunk has."""

    @property
    def covers(self) -> NDArray[np.uint64]:
        """(N, 2): first byte of each chunk and the first behind it and its index."""
        return np.stack([self.places[:, 0], self.places.sum(1, dtype=np.uint64)], 1)

    def holding(self, wanted: Container[int] | None, begin_ns: int, end_ns: int) -> Iterator[ChunkPlace]:
        """Chunks that may hold what is wanted, in the order of the file.

        Args:
            wanted: Channels; None: all.
            begin_ns: Messages of this time or later.
            end_ns: Messages before this time.
        """
        if end_ns <= 0:
            return
        useful = np.array([wanted is None or not ids or any(i in wanted for i in ids) for ids in self.channels], bool)
        timely = (self.spans_ns[:, 1] >= _uint64(begin_ns)) & (self.spans_ns[:, 0] <= _uint64(end_ns - 1))
        for row in np.flatnonzero(timely & useful[self.kinds]):
            (start_ns, last_ns), (position, length, _) = self.spans_ns[row].tolist(), self.places[row].tolist()
            yield ChunkPlace(start_ns, last_ns, position, length, self.channels[self.kinds[row]])


def chunk_table(lines: bytes) -> ChunkTable:
    """Reads the lines of an index of chunks.

    Raises:
        ValueError, struct.error: They are none.
    """
    rows = _rows(lines)
    spans_ns, places = np.zeros((len(rows), 2), np.uint64), np.zeros((len(rows), 3), np.uint64)
    kinds, known = np.zeros(len(rows), np.intp), dict[bytes, int]()
    content = np.frombuffer(lines, np.uint8)
    # Lines of one length look alike: they are read at once.
    for length in np.unique(rows[:, 1]):
        same = np.flatnonzero(rows[:, 1] == length)
        if length < _FIXED_BYTES + _REST_BYTES:
            raise ValueError("a line of its chunks that is none")
        line = content[rows[same, 0, None] + np.arange(length)]  # (same, length)
        map_bytes = _column(line, 32, "<u4")
        for size in map(int, np.unique(map_bytes)):
            if size % _PLACE_BYTES or _FIXED_BYTES + size + _REST_BYTES > length:
                raise ValueError("a line of its chunks that is none")
            of = np.flatnonzero(map_bytes == size)
            alike, into = line[of], same[of]
            spans_ns[into] = _column(alike, 0, "<u8", 2)
            places[into, :2] = _column(alike, 16, "<u8", 2)
            places[into, 2] = _column(alike, _FIXED_BYTES + size, "<u8")
            maps = alike[:, _FIXED_BYTES : _FIXED_BYTES + size].reshape(len(of), -1, _PLACE_BYTES)
            kinds[into] = _kinds(maps[:, :, :2].tobytes(), len(of), known)
    if np.any(places.sum(1, dtype=np.uint64) < places[:, 0]):
        raise ValueError("a chunk behind every file")
    order = np.argsort(places[:, 0], kind="stable")
    channels = [frozenset(struct.unpack(f"<{len(ids) // 2}H", ids)) for ids in known]
    return ChunkTable(spans_ns[order], places[order], kinds[order], channels)


def _rows(lines: bytes) -> NDArray[np.intp]:
    """(N, 2): where the content of each line begins, and its length."""
    rows, at, unpack, size = [], 0, HEAD.unpack_from, len(lines)
    while at < size:
        opcode, length = unpack(lines, at)
        at += HEAD.size
        rows.append((at, length))
        at += length
        if opcode != Opcode.CHUNK_INDEX or at > size:
            raise ValueError("a line of its chunks that is none")
    return np.array(rows, np.intp).reshape(-1, 2)


def _kinds(ids: bytes, count: int, known: dict[bytes, int]) -> list[int]:
    """The number of each set of channels, given one behind the other; new ones are added to those that are known."""
    width = len(ids) // count
    if width == 0:
        return [known.setdefault(b"", len(known))] * count
    return [known.setdefault(ids[at : at + width], len(known)) for at in range(0, len(ids), width)]


def _column(lines: NDArray[np.uint8], at: int, dtype: str, count: int = 1) -> NDArray[np.uint64]:
    """(N,) or (N, count) numbers that stand at the same place of N lines."""
    size = np.dtype(dtype).itemsize
    numbers = np.ascontiguousarray(lines[:, at : at + count * size]).view(dtype).astype(np.uint64)
    return numbers[:, 0] if count == 1 else numbers


def _uint64(time_ns: int) -> np.uint64:
    return np.uint64(min(max(time_ns, 0), (1 << 64) - 1))
