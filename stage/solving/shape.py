"""Body shape and size from several framesets at once.

All framesets share the shape coefficients, so the normal equations are an arrow: one pose block per frameset,
joined by the shape. Poses are eliminated (Schur complement), the shape solved, poses follow. One call is one
Gauss-Newton iteration, so that a live stage can spread the estimate over its first seconds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from stage.solving.anatomy import Anatomy
from stage.solving.evidence import Evidence
from stage.solving.fit import PoseFitter, Prior
from stage.solving.linearise import Body, place, point_information, point_jacobian, shape_jacobian
from stage.solving.pose import Pose
from stage.solving.skeleton import Points, Skeleton

HEIGHT_SIGMA_M = 0.01
"""How well a height that was told is known."""

SYSTEMATIC = 0.2
"""Landmark errors hardly change from keyframe to keyframe, so many keyframes are worth no more than a few: residuals
count by this factor, or the shape would follow the network's habits instead of the body."""

_ANATOMY_WEIGHT = 0.01
_LEAST_INFORMATION = 1e-2


class ShapeStep(NamedTuple):
    """After one iteration."""

    shape: torch.Tensor
    """(S,)."""
    poses: Pose
    """B poses."""
    information: torch.Tensor
    """(S, S): inverse covariance of the shape."""


class ShapeFitter:
    """Gauss-Newton over shape and poses."""

    def __init__(self, skeleton: Skeleton, points: Points, anatomy: Anatomy, height_m: float = 0.0) -> None:
        self._skeleton, self._points, self._anatomy = skeleton, points, anatomy
        body = skeleton.body
        top = int(body.mean_vertices[:, 2].argmax())
        self._height_row = torch.from_numpy(body.vertex_basis[:, top, 2].astype(np.float64)).to(skeleton.device)
        self._mean_height = float(body.mean_vertices[top, 2])
        self._height_m = height_m

    def of_height(self, height_m: float) -> np.ndarray:
        """The most likely shape (S,) of a standing height."""
        row = self._height_row.cpu().numpy()
        return row * (height_m - self._mean_height) / (row @ row)

    def iterate(self, shape: torch.Tensor, poses: Pose, evidence: Evidence) -> ShapeStep:
        """One iteration from `shape` (S,) and B poses; the shape is standard normal beforehand."""
        body = Body.of(self._skeleton, self._points, shape)
        batch = poses.position.shape[0]
        evidence = evidence._replace(scale=evidence.scale * SYSTEMATIC)
        loose = (
            torch.eye(3 + 3 * self._skeleton.bone_count, dtype=shape.dtype, device=shape.device) * _LEAST_INFORMATION
        )
        prior = Prior(poses, loose.expand(batch, -1, -1))
        normal = PoseFitter(body, self._anatomy).normal(poses, prior, evidence, _ANATOMY_WEIGHT)
        placed = place(body, poses)
        A, b, _ = point_information(evidence, placed)
        J_pose, J_shape = point_jacobian(body, placed), shape_jacobian(body, placed)
        AJ = A @ J_shape
        H_ps = J_pose.flatten(1, 2).transpose(-1, -2) @ AJ.flatten(1, 2)  # (B, 69, S)
        H_ss = torch.eye(len(shape), dtype=shape.dtype, device=shape.device) + (
            J_shape.flatten(1, 2).transpose(-1, -2) @ AJ.flatten(1, 2)
        ).sum(0)
        g_s = shape + (J_shape.flatten(1, 2).transpose(-1, -2) @ b.flatten(1)[..., None])[..., 0].sum(0)
        if self._height_m > 0.0:
            row = self._height_row / HEIGHT_SIGMA_M
            H_ss += row[:, None] * row
            g_s += row * (self._mean_height + self._height_row @ shape - self._height_m) / HEIGHT_SIGMA_M
        factor = torch.linalg.cholesky(normal.H)
        eliminated = torch.cholesky_solve(H_ps, factor)  # (B, 69, S)
        reduced = H_ss - (H_ps.transpose(-1, -2) @ eliminated).sum(0)
        gradient = g_s - (eliminated.transpose(-1, -2) @ normal.g[..., None])[..., 0].sum(0)
        d_shape = -torch.linalg.solve(reduced, gradient).clamp(-1.0, 1.0)
        d_pose = -torch.cholesky_solve(normal.g[..., None] + (H_ps @ d_shape)[..., None], factor)[..., 0]
        return ShapeStep(shape + d_shape, poses.moved(d_pose.clamp(-0.5, 0.5)), reduced)
