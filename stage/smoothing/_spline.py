"""Smoothing splines over samples of any spacing: the whole past and the whole future decide together.

Of samples y at times t, each trusted by w = 1 / sigma^2, the smooth curve x minimises

    sum_i  w_i |y_i - x_i|^2   +   integral  |x''|^2 / q  dt

Where the acceleration is white noise of power q, this is the Kalman smoother (Rauch, Tung and Striebel), found in one
banded solve: five diagonals, T rows. It has no lag: what comes after a sample counts as what came before. Samples of no
weight are bridged by the calmest curve; q may differ over time, so that what moves fast may accelerate more.

Rotations are smoothed in the tangent space of the present estimate, a few times over (Gauss and Newton). Angular
velocities are differences of neighbouring rotations, so a steady turn about one axis has no acceleration and stays
as it is.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded

from stage.outputs.quaternions import Floats, conjugate, multiply, normalised

_ROUNDS = 4
_CONVERGED_RAD = 1e-6
_LEAST_WEIGHT = 1e-9
_TINY = 1e-12


class Spline:
    """The bending of curves over T samples."""

    def __init__(self, times_s: Floats) -> None:
        """For samples at rising times (T,), seconds."""
        self._steps = np.diff(times_s)
        h = self._steps
        self._spans = 0.5 * (h[1:] + h[:-1])
        """(T - 2,): how long each inner sample stands for."""
        # x'' of an inner sample from its neighbours.
        self._left, self._right = 1.0 / (h[:-1] * self._spans), 1.0 / (h[1:] * self._spans)

    def smoothed(self, y: Floats, weight: Floats, density: Floats | float) -> Floats:
        """Values (T, N) made smooth.

        Args:
            y: (T, N).
            weight: (T,) 1 / sigma^2 of the samples; 0 says nothing of a sample.
            density: q, one number or (T,).
        """
        if len(y) < 3:
            return y.astype(np.float64)
        return self._solved(weight, self._stiffness(density), weight[:, None] * y)

    def smoothed_rotations(self, q: Floats, weight: Floats, density: Floats | float) -> Floats:
        """Unit quaternions (T, 4) made smooth, as `smoothed`; q is in rad^2/s^3."""
        measured = np.asarray(q, np.float64)
        if len(measured) < 3:
            return measured
        stiffness = self._stiffness(density)
        x = measured
        for _ in range(_ROUNDS):
            missing = rotation_vectors(multiply(measured, conjugate(x)))
            turn = self.velocities(x)
            bend = stiffness[:, None] * (np.diff(turn, axis=0) / self._spans[:, None])
            step = self._solved(weight, stiffness, weight[:, None] * missing - self._spread(bend))
            x = normalised(multiply(quaternions(step), x))
            if np.abs(step).max() < _CONVERGED_RAD:
                break
        return x

    def velocities(self, q: Floats) -> Floats:
        """(T - 1, 3) angular velocities between rotations (T, 4), rad/s."""
        return rotation_vectors(multiply(q[1:], conjugate(q[:-1]))) / self._steps[:, None]

    def _stiffness(self, density: Floats | float) -> Floats:
        inner = density if np.ndim(density) == 0 else np.asarray(density)[1:-1]
        return self._spans / inner

    def _spread(self, bend: Floats) -> Floats:
        """What second derivatives (T - 2, N) pull at samples: the transpose of taking them."""
        pull = np.zeros((len(bend) + 2, bend.shape[1]))
        pull[:-2] += self._left[:, None] * bend
        pull[1:-1] -= (self._left + self._right)[:, None] * bend
        pull[2:] += self._right[:, None] * bend
        return pull

    def _solved(self, weight: Floats, stiffness: Floats, pull: Floats) -> Floats:
        left, right = self._left, self._right
        middle = -(left + right)
        bands = np.zeros((3, len(weight)))  # upper form: row 2 is the diagonal
        bands[2] = np.maximum(weight, _LEAST_WEIGHT)
        for part, at in ((left, 0), (middle, 1), (right, 2)):
            bands[2, at : at + len(part)] += stiffness * part * part
        bands[1, 1:-1] += stiffness * left * middle
        bands[1, 2:] += stiffness * middle * right
        bands[0, 2:] += stiffness * left * right
        return solveh_banded(bands, pull, check_finite=False)


def rotation_vectors(q: Floats) -> Floats:
    """Unit quaternions (..., 4) to rotation vectors (..., 3) of at most pi radians."""
    sign = np.where(q[..., 3:] < 0.0, -1.0, 1.0)
    sine = np.linalg.norm(q[..., :3], axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(sine, sign * q[..., 3:])
    return sign * q[..., :3] * np.where(sine > _TINY, angle / np.maximum(sine, _TINY), 2.0)


def quaternions(v: Floats) -> Floats:
    """Rotation vectors (..., 3), radians, to unit quaternions (..., 4)."""
    half = 0.5 * np.linalg.norm(v, axis=-1, keepdims=True)
    return np.concatenate([0.5 * v * np.sinc(half / np.pi), np.cos(half)], -1)
