"""Buffers for frames that wait to be encoded: a bounded number, used again and again."""

from __future__ import annotations

import threading

import numpy as np

from stage.cameras.sources.source import Image

FEWEST = 3
"""However little memory there is: one being encoded, one waiting, one being filled."""


class FramePool:
    """Buffers of one size at a time; another size replaces them."""

    def __init__(self, limit_bytes: int) -> None:
        """At most so many bytes, but never fewer than `FEWEST` buffers."""
        self._limit_bytes = limit_bytes
        self._shape: tuple[int, int, int] = (0, 0, 0)
        self._free: list[Image] = []
        self._made = 0
        self._lock = threading.Lock()

    def get(self, height: int, width: int) -> Image | None:
        """A buffer uint8 (height, width, 3); None when all are in use."""
        shape = (height, width, 3)
        with self._lock:
            if shape != self._shape:
                self._shape, self._free, self._made = shape, [], 0
            if len(self._free) > 0:
                return self._free.pop()
            if self._made >= max(FEWEST, self._limit_bytes // max(1, height * width * 3)):
                return None
            self._made += 1
        return np.empty(shape, np.uint8)

    def put(self, buffer: Image) -> None:
        """Give a buffer back; one of another size is let go."""
        with self._lock:
            if buffer.shape == self._shape:
                self._free.append(buffer)
