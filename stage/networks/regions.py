"""Regions: the rotated rectangle of an image that a landmark network looks at.

A landmark network sees one person, upright, filling a small fixed crop. A region says where that
crop lies in the image: its centre, its size in pixels, and the angle by which the crop's x axis is
turned from the image's (clockwise, as y points down). Three frames of reference are used:

    image   pixels, the centre of the top-left pixel at (0, 0)
    crop    pixels of the network's input, the same convention
    unit    [0, 1] across the crop from edge to edge; what networks speak

The crop is warped straight from the image into a caller's buffer, touching only the pixels of the
region; what lies outside of the image is black.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32] | npt.NDArray[np.float64]
ImageArray = npt.NDArray[np.uint8]
"""uint8 (H, W, 3) BGR, or (H, W) grey."""

SMALLEST_PX = 8.0
"""A person smaller than this is none."""

LARGEST = 8.0
"""A region larger than this many images is none."""


class Circle(NamedTuple):
    """The circle about a person: its centre at the hips, and the vector from there to the top."""

    x: float
    """Centre, image pixels."""
    y: float
    up_x: float
    """From the centre to the point of the circle above the person's head; its length is the radius."""
    up_y: float

    @property
    def radius(self) -> float:
        """Radius in pixels."""
        return math.hypot(self.up_x, self.up_y)


class Region(NamedTuple):
    """A rotated rectangle in the image."""

    x: float
    """Centre, image pixels."""
    y: float
    width: float
    """Side lengths, pixels; a negative width shows the region mirrored."""
    height: float
    angle: float
    """Radians by which the region is turned clockwise on the screen."""

    def image_from_unit(self) -> npt.NDArray[np.float64]:
        """The affine map (2, 3) from unit coordinates of the crop to image pixels."""
        c, s = math.cos(self.angle), math.sin(self.angle)
        across_x, across_y = c * self.width, s * self.width
        down_x, down_y = -s * self.height, c * self.height
        x, y = self.x - 0.5 * (across_x + down_x), self.y - 0.5 * (across_y + down_y)
        return np.array([[across_x, down_x, x], [across_y, down_y, y]])

    def to_image(self, points_unit: FloatArray) -> npt.NDArray[np.float64]:
        """Image pixels (..., 2) of unit points (..., 2)."""
        A = self.image_from_unit()
        return points_unit @ A[:, :2].T + A[:, 2]

    def to_unit(self, points_image: FloatArray) -> npt.NDArray[np.float64]:
        """Unit coordinates (..., 2) of image points (..., 2)."""
        A = self.image_from_unit()
        return (points_image - A[:, 2]) @ np.linalg.inv(A[:, :2]).T

    def mirrored(self) -> Region:
        """The same place, shown mirrored: left and right of the crop exchanged."""
        return self._replace(width=-self.width)

    def is_usable(self, image: ImageArray) -> bool:
        """Whether there is something to look at: finite, of sane size, and touching the image."""
        if not all(map(math.isfinite, self)):
            return False
        height, width = image.shape[:2]
        small, large = min(abs(self.width), self.height), max(abs(self.width), self.height)
        reach = 0.5 * large
        return (
            small >= SMALLEST_PX
            and large <= LARGEST * max(width, height)
            and -reach < self.x < width + reach
            and -reach < self.y < height + reach
        )


def square_about(circle: Circle, expansion: float) -> Region:
    """MediaPipe's rule: the square about the circle, `expansion` times as large, turned upright."""
    side = 2.0 * expansion * circle.radius
    return Region(circle.x, circle.y, side, side, math.atan2(circle.up_x, -circle.up_y))


def letterbox(width: int, height: int, crop_width: int, crop_height: int) -> Region:
    """The upright region of the crop's aspect that just holds a whole image."""
    scale = max(width / crop_width, height / crop_height)
    return Region(0.5 * (width - 1), 0.5 * (height - 1), scale * crop_width, scale * crop_height, 0.0)


def warp(image: ImageArray, region: Region, out: npt.NDArray[np.uint8]) -> None:
    """Fill `out` (h, w, 3) with the region of `image`, bilinear, black outside.

    The image is read in place, so it may be a view of a frame ring.
    """
    height, width = out.shape[:2]
    A = region.image_from_unit()
    M = np.empty((2, 3))
    M[:, 0] = A[:, 0] / width
    M[:, 1] = A[:, 1] / height
    # Pixel i of the crop covers [i, i + 1) / width of the region, so that its centre is at i + 0.5.
    M[:, 2] = A[:, 2] + 0.5 * (M[:, 0] + M[:, 1])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    if image.ndim == 3 and image.shape[2] == 3:
        cv2.warpAffine(image, M, (width, height), out, flags, cv2.BORDER_CONSTANT, (0, 0, 0))
    else:
        grey = cv2.warpAffine(image, M, (width, height), None, flags, cv2.BORDER_CONSTANT, 0)
        out[:] = grey.reshape(height, width, 1)
