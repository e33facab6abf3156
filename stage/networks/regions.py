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

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32] | npt.NDArray[np.float64]
ByteImage = npt.NDArray[np.uint8]


class Region(NamedTuple):
    """A rotated rectangle in the image."""

    x: float
    """Centre, pixels."""
    y: float
    width: float
    """Side lengths, pixels."""
    height: float
    angle: float
    """Radians by which the region is turned clockwise on the screen."""

    def image_from_unit(self) -> npt.NDArray[np.float64]:
        """The affine map (2, 3) from unit coordinates of the crop to image pixels."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        across = np.array([c, s]) * self.width
        down = np.array([-s, c]) * self.height
        origin = np.array([self.x, self.y]) - 0.5 * (across + down)
        return np.stack([across, down, origin], axis=1)

    def to_image(self, points_unit: FloatArray) -> npt.NDArray[np.float64]:
        """Image pixels (..., 2) of unit points (..., 2)."""
        A = self.image_from_unit()
        return points_unit @ A[:, :2].T + A[:, 2]

    def to_unit(self, points_image: FloatArray) -> npt.NDArray[np.float64]:
        """Unit coordinates (..., 2) of image points (..., 2)."""
        A = self.image_from_unit()
        return (points_image - A[:, 2]) @ np.linalg.inv(A[:, :2]).T


def square_from_axis(center: FloatArray, top: FloatArray, expansion: float) -> Region:
    """MediaPipe's rule: a square about `center` whose half side reaches `top`, turned so that `top` is up.

    Args:
        center: The person's middle (the hips), image pixels (2,).
        top: The point of the circle about the person that lies above the hips, pixels (2,).
        expansion: Factor on the side for a margin.
    """
    dx, dy = float(top[0] - center[0]), float(top[1] - center[1])
    side = 2.0 * expansion * float(np.hypot(dx, dy))
    return Region(float(center[0]), float(center[1]), side, side, float(np.arctan2(dx, -dy)))


def letterbox(width: int, height: int, crop_width: int, crop_height: int) -> Region:
    """The upright region of the crop's aspect that just holds a whole image."""
    scale = max(width / crop_width, height / crop_height)
    return Region(0.5 * (width - 1), 0.5 * (height - 1), scale * crop_width, scale * crop_height, 0.0)


def warp(image: ByteImage, region: Region, out: ByteImage) -> None:
    """Fill `out` (h, w, 3) with the region of `image` (H, W, 3), bilinear, black outside.

    The image is read in place, so it may be a view of a frame ring.
    """
    height, width = out.shape[:2]
    A = region.image_from_unit()
    M = np.empty((2, 3))
    M[:, 0] = A[:, 0] / width
    M[:, 1] = A[:, 1] / height
    # Pixel i of the crop covers [i, i + 1) / width of the region, so that its centre is at i + 0.5.
    M[:, 2] = A[:, 2] + 0.5 * (M[:, 0] + M[:, 1])
    cv2.warpAffine(
        image,
        M,
        (width, height),
        dst=out,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0, 0, 0),
    )
