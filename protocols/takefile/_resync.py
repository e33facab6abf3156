"""Finds the way back into a take file whose parts no longer follow each other."""

from __future__ import annotations

import re
from typing import BinaryIO

from protocols.takefile._chunk import unfolded
from protocols.takefile._format import COMPLAINTS, HEAD, MAX_RECORD_BYTES

_CHUNK = re.compile(rb"\x06[\x00-\xff]{3}[\x00-\x04]\x00{4}")
"""The head of a chunk that is no longer than `MAX_RECORD_BYTES`."""
_WINDOW = 1 << 20


def next_chunk(file: BinaryIO, position: int) -> int | None:
    """Where the next chunk begins that is whole, its checksum included; None when there is none.

    Args:
        file: The file.
        position: From where on.
    """
    while True:
        file.seek(position)
        window = file.read(_WINDOW)
        for found in _CHUNK.finditer(window):
            if _is_whole(file, position + found.start()):
                return position + found.start()
        if len(window) < _WINDOW:
            return None
        position += _WINDOW - HEAD.size + 1


def _is_whole(file: BinaryIO, position: int) -> bool:
    file.seek(position)
    _, length = HEAD.unpack(file.read(HEAD.size))
    if length > MAX_RECORD_BYTES:
        return False
    content = file.read(length)
    try:
        return len(content) == length and len(unfolded(content, ()).channel_ids) > 0
    except COMPLAINTS:
        return False
