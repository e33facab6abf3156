"""Finds the way back into a take file whose parts no longer follow each other."""

from __future__ import annotations

import os
import re
import struct
from typing import BinaryIO

from protocols.takefile._chunk import unfolded
from protocols.takefile._format import COMPLAINTS, HEAD, MAX_RECORD_BYTES

_CHUNK = re.compile(rb"\x06[\x00-\xff]{3}[\x00-\x04]\x00{4}")
"""The head of a chunk that is no longer than `MAX_RECORD_BYTES`."""
_WINDOW = 1 << 20
_INSIDE = struct.Struct("<QQQII")
"""What a chunk begins with: its times, what it unfolds to, checksum, length of the name of its compression."""
_COMPRESSIONS = (b"", b"zstd", b"lz4")
_LENGTH = struct.Struct("<Q")
_SPARE_BYTES = 1 << 30
"""Beyond the size of the file so much is read of what looks like chunks; only what was made to look so needs more."""


class Search:
    """Looks for chunks that are whole in one file."""

    def __init__(self, file: BinaryIO) -> None:
        """In this one."""
        self._file = file
        self._left = file.seek(0, os.SEEK_END) + _SPARE_BYTES

    def next_chunk(self, position: int) -> int | None:
        """Where the next chunk begins that is whole, its checksum included; None when there is none.

        Args:
            position: From where on.
        """
        while True:
            self._file.seek(position)
            window = self._file.read(_WINDOW)
            for found in _CHUNK.finditer(window):
                if self._is_whole(position + found.start()):
                    return position + found.start()
                if self._left < 0:
                    return None
            if len(window) < _WINDOW:
                return None
            position += _WINDOW - HEAD.size + 1

    def _is_whole(self, position: int) -> bool:
        self._file.seek(position)
        head = self._file.read(HEAD.size + _INSIDE.size + _LENGTH.size + 4)
        try:
            _, length = HEAD.unpack_from(head)
            *_, name_length = _INSIDE.unpack_from(head, HEAD.size)
            data_at = HEAD.size + _INSIDE.size + name_length
            (data_length,) = _LENGTH.unpack_from(head, data_at)
        except struct.error:
            return False
        name = head[HEAD.size + _INSIDE.size : data_at]
        inside = _INSIDE.size + name_length + _LENGTH.size
        if length > MAX_RECORD_BYTES or name not in _COMPRESSIONS or inside + data_length != length:
            return False
        self._file.seek(position + HEAD.size)
        content = self._file.read(length)
        self._left -= len(content)
        try:
            return len(content) == length and len(unfolded(content, ()).channel_ids) > 0
        except COMPLAINTS:
            return False
