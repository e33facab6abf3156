"""Lines in space as a camera sees them."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from stage.cameras.camera import Camera
from stage.cameras.geometry import lens_radius, to_camera, to_pixels
from stage.cameras.sources.source import Image
from stage.overlay._colours import Bgr
from stage.synthetic.raster import Floats

_PIECES = 8
"""A bone is drawn as this many pieces, so that it bends with the lens."""
_SHIFT = 4
"""cv2 takes sixteenths of a pixel."""


def seen(camera: Camera, points: Floats) -> tuple[Floats, np.ndarray]:
    """Pixels (N, 2) of points, and which of them (N,) lie before the camera and within its lens."""
    X = to_camera(camera, points)
    before = X[:, 2] > 0.05
    xy = X[:, :2] / np.where(before, X[:, 2], 1.0)[:, None]
    return to_pixels(camera, xy), before & (np.hypot(xy[:, 0], xy[:, 1]) < min(lens_radius(camera.distortion), 20.0))


def in_colour(image: Image) -> Image:
    """A copy to draw on, (H, W, 3), of a picture in colour or grey."""
    return np.repeat(image.reshape(*image.shape[:2], -1), 3 if image.ndim == 2 else 1, axis=2)


def draw_line(image: Image, camera: Camera, start: Floats, end: Floats, colour: Bgr, width: int) -> None:
    """A straight line in the world, in place."""
    share = np.linspace(0.0, 1.0, _PIECES + 1)[:, None]
    pixels, shown = seen(camera, start + share * (end - start))
    draw_paths(image, [pixels[shown]], colour, width)


def draw_paths(image: Image, paths: Iterable[Floats], colour: Bgr, width: int = 1) -> None:
    """Polylines (N, 2) in pixels, in place."""
    lines = [np.rint(path * 2**_SHIFT).astype(np.int32) for path in paths]
    cv2.polylines(image, lines, False, colour, width, cv2.LINE_AA, shift=_SHIFT)
