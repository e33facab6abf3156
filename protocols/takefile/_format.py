"""What writer and reader of take files share; see `protocols.takefile`."""

from __future__ import annotations

import errno
import os
import stat
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import zstandard
from mcap.exceptions import McapError

from protocols.codec import Envelope, decode
from protocols.messages import SCHEMA_VERSION, Record

PROFILE = "stage"
MESSAGE_ENCODING = "msgpack"
CHUNK_BYTES = 1 << 20
"""The chunk of records is closed when its messages have so many bytes."""
VIDEO = "video."
"""Topics of video; each has chunks of its own."""
VIDEO_CHUNK_BYTES = 8 << 20
"""All open chunks are closed when the video in them has so many bytes."""
MAX_MESSAGE_BYTES = 48 << 20
"""A picture of 8K as JPEG or of 4K without any compression; no record of the bus comes near it."""
MAX_RECORD_BYTES = 64 << 20
"""Larger parts of a file are damage: a chunk holds one message more than `VIDEO_CHUNK_BYTES` at most."""
MAGIC = b"\x89MCAP0\r\n"
CHECKSUM = "crc32"
"""Key of a metadata record's own checksum."""
HEAD = struct.Struct("<BQ")
"""What every part of a file begins with: its kind and its length."""
FOREVER_NS = 1 << 64
"""After every time that a file can hold."""

COMPLAINTS = (McapError, ValueError, struct.error, RuntimeError, MemoryError, zstandard.ZstdError, EOFError, KeyError)
"""What libraries and decompressors raise on bytes that are not what they say they are."""

FOOTER = struct.Struct("<BQQQI8s")
FOOTER_OPCODE = 0x02
_FOOTER_BYTES = 20
_TIMES = ("capture_ns", "at_ns")


class TakeRecord(NamedTuple):
    """One message of a take."""

    topic: str
    kind: str
    """Name of its record class; of a message that is none of ours, the name of its schema."""
    data: bytes
    """The bus message, for `protocols.codec`."""
    log_ns: int
    """Stage time of what it tells."""
    received_ns: int
    """Stage time at which the recorder received it."""

    def decoded(self) -> Envelope:
        """The message in the bytes.

        Raises:
            DecodeError: It is of another schema version, or none.
        """
        return decode(self.data)


def captured_ns(record: Record, sent_ns: int) -> int:
    """Stage time of what a record tells; that of its sending where it has none."""
    return next((time_ns for name in _TIMES if (time_ns := getattr(record, name, 0)) > 0), max(0, sent_ns))


def schema_name(kind: str) -> str:
    """Name of a record class's schema."""
    return f"{PROFILE}.{kind}.v{SCHEMA_VERSION}"


def kind_of(schema: str) -> str:
    """The record class that a schema names; foreign schemas stay as they are."""
    parts = schema.split(".")
    return parts[1] if len(parts) == 3 and parts[0] == PROFILE else schema


def checksum(facts: Mapping[str, str]) -> str:
    """Checksum of a metadata record's facts, which MCAP itself does not protect in an unfinished file."""
    text = "\0".join(f"{key}\0{facts[key]}" for key in sorted(facts) if key != CHECKSUM)
    return f"{zlib.crc32(text.encode()):08x}"


def is_finished(path: Path) -> bool:
    """Whether a take file has its end.

    Raises:
        OSError: It cannot be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
        raise OSError(errno.EINVAL, "it is no file")
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size < len(MAGIC) + FOOTER.size:
            return False
        file.seek(-FOOTER.size, os.SEEK_END)
        opcode, length, summary, *_, magic = FOOTER.unpack(file.read(FOOTER.size))
    return opcode == FOOTER_OPCODE and length == _FOOTER_BYTES and summary < size and magic == MAGIC
