"""Levenberg-Marquardt fit of poses to evidence, a batch of framesets at a time.

    minimise   sum rho(reprojection) + anatomy + (theta - theta_0)^T Lambda (theta - theta_0) / 2

The same code fits one live frame on a CPU and many frames on a GPU: every frameset of a batch has its own damping
and accepts or refuses its own steps.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from stage.solving.anatomy import Anatomy
from stage.solving.evidence import Evidence
from stage.solving.linearise import Body, Normal, Placed, normal_equations, place, point_information, point_jacobian
from stage.solving.pose import Pose

_CONVERGED = 1e-4
_SHORT = 0.2
"""A step of no coordinate more than this (metres or radians) stays where the linearisation holds."""
_FIRST_DAMPING, _MOST_DAMPING = 1e-6, 1e8


class Prior(NamedTuple):
    """Where the pose is expected, before this evidence."""

    pose: Pose
    information: torch.Tensor
    """(B, 69, 69): inverse covariance of the step from `pose`."""


class Fit(NamedTuple):
    """A fitted pose."""

    pose: Pose
    information: torch.Tensor
    """(B, 69, 69): its inverse covariance, by Laplace's approximation."""
    cost: torch.Tensor
    """(B,)."""


class PoseFitter:
    """Fits poses of one body shape."""

    def __init__(self, body: Body, anatomy: Anatomy) -> None:
        self.body = body
        self._anatomy = anatomy

    def fit(
        self,
        start: Pose,
        prior: Prior,
        evidence: Evidence,
        *,
        iterations: int,
        anatomy_weight: float,
        placed: Placed | None = None,
    ) -> Fit:
        """Minimise from `start` with at most `iterations` linearisations.

        The step from the last linearisation is taken on trust where the one before was short: the prediction of a
        moving body is near enough that another look would only cost time. `placed` is the body at `start`, if known.
        """
        pose, normal = start, self.normal(start, prior, evidence, anatomy_weight, placed)
        damping = torch.full_like(normal.cost, _FIRST_DAMPING)
        trusted = torch.zeros_like(normal.cost, dtype=torch.bool)
        step = self._step(normal, damping)
        for iteration in range(iterations - 1):
            trial_pose = pose.moved(step)
            trial = self.normal(trial_pose, prior, evidence, anatomy_weight)
            better = trial.cost <= normal.cost
            if len(better) == 1 and bool(better):
                pose, normal = trial_pose, trial
            else:
                pose, normal = _choose(better, (trial_pose, trial), (pose, normal))
            damping = torch.where(better, damping * 0.1, damping * 100.0).clamp(_FIRST_DAMPING, _MOST_DAMPING)
            length = step.abs().amax(1)
            step = self._step(normal, damping)
            if iteration + 2 < iterations and bool((length < _CONVERGED).all()):
                break
            trusted = better & (length < _SHORT) & (step.abs().amax(1) < length)
        return Fit(pose.moved(step * trusted[:, None]), normal.H, normal.cost)

    def normal(
        self, pose: Pose, prior: Prior, evidence: Evidence, anatomy_weight: float, placed: Placed | None = None
    ) -> Normal:
        """Normal equations of all terms at a pose; `placed` is the body in it, if known."""
        placed = place(self.body, pose) if placed is None else placed
        J = point_jacobian(self.body, placed)
        normal = normal_equations(point_information(evidence, placed), J)
        H, g, cost = normal
        if evidence.relative is not None and evidence.relative_scale is not None:
            H, g, cost = _add_relative(evidence, placed.x, J, H, g, cost)
        H_joints, g_joints, cost_joints = self._anatomy.terms(pose.D, anatomy_weight)
        joints = g_joints.shape[1]
        blocks = H[:, 6:, 6:].unflatten(1, (joints, 3)).unflatten(3, (joints, 3)).diagonal(dim1=1, dim2=3)
        blocks += H_joints.permute(0, 2, 3, 1)
        g[:, 6:] += g_joints.flatten(1)
        d = pose.step_from(prior.pose)
        pull = (prior.information @ d[..., None])[..., 0]
        return Normal(H + prior.information, g + pull, cost + cost_joints + 0.5 * (d * pull).sum(1))

    @staticmethod
    def _step(normal: Normal, damping: torch.Tensor) -> torch.Tensor:
        H = normal.H.clone()
        diagonal = H.diagonal(dim1=-2, dim2=-1)
        diagonal.mul_(1.0 + damping[:, None]).add_(1e-9)
        factor = torch.linalg.cholesky_ex(H).L
        return -torch.cholesky_solve(normal.g[..., None], factor)[..., 0]


def _add_relative(
    evidence: Evidence, x: torch.Tensor, J: torch.Tensor, H: torch.Tensor, g: torch.Tensor, cost: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The network's own 3D, compared about the weighted centre so that it says nothing of place."""
    assert evidence.relative is not None and evidence.relative_scale is not None
    weight = evidence.relative_scale**2
    share = weight / weight.sum(1, keepdim=True).clamp_min(1e-9)
    difference = x - evidence.relative
    r = difference - (difference * share[:, None]).sum(2, keepdim=True)
    J = J - (share[:, :, None, None] * J).sum(1, keepdim=True)
    rows = (J * evidence.relative_scale[:, :, None, None]).flatten(1, 2)
    scaled = (r.transpose(-1, -2) * evidence.relative_scale[..., None]).flatten(1)
    H = H + rows.transpose(-1, -2) @ rows
    g = g + (rows.transpose(-1, -2) @ scaled[..., None])[..., 0]
    return H, g, cost + 0.5 * (scaled * scaled).sum(1)


def _choose(better: torch.Tensor, new: tuple[Pose, Normal], old: tuple[Pose, Normal]) -> tuple[Pose, Normal]:
    def pick(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.where(better.view(-1, *[1] * (a.dim() - 1)), a, b)

    return (
        Pose(*(pick(a, b) for a, b in zip(new[0], old[0], strict=True))),
        Normal(*(pick(a, b) for a, b in zip(new[1], old[1], strict=True))),
    )
