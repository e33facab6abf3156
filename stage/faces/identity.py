"""Whose face it is: identity coefficients by linear least squares over frames and views, with the prior of people.

Linearised about the head's pose and the identity so far, every view says J c = r + J c_0 of the identity c, and as
much of the pose, which is taken out of the equations (Schur complement), so that a face is not widened to mend a
turn. Errors of the network are alike in frames that are alike: a thousand frames from the front say no more than
a few. So frames are averaged within bins of direction, a bin counts for a few frames, and points, whose errors
go along with their neighbours', for a share of what they claim.

People are standard normal in c, hence

    c = (sum_bins H_bin / n_bin . INDEPENDENT + I)^-1  sum_bins g_bin / n_bin . INDEPENDENT
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stage.faces.head_pose import HeadPose, View, image_rows, linearise
from stage.faces.model import FaceModel

INDEPENDENT = 0.12
"""What a bin's mean frame counts for, in frames whose 468 points err independently; chosen on rendered people."""

LEAST_TURN_BIN_RAD = 0.25
_CAUCHY = 3.0
_LARGEST = 4.0
_EXPRESSION_SIGMA = 0.15
"""Usual error of coefficients while the identity is fitted."""


class _Bin(NamedTuple):
    H: np.ndarray
    """(I, I)."""
    g: np.ndarray
    """(I,)."""
    frames: int


class IdentityEstimate:
    """The identity of one actor, as more is seen of it."""

    def __init__(self, model: FaceModel) -> None:
        self._model = model
        self._bins: dict[tuple[str, int, int], _Bin] = {}
        self._flat = np.ascontiguousarray(model.identity_basis.transpose(1, 2, 0))  # (P, 3, I)
        moved = np.linalg.norm(model.expression_basis, axis=2)
        self._sigma = np.sqrt(model.sigma**2 + (_EXPRESSION_SIGMA**2 * moved**2).sum(0))
        self.identity = np.zeros(len(model.identity_basis))
        """(I,): the best so far."""

    @property
    def frames(self) -> int:
        """How many were taken in."""
        return sum(b.frames for b in self._bins.values())

    @property
    def directions(self) -> int:
        """From how many sides the head was seen, all cameras together."""
        return len({key[1:] for key in self._bins})

    def covariance(self) -> np.ndarray:
        """(I, I) of the identity by what was taken in so far; while that is nothing, the unit matrix of people."""
        H = INDEPENDENT * sum((b.H / b.frames for b in self._bins.values()), np.zeros(()))
        return np.linalg.inv(H + np.eye(len(self.identity)))

    def add(self, camera: str, view: View, pose: HeadPose, points: np.ndarray) -> None:
        """Take in one view of a frame.

        Args:
            camera: Its name.
            view: The face in it.
            pose: Of the head, from `fit_head`.
            points: (P, 3) in which the pose was fitted: of `identity` and the coefficients of this frame.
        """
        turned = points @ pose.R.T
        J_pose, r = linearise(view, turned, pose.t, self._sigma)
        rows, _ = image_rows(view, turned + pose.t, self._sigma)
        J = ((rows @ pose.R) @ self._flat).reshape(len(r), -1)  # (2P, I)
        trust = np.repeat(1.0 / (1.0 + (r.reshape(-1, 2) ** 2).sum(1) / _CAUCHY**2), 2)
        target = r + J @ self.identity
        weighted, weighted_pose = J * trust[:, None], J_pose * trust[:, None]
        H_pose = weighted_pose.T @ J_pose + 1e-6 * np.eye(6)
        K = np.linalg.solve(H_pose, weighted_pose.T @ np.concatenate([J, target[:, None]], 1))
        H = weighted.T @ J - (weighted.T @ J_pose) @ K[:, :-1]
        g = weighted.T @ target - (weighted.T @ J_pose) @ K[:, -1]
        key = (camera, *_direction(view.R @ pose.R))
        old = self._bins.get(key)
        self._bins[key] = _Bin(H, g, 1) if old is None else _Bin(old.H + H, old.g + g, old.frames + 1)

    def improve(self) -> np.ndarray:
        """The identity (I,) that all taken in so far says."""
        if len(self._bins) == 0:
            return self.identity
        H = INDEPENDENT * sum((b.H / b.frames for b in self._bins.values()), np.zeros(()))
        g = INDEPENDENT * sum((b.g / b.frames for b in self._bins.values()), np.zeros(()))
        self.identity = np.clip(np.linalg.solve(H + np.eye(len(g)), g), -_LARGEST, _LARGEST)
        return self.identity


def _direction(R_camera_head: np.ndarray) -> tuple[int, int]:
    """The bin of yaw and pitch from which a camera sees a head."""
    towards = -R_camera_head[2]  # the direction to the camera in head axes
    yaw = np.arctan2(towards[0], -towards[1])
    pitch = np.arcsin(np.clip(towards[2], -1.0, 1.0))
    return round(float(yaw) / LEAST_TURN_BIN_RAD), round(float(pitch) / LEAST_TURN_BIN_RAD)
