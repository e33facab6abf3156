"""One calibrated camera.

A point X of the world (metres, Z up) lands in the image by

    x_cam = R_camera_world X + t_camera_world      (OpenCV axes: x right, y down, z forward)
    (x, y) = (x_cam / z_cam, y_cam / z_cam)        normalised coordinates
    pixel  = K distort(x, y)                       centre of the top-left pixel at (0, 0)

with OpenCV's lens model (`stage.cameras.geometry` computes it). A camera is immutable; everything
in it has been checked when it exists: finite, K invertible, R a rotation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stage.errors import CalibrationError

Array = NDArray[np.float64]

DISTORTION_LENGTHS = (0, 4, 5, 8, 12, 14)
"""How many lens coefficients OpenCV's model may have: k1 k2 p1 p2 [k3 [k4 k5 k6 [s1-s4 [tx ty]]]]."""

ASPECT_TOLERANCE = 0.01
"""How far the aspect of a video may be from its calibration's, as a ratio."""

_ROTATION_TOLERANCE = 1e-3
_EXACT = 1e-12


@dataclass(frozen=True, eq=False)
class Camera:
    """Intrinsics, lens and place of one camera; arrays are float64 and read-only."""

    id: str
    width: int
    """Pixels; the size of the images that K belongs to. Both 0: not stated, any size is taken as it is."""
    height: int
    K: Array
    """(3, 3), pixels."""
    distortion: Array
    """(0, 4, 5, 8, 12 or 14,), OpenCV's order."""
    R_camera_world: Array
    """(3, 3), a rotation."""
    t_camera_world: Array
    """(3,), metres."""

    def __post_init__(self) -> None:
        """Turn what was given into checked, read-only float64 arrays.

        Raises:
            CalibrationError: A size that is none, a singular K, a matrix that is no rotation,
                values that are not finite, or arrays of the wrong shape.
        """
        if (self.width, self.height) != (0, 0) and (self.width < 1 or self.height < 1):
            raise CalibrationError(f"camera {self.id!r}: image size {self.width}x{self.height} is no size")
        K = _array(self.id, "matrix K", self.K, (3, 3))
        if K[2].tolist() != [0.0, 0.0, 1.0] or K[1, 0] != 0.0 or K[0, 0] <= 0.0 or K[1, 1] <= 0.0:
            raise CalibrationError(
                f"camera {self.id!r}: matrix K is singular or no camera matrix: it must be "
                f"[[fx, s, cx], [0, fy, cy], [0, 0, 1]] with positive fx and fy, not {np.round(K, 3).tolist()}"
            )
        distortion = _array(self.id, "distortion", np.ravel(self.distortion), None)
        if len(distortion) not in DISTORTION_LENGTHS:
            raise CalibrationError(
                f"camera {self.id!r}: {len(distortion)} distortion coefficients; "
                f"OpenCV's model has {', '.join(map(str, DISTORTION_LENGTHS))}"
            )
        R = _rotation(self.id, _array(self.id, "rotation", self.R_camera_world, (3, 3)))
        t = _array(self.id, "translation", np.ravel(self.t_camera_world), (3,))
        for name, value in (("K", K), ("distortion", distortion), ("R_camera_world", R), ("t_camera_world", t)):
            value.flags.writeable = False
            object.__setattr__(self, name, value)

    @cached_property
    def T_camera_world(self) -> Array:
        """(4, 4): takes points of the world into the camera's axes."""
        T = np.eye(4)
        T[:3, :3], T[:3, 3] = self.R_camera_world, self.t_camera_world
        return T

    @cached_property
    def T_world_camera(self) -> Array:
        """(4, 4): the camera's place in the world."""
        T = np.eye(4)
        T[:3, :3], T[:3, 3] = self.R_camera_world.T, self.center_world
        return T

    @cached_property
    def center_world(self) -> Array:
        """(3,): where the camera stands, metres."""
        return -self.R_camera_world.T @ self.t_camera_world

    def scaled_to(self, width: int, height: int) -> Camera:
        """The same camera with images of another size.

        The image is taken to have been scaled evenly, as large as fits, and centred: pixels stay
        square, and where the aspects differ slightly the rest is a thin border (as video tools
        pad). The lens coefficients do not change, they belong to normalised coordinates.

        Raises:
            CalibrationError: The aspects differ by more than `ASPECT_TOLERANCE`.
        """
        if (width, height) == (self.width, self.height):
            return self
        if (self.width, self.height) == (0, 0):
            return self._with(width, height, self.K)
        if width < 1 or height < 1 or abs(width * self.height / (height * self.width) - 1.0) > ASPECT_TOLERANCE:
            raise CalibrationError(
                f"camera {self.id!r}: its images are {width}x{height} but its calibration is for "
                f"{self.width}x{self.height}, which has another aspect; calibrate at the size that is used"
            )
        scale = min(width / self.width, height / self.height)
        border = 0.5 * (np.array([width, height]) - scale * np.array([self.width, self.height]))
        K = self.K.copy()
        K[:2] *= scale
        # Pixel centres are at integers, so the image's corner, which scales, is at (-0.5, -0.5).
        K[:2, 2] += 0.5 * scale - 0.5 + border
        return self._with(width, height, K)

    def _with(self, width: int, height: int, K: Array) -> Camera:
        return Camera(self.id, width, height, K, self.distortion, self.R_camera_world, self.t_camera_world)


def _array(camera: str, what: str, value: ArrayLike, shape: tuple[int, ...] | None) -> Array:
    """A copy as float64 of this shape, all finite."""
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise CalibrationError(f"camera {camera!r}: {what} is not made of numbers") from None
    if shape is not None and array.shape != shape:
        raise CalibrationError(f"camera {camera!r}: {what} has shape {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        raise CalibrationError(f"camera {camera!r}: {what} holds values that are not finite")
    return array


def _rotation(camera: str, R: Array) -> Array:
    """The nearest exact rotation; files round, so a small deviation is not an error."""
    U, _, Vt = np.linalg.svd(R)
    nearest = U @ Vt
    if np.linalg.det(nearest) < 0.0 or np.abs(nearest - R).max() > _ROTATION_TOLERANCE:
        raise CalibrationError(
            f"camera {camera!r}: its rotation is no rotation matrix (determinant {np.linalg.det(R):.3g}, "
            "expected orthonormal rows and determinant 1)"
        )
    exact = np.abs(nearest - R).max() < _EXACT
    return R if exact else nearest
