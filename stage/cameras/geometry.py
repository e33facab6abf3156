"""From the world to pixels and back to rays, for many points at once.

The lens is OpenCV's: with normalised coordinates (x, y) and r2 = x^2 + y^2,

    g  = (1 + k1 r2 + k2 r2^2 + k3 r2^3) / (1 + k4 r2 + k5 r2^2 + k6 r2^3)
    x' = x g + 2 p1 x y + p2 (r2 + 2 x^2) + s1 r2 + s2 r2^2
    y' = y g + p1 (r2 + 2 y^2) + 2 p2 x y + s3 r2 + s4 r2^2

followed by the tilt of the sensor (tx, ty), if any. `distort` computes this, and `undistort`
inverts it by Newton's method to the precision of float64.

The polynomial only means something out to a radius: further out it folds back, so that a point
far beside the picture would seem to land in it. `lens_radius` finds the fold; `visible` heeds it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from stage.cameras.camera import Array, Camera

_NEWTON_STEPS = 20
_CONVERGED = 1e-12


def project(camera: Camera, points_world: ArrayLike) -> tuple[Array, Array]:
    """Where points of the world appear in the image.

    Args:
        camera: The camera.
        points_world: (..., 3), metres.

    Returns:
        Pixels (..., 2) and depth (...,) along the optical axis in metres. Where the depth is not
        positive the point is behind the camera and its pixel means nothing.
    """
    X = to_camera(camera, points_world)
    depth = X[..., 2]
    safe = np.where(np.abs(depth) < 1e-9, 1e-9, depth)
    return to_pixels(camera, X[..., :2] / safe[..., None]), depth


def to_camera(camera: Camera, points_world: ArrayLike) -> Array:
    """Points of the world (..., 3) in the camera's axes, metres."""
    return np.asarray(points_world, np.float64) @ camera.R_camera_world.T + camera.t_camera_world


def to_pixels(camera: Camera, normalised: ArrayLike) -> Array:
    """Normalised coordinates (..., 2) through lens and K, pixels (..., 2)."""
    return distort(camera.distortion, normalised) @ camera.K[:2, :2].T + camera.K[:2, 2]


def undistort(camera: Camera, pixels: ArrayLike) -> Array:
    """Pixels (..., 2) as normalised coordinates (..., 2): directions (x, y, 1) in the camera's axes.

    NaN where the lens model has no inverse (far outside the picture of a strongly bent lens) and
    where the pixel is NaN.
    """
    pixels = np.asarray(pixels, np.float64)
    K = camera.K
    y = (pixels[..., 1] - K[1, 2]) / K[1, 1]
    x = (pixels[..., 0] - K[0, 2] - K[0, 1] * y) / K[0, 0]
    target = np.stack([x, y], axis=-1)
    if not camera.distortion.any():
        return target
    return _invert(camera.distortion, target)


def rays(camera: Camera, pixels: ArrayLike) -> Array:
    """Unit directions in the world (..., 3) in which pixels (..., 2) look, from `camera.center_world`."""
    xy = undistort(camera, pixels)
    directions = np.concatenate([xy, np.ones_like(xy[..., :1])], axis=-1) @ camera.R_camera_world
    return directions / np.linalg.norm(directions, axis=-1, keepdims=True)


def visible(camera: Camera, points_world: ArrayLike) -> np.ndarray:
    """Which points (..., 3) fall into the picture: in front, within the lens's range and the image."""
    X = to_camera(camera, points_world)
    depth = X[..., 2]
    xy = X[..., :2] / np.where(depth > 0.0, depth, 1.0)[..., None]
    pixels = to_pixels(camera, xy)
    inside = (pixels >= -0.5).all(axis=-1) & (pixels < np.array([camera.width, camera.height]) - 0.5).all(axis=-1)
    return (depth > 0.0) & inside & (np.hypot(xy[..., 0], xy[..., 1]) < lens_radius(camera.distortion))


def distort(coefficients: Array, normalised: ArrayLike) -> Array:
    """The lens.

    Args:
        coefficients: (0, 4, 5, 8, 12 or 14,), OpenCV's order.
        normalised: (..., 2).

    Returns:
        Distorted coordinates (..., 2).
    """
    xy = np.asarray(normalised, np.float64)
    if not coefficients.any():
        return xy.copy()
    lens = _padded(coefficients)
    out, _, _, _ = _bend(lens, xy)
    return out if lens[12:] == [0.0, 0.0] else _tilt(lens[12], lens[13], out)[0]


