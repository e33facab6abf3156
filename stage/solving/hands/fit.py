"""Levenberg-Marquardt fit of hands to their views, as in `stage.solving.fit` but for arrays of a hand's size.

    minimise   sum rho(reprojection) + sum rho(relief) + anatomy + base + (q - q_0)^T Lambda (q - q_0) / 2

over the 26 coordinates of `stage.solving.hands.model`. The first six correct the hand bone within what the body fit
leaves open; they are this instant's alone and are marginalised out of the result. Plain numpy: with arrays this small
a call costs more than its arithmetic, and numpy's calls cost a third of torch's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stage.bodies.hands import ANGLE_COUNT, Floats
from stage.solving.hands import anatomy
from stage.solving.hands.evidence import HandEvidence
from stage.solving.hands.model import BASE_COUNT, COORDINATES, HandGeometry, HandPose, place, point_jacobian

ROBUST_SCALE = 3.0
"""Residuals beyond this many standard deviations lose influence (Cauchy)."""
BASE_SIGMA_M, BASE_SIGMA_RAD = 0.015, 0.15
"""How far the hand bone may be from where the body fit has it."""

_NEAREST_M = 0.05
_FIRST_DAMPING, _MOST_DAMPING = 1e-5, 1e8
_CONVERGED = 1e-3
_SHORT = 0.25
_TINY = 0.08
"""A first step of no coordinate more than this (radians) is taken on trust: the prediction was as good as a fit."""
_MOST_STEP = 0.7


class HandPrior(NamedTuple):
    """Where the angles are expected, before this evidence."""

    angles: Floats
    """(H, 20)."""
    information: Floats
    """(H, 20, 20)."""


class HandFit(NamedTuple):
    """Fitted hands."""

    pose: HandPose
    covariance: Floats
    """(H, 20, 20) of the angles."""
    cost: Floats
    """(H,)."""
    misfit: Floats
    """(H,): root mean square of the reprojection residuals, in standard deviations."""


class _Normal(NamedTuple):
    H: Floats
    g: Floats
    cost: Floats
    misfit: Floats


def fit(
    geometry: HandGeometry,
    start: HandPose,
    prior: HandPrior,
    evidence: HandEvidence,
    *,
    iterations: int,
    anatomy_weight: float,
) -> HandFit:
    """Minimise from `start`, whose hand bone is the body's, with at most `iterations` linearisations."""

    def normal(pose: HandPose, base: Floats) -> _Normal:
        return _normal(geometry, pose, base, prior, evidence, anatomy_weight)

    pose, base = start, np.zeros((len(start.p), BASE_COUNT))
    now = normal(pose, base)
    damping = np.full(len(start.p), _FIRST_DAMPING)
    step = _step(now, damping)
    trusted = np.abs(step).max(1) < _TINY
    if trusted.all():
        iterations = 1
    for iteration in range(iterations - 1):
        trial_pose, trial_base = pose.moved(step), base + step[:, :BASE_COUNT]
        trial = normal(trial_pose, trial_base)
        better = trial.cost <= now.cost
        if better.all():
            pose, base, now = trial_pose, trial_base, trial
        else:
            pose = HandPose(*(_choose(better, a, b) for a, b in zip(trial_pose, pose, strict=True)))
            base = _choose(better, trial_base, base)
            now = _Normal(*(_choose(better, a, b) for a, b in zip(trial, now, strict=True)))
        damping = np.clip(np.where(better, damping * 0.1, damping * 100.0), _FIRST_DAMPING, _MOST_DAMPING)
        length = np.abs(step).max(1)
        step = _step(now, damping)
        if iteration + 2 < iterations and np.all(length < _CONVERGED):
            break
        trusted = better & (length < _SHORT) & (np.abs(step).max(1) < length)
    pose = pose.moved(step * trusted[:, None])
    pose = pose._replace(angles=anatomy.within_limits(pose.angles))
    return HandFit(pose, np.linalg.inv(now.H)[:, BASE_COUNT:, BASE_COUNT:], now.cost, now.misfit)


