"""Small pictures of what the cameras see, taken out of the frame rings without copying a frame."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np

from protocols.errors import RingError
from protocols.messages import FrameNote
from protocols.ring import RingReader

MAX_WIDTH = 160
"""Pixels; what fits into a frustum on the page."""


def shrink(image: np.ndarray, max_width: int = MAX_WIDTH) -> np.ndarray:
    """A thumbnail.

    Averaging all pixels of a 1080p frame would cost milliseconds; of every few rows and columns twice
    as many are taken as needed, and only those are averaged.

    Args:
        image: (H, W, 3) uint8 BGR.
        max_width: Width of the thumbnail, unless the image is narrower.

    Returns:
        (h, w, 3) uint8 RGB of the same aspect.
    """
    height, width = image.shape[:2]
    step = max(1, width // (2 * max_width))
    small_width = min(width, max_width)
    size = (small_width, max(1, round(height * small_width / width)))
    coarse = np.ascontiguousarray(image[::step, ::step])
    return cv2.cvtColor(cv2.resize(coarse, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)


class Thumbnails:
    """Reads the rings of all cameras."""

    def __init__(self) -> None:
        """Open nothing; a ring is opened with the first note about it."""
        self.counters: Counter[str] = Counter()
        """Thumbnails made, and frames that were gone before they were looked at."""
        self._rings: dict[str, RingReader] = {}

    def take(self, note: FrameNote) -> np.ndarray | None:
        """The thumbnail of a frame, (h, w, 3) uint8 RGB; None, counted, when the frame is not there any more."""
        if not note.ring:
            return None
        try:
            ring = self._ring(note)
            small = shrink(ring.view(note.slot, note.generation))
            if ring.still_valid(note.slot, note.generation):
                self.counters["thumbnails"] += 1
                return small
        except RingError:
            pass  # the writer restarted or stopped; its next note says where the pixels are now
        self.counters["frames_gone"] += 1
        return None

    def close(self) -> None:
        """Close all rings."""
        for ring in self._rings.values():
            ring.close()
        self._rings.clear()

    def _ring(self, note: FrameNote) -> RingReader:
        ring = self._rings.get(note.camera)
        if ring is None or ring.name != note.ring:
            if ring is not None:
                self._rings.pop(note.camera).close()
            ring = self._rings[note.camera] = RingReader(note.ring)
        return ring
