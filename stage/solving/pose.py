"""Poses of the solved bones and the tangent space in which they are estimated.

A step has D = 3 + 3K = 69 coordinates: the pelvis' translation in metres, then one rotation vector in radians
per solved bone, applied from the left, D_k <- exp(e_k) D_k, that is in the axes of the parent at rest.
"""

from __future__ import annotations

from typing import NamedTuple

import torch


class Pose(NamedTuple):
    """A batch of B poses of the K solved bones."""

    position: torch.Tensor
    """(B, 3): pelvis in the world, metres."""
    D: torch.Tensor
    """(B, K, 3, 3): rotation from rest relative to the parent; of the pelvis, to the world."""

    def moved(self, step: torch.Tensor) -> Pose:
        """The pose after a step (B, 69)."""
        turns = step[:, 3:].unflatten(1, (-1, 3))
        return Pose(self.position + step[:, :3], exp(turns) @ self.D)

    def step_from(self, origin: Pose) -> torch.Tensor:
        """The step (B, 69) that leads from `origin` to this pose."""
        turns = log(self.D @ origin.D.transpose(-1, -2))
        return torch.cat([self.position - origin.position, turns.flatten(1)], 1)


def skew(v: torch.Tensor) -> torch.Tensor:
    """Matrices S (..., 3, 3) of vectors v (..., 3), with S w = v x w."""
    return (v @ LEVI_CIVITA.to(v)).unflatten(-1, (3, 3))


def exp(v: torch.Tensor) -> torch.Tensor:
    """Rotation vectors (..., 3), radians, to matrices (Rodrigues)."""
    angle2 = (v * v).sum(-1)[..., None, None]
    angle = angle2.sqrt()
    S = skew(v)
    half = torch.sinc(angle / (2 * torch.pi))
    return torch.eye(3, dtype=v.dtype, device=v.device) + torch.sinc(angle / torch.pi) * S + 0.5 * half * half * (S @ S)


def log(R: torch.Tensor) -> torch.Tensor:
    """Matrices to rotation vectors (..., 3) of at most pi radians."""
    axis = (R.flatten(-2) @ _VEE.to(R)) * 0.5  # sin(angle) times the axis
    sine = axis.norm(dim=-1, keepdim=True)
    cosine = 0.5 * (R.diagonal(dim1=-2, dim2=-1).sum(-1, keepdim=True) - 1.0)
    angle = torch.atan2(sine, cosine)
    return axis * torch.where(sine > 1e-9, angle / sine.clamp_min(1e-9), torch.ones_like(angle))


def quaternion(R: torch.Tensor) -> torch.Tensor:
    """Matrices (..., 3, 3) to unit quaternions xyzw (..., 4) with w >= 0."""
    half = 0.5 * log(R)
    angle = half.norm(dim=-1, keepdim=True)
    return torch.cat([torch.sinc(angle / torch.pi) * half, torch.cos(angle)], -1)


def inverse_left_jacobian(v: torch.Tensor) -> torch.Tensor:
    """(..., 3, 3) J with log(exp(e) exp(v)) = v + J e for small e (Barfoot, State Estimation for Robotics, 7.7)."""
    angle2 = (v * v).sum(-1)[..., None, None]
    half = 0.5 * angle2.sqrt().clamp_min(1e-4)
    S = skew(v)
    factor = (1.0 - half / torch.tan(half)) / (4.0 * half * half)
    return torch.eye(3, dtype=v.dtype, device=v.device) - 0.5 * S + factor * (S @ S)


def _levi_civita() -> torch.Tensor:
    """(3, 9): v @ this = skew(v), flattened."""
    table = torch.zeros(3, 3, 3, dtype=torch.float64)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        table[i, k, j] = 1.0
        table[i, j, k] = -1.0
    return table.reshape(3, 9)


LEVI_CIVITA = _levi_civita()
_VEE = LEVI_CIVITA.T.contiguous()
