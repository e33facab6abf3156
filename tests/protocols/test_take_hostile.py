"""Take files that somebody made to do harm: little on the disk, much in memory, or no end to the reading."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

from mcap.records import Channel, Header, Schema

from protocols.takefile import TakeReader, verify
from protocols.takefile._chunk import OpenChunk, RawMessage, packed
from protocols.takefile._format import MAGIC

HEAD = MAGIC + packed(Header("stage", "x"))
MB = 1 << 20


def a_chunk(position: int, topic: str, data: Iterable[bytes], channels: int = 1) -> bytes:
    chunk = OpenChunk("zstd")
    chunk.define(Schema(id=1, data=b"", encoding="", name="stage.Face.v3"))
    channel = packed(Channel(id=1, topic=topic, message_encoding="msgpack", metadata={}, schema_id=1))
    chunk._add(channel * channels)
    for one in data:
        chunk.add(RawMessage(1, 0, 1_000, 1_000, one))
    return b"".join(chunk.folded(position)[0])


def test_chunks_of_ever_more_cameras_are_not_all_in_memory(tmp_path: Path) -> None:
    """Each belongs to the group of the one before, and unfolds to a thousand times its size."""
    path = tmp_path / "mailed_001.mcap"
    content = HEAD
    for number in range(14):
        content += a_chunk(len(content), f"video.{number:03d}", [bytes(32 * MB)])
    path.write_bytes(content)
    tracemalloc.start()
    count = sum(1 for _ in TakeReader(path).records())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 14
    assert peak < 400 * MB < 14 * 32 * MB


def test_a_chunk_of_more_channels_than_there_can_be_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "mailed_001.mcap"
    path.write_bytes(HEAD + a_chunk(len(HEAD), "", [b""], channels=70_000))
    assert "more channels" in verify(path).fault


def test_what_looks_like_chunks_is_not_searched_for_ever(tmp_path: Path) -> None:
    """Heads of chunks without end, each of which would be read for megabytes."""
    length = 3 * MB
    plain = b"\x06" + struct.pack("<Q", length)
    matching = plain + struct.pack("<QQQIIQ", 0, 0, 100, 1, 0, length - 40)
    path = tmp_path / "mailed_001.mcap"
    whole = a_chunk(len(HEAD), "face.anna", [b"x"])
    path.write_bytes(HEAD + whole + b"\xee" + plain * 300_000 + matching * 60_000 + whole)
    take = TakeReader(path, salvage=True)
    assert sum(1 for _ in take.records()) == 1
    assert len(take.losses) > 0
