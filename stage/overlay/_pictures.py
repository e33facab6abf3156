"""Painted frames to files: pictures, a video, or all cameras side by side."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from stage.cameras.sources.source import Frame, Image
from stage.errors import ResultFileError
from stage.synthetic.recording import VideoWriter

_CELL_WIDTH = 640
"""Of one camera in a video of all cameras."""


def write_images(frames: Iterator[Frame], folder: Path) -> int:
    """Each frame as `<number>.png`; returns how many.

    Raises:
        ResultFileError: A picture cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for frame in frames:
        path = folder / f"{frame.number:06d}.png"
        if not cv2.imwrite(str(path), frame.image):
            raise ResultFileError(f"{path} cannot be written")
        count += 1
    return count


def write_video(frames: Iterator[Frame], path: Path, rate: float) -> int:
    """All frames as one MP4; returns how many."""
    count = 0
    first = next(frames, None)
    if first is None:
        return 0
    height, width = (side - side % 2 for side in first.image.shape[:2])  # H.264 wants even sides
    with VideoWriter(path, width, height, max(1, round(rate))) as video:
        for frame in itertools.chain((first,), frames):
            video.write(np.ascontiguousarray(frame.image[:height, :width]))
            count += 1
    return count


def write_tiles(cameras: Sequence[Iterator[Frame]], path: Path, rate: float) -> int:
    """All cameras in one video, as many columns as rows; ends with the shortest."""
    columns = int(np.ceil(np.sqrt(len(cameras))))
    framesets = zip(*cameras, strict=False)
    tiles = (Frame(tiled([frame.image for frame in frames], columns), 0, None, 0) for frames in framesets)
    return write_video(tiles, path, rate)


def tiled(images: list[Image], columns: int) -> Image:
    """Images side by side in cells of one size."""
    height = max(round(image.shape[0] * _CELL_WIDTH / image.shape[1]) for image in images)
    rows = -(-len(images) // columns)
    canvas = np.zeros((rows * height, columns * _CELL_WIDTH, 3), np.uint8)
    for number, image in enumerate(images):
        scale = min(_CELL_WIDTH / image.shape[1], height / image.shape[0])
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        top, left = number // columns * height, number % columns * _CELL_WIDTH
        canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return canvas