def _normal(
    geometry: HandGeometry,
    pose: HandPose,
    base: Floats,
    prior: HandPrior,
    evidence: HandEvidence,
    anatomy_weight: float,
) -> _Normal:
    placed = place(geometry, pose)
    rows, residual, cost, misfit = _views(evidence, placed.x, point_jacobian(geometry, placed))
    H = rows @ rows.transpose(0, 2, 1)
    g = (rows @ residual[..., None])[..., 0]
    H[:, _BASE, _BASE] += _BASE_INFORMATION
    g[:, :BASE_COUNT] += _BASE_INFORMATION * base
    H_anatomy, g_anatomy, cost_anatomy = anatomy.terms(pose.angles, anatomy_weight)
    away = pose.angles - prior.angles
    pull = (prior.information @ away[..., None])[..., 0]
    H[:, BASE_COUNT:, BASE_COUNT:] += H_anatomy + prior.information
    g[:, BASE_COUNT:] += g_anatomy + pull
    cost += cost_anatomy + 0.5 * (away * pull).sum(1) + 0.5 * (_BASE_INFORMATION * base * base).sum(1)
    return _Normal(H, g, cost, misfit)


def _views(evidence: HandEvidence, x: Floats, J: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Whitened rows (H, 26, R) and residuals (H, R) of all views, their robust cost (H,), and the misfit (H,).

    Of depth only the relief is compared: it says nothing of how far away the hand is, nor how it is tilted.
    """
    hands, views, _, points = evidence.target.shape
    in_camera = evidence.R @ x[:, None] + evidence.t[..., None]  # (H, V, 3, 21)
    z = np.maximum(in_camera[:, :, 2], _NEAREST_M)
    image = in_camera[:, :, :2] / z[:, :, None]
    residual = np.empty((hands, views, 3, points))
    residual[:, :, :2] = (image - evidence.target) * evidence.scale[:, :, None]
    residual[:, :, 2] = (evidence.relief @ (in_camera[:, :, 2] - evidence.depth)[..., None])[..., 0]
    squared = np.empty((hands, views, 2, points))
    squared[:, :, 0] = residual[:, :, 0] ** 2 + residual[:, :, 1] ** 2
    squared[:, :, 1] = residual[:, :, 2] ** 2
    robust = 1.0 + squared * (1.0 / ROBUST_SCALE**2)
    root = 1.0 / np.sqrt(robust)
    cost = (0.5 * ROBUST_SCALE**2) * np.log(robust).sum((1, 2, 3))
    seen = np.maximum((evidence.scale > 0.0).sum((1, 2)), 1)
    misfit = np.sqrt(0.5 * squared[:, :, 0].sum((1, 2)) / seen)
    turned = evidence.R.reshape(hands, views * 3, 3) @ J.reshape(hands, 3, COORDINATES * points)
    turned = turned.reshape(hands, views, 3, COORDINATES, points)
    rows = np.empty((hands, COORDINATES, views, 3, points))
    along = turned[:, :, 2]
    for axis in (0, 1):
        scale = root[:, :, 0] * evidence.scale / z
        rows[:, :, :, axis] = ((turned[:, :, axis] - along * image[:, :, axis, None]) * scale[:, :, None]).swapaxes(
            1, 2
        )
    rows[:, :, :, 2] = (along @ evidence.relief.swapaxes(2, 3) * root[:, :, 1, None]).swapaxes(1, 2)
    residual[:, :, :2] *= root[:, :, :1]
    residual[:, :, 2] *= root[:, :, 1]
    return rows.reshape(hands, COORDINATES, -1), residual.reshape(hands, -1), cost, misfit


def _step(normal: _Normal, damping: Floats) -> Floats:
    H = normal.H.copy()
    H[:, _ALL, _ALL] *= 1.0 + damping[:, None]
    H[:, _ALL, _ALL] += 1e-9
    step = -np.linalg.solve(H, normal.g[..., None])[..., 0]
    longest = np.abs(step).max(1, keepdims=True)
    return step * np.minimum(1.0, _MOST_STEP / np.maximum(longest, 1e-9))


def _choose(better: np.ndarray, new: Floats, old: Floats) -> Floats:
    return np.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old)


_ALL, _BASE = np.arange(COORDINATES), np.arange(BASE_COUNT)
_BASE_INFORMATION = 1.0 / np.array([BASE_SIGMA_M] * 3 + [BASE_SIGMA_RAD] * 3) ** 2
assert COORDINATES == BASE_COUNT + ANGLE_COUNT
