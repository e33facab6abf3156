"""Points from several views, and the pose of a trunk from its points; the robust start of a fit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

L_SHOULDER, R_SHOULDER, L_HIP, R_HIP = 11, 12, 23, 24

_REFINEMENTS = 2
_INLIER_M = 0.04


class Triangulated(NamedTuple):
    """Points in the world with how well views agree on them."""

    points: np.ndarray
    """(L, 3), metres."""
    error_m: np.ndarray
    """(V, L): distance of each view's ray from the point, metres; large where not seen."""
    weight: np.ndarray
    """(L,): sum of confidences of agreeing views."""


def triangulate(R: np.ndarray, t: np.ndarray, image: np.ndarray, confidence: np.ndarray) -> Triangulated:
    """Weighted least squares of ray distances, re-weighted so that a view that disagrees loses its say.

    Args:
        R: (V, 3, 3) world to camera.
        t: (V, 3).
        image: (V, L, 2) normalised image coordinates.
        confidence: (V, L) in [0, 1].
    """
    directions = np.concatenate([image, np.ones_like(image[..., :1])], -1)
    directions = np.einsum("vji,vlj->vli", R, directions)  # into the world
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    centers = -np.einsum("vji,vj->vi", R, t)
    across = np.eye(3) - directions[..., :, None] * directions[..., None, :]  # (V, L, 3, 3)
    weight = confidence
    points, error = _nearest(across, centers, weight)
    for _ in range(_REFINEMENTS):
        weight = confidence / (1.0 + (error / _INLIER_M) ** 2)
        points, error = _nearest(across, centers, weight)
    return Triangulated(points, np.where(confidence > 0.0, error, np.inf), weight.sum(0))


def _nearest(across: np.ndarray, centers: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (L, 3) nearest to weighted rays, and their distances (V, L) from each."""
    A = np.einsum("vl,vlij->lij", weight, across) + 1e-9 * np.eye(3)
    b = np.einsum("vl,vlij,vj->li", weight, across, centers)
    points = np.linalg.solve(A, b[..., None])[..., 0]
    miss = np.einsum("vlij,vlj->vli", across, points[None] - centers[:, None])
    return points, np.linalg.norm(miss, axis=-1)


def trunk_frame(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middle of the hips (3,) and R_world_body (3, 3) of a trunk: X to its left, -Y where it faces, Z to the neck."""
    hips = 0.5 * (points[L_HIP] + points[R_HIP])
    up = 0.5 * (points[L_SHOULDER] + points[R_SHOULDER]) - hips
    up /= max(float(np.linalg.norm(up)), 1e-6)
    left = (points[L_HIP] - points[R_HIP]) + (points[L_SHOULDER] - points[R_SHOULDER])
    left -= (left @ up) * up
    left /= max(float(np.linalg.norm(left)), 1e-6)
    return hips, np.stack([left, np.cross(up, left), up], 1)
