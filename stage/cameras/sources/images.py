"""A folder of images as a recording: one frame per file, in the order of the numbers in their names."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np

from stage.cameras.sources.source import Frame, Image, SourceInfo, frame_buffer
from stage.errors import SourceError

NS = 1_000_000_000
SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}


class ImageFolderSource:
    """Images of one size, taken at a fixed rate."""

    def __init__(self, folder: Path | str, rate: float) -> None:
        """Name the folder and the rate in Hz at which its images were taken."""
        self.folder = Path(folder)
        self.rate = rate
        self._files: list[Path] = []
        self._next = 0

    def open(self) -> SourceInfo:
        """List the images and read the first.

        Raises:
            SourceError: There is no such folder, it holds no images, or the first cannot be read.
        """
        if not self.folder.is_dir():
            raise SourceError(f"{self.folder}: no such folder of images")
        self._files = sorted((f for f in self.folder.iterdir() if f.suffix.lower() in SUFFIXES), key=_by_number)
        if len(self._files) == 0:
            raise SourceError(f"{self.folder}: holds no images ({', '.join(sorted(SUFFIXES))})")
        self._height, self._width = _load(self._files[0]).shape[:2]
        self._next = 0
        duration_ns = round(len(self._files) * NS / self.rate)
        description = f"{len(self._files)} images, {self._files[0].suffix.lower()[1:]}"
        return SourceInfo(self._width, self._height, self.rate, self.rate, duration_ns, description)

    def read(self, out: Image | None = None) -> Frame | None:
        """Read the next image; None after the last.

        Raises:
            SourceError: The image cannot be read or has another size than the first.
        """
        if self._next >= len(self._files):
            return None
        number = self._next
        path = self._files[number]
        self._next += 1
        image = _load(path)
        if image.shape[:2] != (self._height, self._width):
            height, width = image.shape[:2]
            raise SourceError(f"{path}: {width}x{height}, but the folder began with {self._width}x{self._height}")
        if out is not None:
            np.copyto(frame_buffer(out, self._height, self._width), image)
            image = out
        return Frame(image, round(number * NS / self.rate), None, number)

    def seek(self, position_ns: int) -> None:
        """Make the first image at or after this time the next one; a time past the end ends the folder."""
        self._next = max(0, int(np.ceil(position_ns * self.rate / NS - 1e-6)))

    def close(self) -> None:
        """Forget the list of files."""
        self._files = []


def _by_number(path: Path) -> list[tuple[int, str]]:
    """Sorts frame2 before frame10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", path.name)]


def _load(path: Path) -> Image:
    try:
        data = np.fromfile(path, np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size > 0 else None
    except (OSError, cv2.error):
        image = None
    if image is None:
        raise SourceError(f"{path}: unreadable or truncated image")
    return np.asarray(image, np.uint8)
