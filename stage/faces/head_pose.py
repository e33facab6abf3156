"""Where a head is: a robust rigid fit of a face's model points to their images.

T_world_head takes the model's points (axes of the rest pose, origin at the head bone's joint) to where the cameras
see them:

    minimise  sum_views sum_points  rho( |u - proj(R_c (R p + t) + t_c)| z / sigma )

by Gauss-Newton over a turn and a move, with Cauchy weights as rho. The error of a point is stated in metres at
the face, hence z. Several calibrated views share one pose and so also tell the distance; one view, calibrated or
not, tells it by the size of the face. A camera without calibration is its own world, and its focal length is assumed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

ASSUMED_FOCAL = 1.0
"""Focal length of a camera that is not calibrated, in widths or heights of its picture, whichever is larger: 53
degrees of view, between a webcam's 60 and a camcorder's 45. A wrong one changes the distance and hardly the turn."""

R_CAMERA_FACING = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""How a head that looks into a camera is turned in the camera's axes (the rest pose faces -Y, Z up)."""

ITERATIONS = 4
_FIRST_ITERATIONS = 12
_SIZE_ITERATIONS = 5
_CAUCHY = 2.5
_NEAR_M = 0.05


class View(NamedTuple):
    """A face in one camera."""

    image: np.ndarray
    """(P, 2) normalised image coordinates."""
    R: np.ndarray
    """(3, 3) world to camera."""
    t: np.ndarray
    """(3,)."""

    def of(self, picked: np.ndarray) -> View:
        """Some points of it."""
        return View(self.image[picked], self.R, self.t)


class HeadPose(NamedTuple):
    """T_world_head."""

    R: np.ndarray
    """(3, 3)."""
    t: np.ndarray
    """(3,), metres."""


class Fit(NamedTuple):
    """A pose, and how well it is known."""

    pose: HeadPose
    information: np.ndarray
    """(6, 6) of turn [rad, world axes] and move [m], with all points independent (they are not; see users)."""
    error_m: float
    """Typical distance of a point from where the pose puts it, metres at the face per axis."""


def own_view(pixels: np.ndarray, width: int, height: int) -> View:
    """A view (P, 2) of a camera that is not calibrated."""
    focal = ASSUMED_FOCAL * max(width, height)
    middle = np.array([0.5 * (width - 1), 0.5 * (height - 1)])
    return View((pixels - middle) / focal, np.eye(3), np.zeros(3))


def first_pose(view: View, depth: np.ndarray, points: np.ndarray) -> HeadPose:
    """A pose without any knowledge: the similarity between the points and the network's own 3D.

    Args:
        view: The face in one camera.
        depth: (P,) the network's depth, normalised like image coordinates.
        points: (P, 3) of the model.
    """
    seen = np.concatenate([view.image, depth[:, None]], 1)
    a, b = points - points.mean(0), seen - seen.mean(0)
    U, S, Vt = np.linalg.svd(b.T @ a)
    D = np.diag([1.0, 1.0, np.sign(np.linalg.det(U @ Vt))])
    R = U @ D @ Vt
    distance = float((a**2).sum() / max(np.trace(D @ np.diag(S)), 1e-12))
    middle = np.append(view.image.mean(0), 1.0) * distance
    in_camera = HeadPose(R, middle - R @ points.mean(0))
    return HeadPose(view.R.T @ in_camera.R, view.R.T @ (in_camera.t - view.t))


def fit_head(views: list[View], points: np.ndarray, sigma: np.ndarray, start: HeadPose, *, first: bool = False) -> Fit:
    """The pose in which model points (P, 3) with errors sigma (P,) [m] are seen as they are.

    Args:
        views: At least one.
        points: In head axes, metres.
        sigma: Usual error per axis, metres at the face.
        start: From the last frame, or `first_pose`.
        first: More iterations, for a start that is rough.
    """
    R, t = start
    H, error = np.eye(6), 0.0
    for _ in range(_FIRST_ITERATIONS if first else ITERATIONS):
        turned = points @ R.T
        H, g, errors = np.zeros((6, 6)), np.zeros(6), []
        for view in views:
            J, r = linearise(view, turned, t, sigma)
            trust = np.repeat(1.0 / (1.0 + (r.reshape(-1, 2) ** 2).sum(1) / _CAUCHY**2), 2)
            weighted = J * trust[:, None]
            H += weighted.T @ J
            g += weighted.T @ r
            errors.append(np.median(np.abs(r.reshape(-1, 2)) * sigma[:, None]))
        step = np.linalg.solve(H + 1e-6 * np.eye(6), g)
        R, t = Rotation.from_rotvec(step[:3]).as_matrix() @ R, t + step[3:]
        error = 1.4826 * float(np.mean(errors))
        if np.abs(step).max() < 1e-6:
            break
    return Fit(HeadPose(R, t), H, error)


def fit_size(views: list[View], points: np.ndarray, sigma: np.ndarray, pose: HeadPose) -> float:
    """How much larger a face is than its model points (P, 3), log; of several calibrated views and their pose."""
    R, t, log_size = pose.R, pose.t, 0.0
    for _ in range(_SIZE_ITERATIONS):
        turned = np.exp(log_size) * points @ R.T
        H, g = 1e-6 * np.eye(7), np.zeros(7)
        for view in views:
            J, r = linearise(view, turned, t, sigma)
            grows = (J[:, 3:].reshape(len(points), 2, 3) * turned[:, None]).sum(2).reshape(-1, 1)
            trust = np.repeat(1.0 / (1.0 + (r.reshape(-1, 2) ** 2).sum(1) / _CAUCHY**2), 2)
            J = np.concatenate([J, grows], 1)
            H += (J * trust[:, None]).T @ J
            g += (J * trust[:, None]).T @ r
        step = np.linalg.solve(H, g)
        R, t = Rotation.from_rotvec(step[:3]).as_matrix() @ R, t + step[3:6]
        log_size += float(np.clip(step[6], -0.3, 0.3))
    return log_size


def linearise(view: View, turned: np.ndarray, t: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Jacobian (2P, 6) of the images by turn and move, and what remains (2P,), both in standard deviations.

    Args:
        view: What is seen.
        turned: (P, 3) model points in world axes about the head joint.
        t: (3,) the joint in the world.
        sigma: (P,) metres.
    """
    rows, r = image_rows(view, turned + t, sigma)
    J = np.empty((len(turned), 2, 6))
    J[:, :, :3] = _cross(turned[:, None], rows)
    J[:, :, 3:] = rows
    return J.reshape(-1, 6), r


def image_rows(view: View, points: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How images move with points (P, 3) of the world: (P, 2, 3), and what remains (2P,), in standard deviations."""
    X = points @ view.R.T + view.t
    z = np.maximum(X[:, 2], _NEAR_M)
    u = X[:, :2] / z[:, None]
    r = (view.image - u) * (z / sigma)[:, None]
    rows = view.R[:2] - u[:, :, None] * view.R[2]  # z du/dX
    rows /= sigma[:, None, None]
    return rows, r.reshape(-1)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross products, rowwise: row . (w x a) = w . (a x row)."""
    out = np.empty(np.broadcast_shapes(a.shape, b.shape))
    out[..., 0] = a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1]
    out[..., 1] = a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2]
    out[..., 2] = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return out