def distort_with_jacobian(coefficients: Array, normalised: ArrayLike) -> tuple[Array, Array]:
    """The lens, and its Jacobian (..., 2, 2) by the input; else as `distort`."""
    xy = np.asarray(normalised, np.float64)
    if not coefficients.any():
        return xy.copy(), np.broadcast_to(np.eye(2), (*xy.shape, 2)).copy()
    lens = _padded(coefficients)
    k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4, tx, ty = lens
    out, r2, g, bottom = _bend(lens, xy)
    x, y = xy[..., 0], xy[..., 1]
    dg = ((k1 + r2 * (2 * k2 + r2 * 3 * k3)) - g * (k4 + r2 * (2 * k5 + r2 * 3 * k6))) / bottom  # by r2
    J = np.empty((*xy.shape, 2))
    cross = 2 * x * y * dg + 2 * p1 * x + 2 * p2 * y
    prism_x, prism_y = 2 * (s1 + 2 * r2 * s2), 2 * (s3 + 2 * r2 * s4)
    J[..., 0, 0] = g + 2 * x * x * dg + 2 * p1 * y + 6 * p2 * x + prism_x * x
    J[..., 0, 1] = cross + prism_x * y
    J[..., 1, 0] = cross + prism_y * x
    J[..., 1, 1] = g + 2 * y * y * dg + 6 * p1 * y + 2 * p2 * x + prism_y * y
    if tx == 0.0 and ty == 0.0:
        return out, J
    tilted, tilt_J = _tilt(tx, ty, out)
    return tilted, tilt_J @ J


def _bend(lens: list[float], xy: Array) -> tuple[Array, Array, Array, Array]:
    """The lens without the tilt of its sensor: x' y' (..., 2), and r2, g, the denominator of g, each (...,)."""
    k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4 = lens[:12]
    x, y = xy[..., 0], xy[..., 1]
    r2 = x * x + y * y
    bottom = 1.0 + r2 * (k4 + r2 * (k5 + r2 * k6))
    g = (1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))) / bottom
    out = np.empty_like(xy)
    out[..., 0] = x * g + 2 * p1 * x * y + p2 * (r2 + 2 * x * x) + r2 * (s1 + r2 * s2)
    out[..., 1] = y * g + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y + r2 * (s3 + r2 * s4)
    return out, r2, g, bottom


def lens_radius(coefficients: Array) -> float:
    """Normalised radius (tangent of the angle to the axis) at which the lens model folds back; inf if never."""
    return _lens_radius(*_padded(coefficients)[:8])


@lru_cache(maxsize=256)
def _lens_radius(k1: float, k2: float, _p1: float, _p2: float, k3: float, k4: float, k5: float, k6: float) -> float:
    top = np.polynomial.Polynomial([0, 1, 0, k1, 0, k2, 0, k3])
    bottom = np.polynomial.Polynomial([1, 0, k4, 0, k5, 0, k6])
    slope = top.deriv() * bottom - top * bottom.deriv()
    roots = np.concatenate([slope.trim().roots(), bottom.trim().roots()])
    real = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > 0.0)]
    return float(real.min()) if real.size > 0 else float("inf")


def _padded(coefficients: Array) -> list[float]:
    return [*coefficients.tolist(), *[0.0] * (14 - len(coefficients))]


def _tilt(tx: float, ty: float, xy: Array) -> tuple[Array, Array]:
    """A tilted sensor (Scheimpflug): a homography after the lens, with its Jacobian (..., 2, 2)."""
    cx, sx, cy, sy = np.cos(tx), np.sin(tx), np.cos(ty), np.sin(ty)
    R = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]]) @ np.array([[1, 0, 0], [0, cx, sx], [0, -sx, cx]])
    H = np.array([[R[2, 2], 0, -R[0, 2]], [0, R[2, 2], -R[1, 2]], [0, 0, 1]]) @ R
    h = xy @ H[:, :2].T + H[:, 2]
    out = h[..., :2] / h[..., 2:]
    J = (H[:2, :2] - out[..., :, None] * H[2, :2]) / h[..., 2, None, None]
    return out, J


def _invert(coefficients: Array, target: Array) -> Array:
    """Newton's method on `distort(x) = target`, (..., 2); NaN where it does not arrive."""
    guess = target.copy()
    with np.errstate(all="ignore"):
        for _ in range(_NEWTON_STEPS):
            value, J = distort_with_jacobian(coefficients, guess)
            miss = value - target
            det = J[..., 0, 0] * J[..., 1, 1] - J[..., 0, 1] * J[..., 1, 0]
            step_x = (J[..., 1, 1] * miss[..., 0] - J[..., 0, 1] * miss[..., 1]) / det
            step_y = (J[..., 0, 0] * miss[..., 1] - J[..., 1, 0] * miss[..., 0]) / det
            guess = guess - np.stack([step_x, step_y], axis=-1)
            if not (np.abs(miss) > _CONVERGED).any():
                break
        miss = np.abs(distort(coefficients, guess) - target).max(axis=-1)
        inverse = np.hypot(guess[..., 0], guess[..., 1]) < lens_radius(coefficients)
    return np.where((inverse & (miss < 1e-9))[..., None], guess, np.nan)
