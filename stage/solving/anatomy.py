"""Joint limits and usual poses: what bodies do when the cameras do not say.

A bone's rotation from rest is read as a rotation vector in its joint frame: flexion, twist and sideways, in
degrees, for the left side (the right side mirrors). In the rest pose the arms hang at 45 degrees and the elbows
are slightly bent. Flexion is positive when the knee bends, the leg goes back, the trunk bends forward ... see the
table; twist is about the bone; usual is the standard deviation of everyday motion.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from stage.bodies.body import BodyModel
from stage.solving.pose import inverse_left_jacobian, log
from stage.solving.skeleton import SOLVED_BONES

LIMIT_SIGMA_DEG = 3.0
"""How firmly a limit holds."""


class Range(NamedTuple):
    """Limits (low, high) and usual deviation of one axis, degrees."""

    low: float
    high: float
    usual: float


class Joint(NamedTuple):
    """A joint's three axes. `frame` "body" has flexion about the body's +X (to its left), sideways about +Y
    (backwards) and twist about +Z (up); "arm" has twist along the bone and flexion in the elbow's plane.
    """

    flexion: Range
    twist: Range
    sideways: Range
    frame: str = "body"


_SPINE = Joint(Range(-25, 35, 5), Range(-25, 25, 5), Range(-20, 20, 4))
JOINTS: dict[str, Joint] = {
    "spine_01": _SPINE,
    "spine_02": _SPINE,
    "spine_03": _SPINE,
    "neck_01": Joint(Range(-35, 35, 10), Range(-45, 45, 12), Range(-25, 25, 8)),
    "head": Joint(Range(-35, 35, 10), Range(-40, 40, 12), Range(-25, 25, 8)),
    "clavicle_l": Joint(Range(-15, 15, 8), Range(-30, 30, 14), Range(-35, 20, 14)),
    "upperarm_l": Joint(Range(-150, 120, 50), Range(-150, 110, 50), Range(-150, 90, 50)),
    "lowerarm_l": Joint(Range(-35, 120, 40), Range(-90, 90, 25), Range(-8, 8, 3), "arm"),
    "hand_l": Joint(Range(-75, 75, 20), Range(-10, 10, 4), Range(-35, 35, 10), "arm"),
    "thigh_l": Joint(Range(-130, 35, 35), Range(-45, 45, 15), Range(-65, 35, 15)),
    "calf_l": Joint(Range(-8, 150, 40), Range(-25, 25, 8), Range(-8, 8, 3)),
    "foot_l": Joint(Range(-35, 55, 18), Range(-25, 25, 8), Range(-25, 25, 8)),
    "ball_l": Joint(Range(-55, 25, 12), Range(-4, 4, 2), Range(-4, 4, 2)),
}


class Anatomy:
    """The priors of all solved bones but the pelvis as tensors; coordinates are (flexion, twist, sideways)."""

    def __init__(self, body: BodyModel, device: torch.device | str = "cpu") -> None:
        joints = dict(zip(body.bones, body.mean_joints.astype(np.float64), strict=True))
        frames, low, high, usual = [], [], [], []
        for bone in SOLVED_BONES[1:]:
            mirrored = bone.endswith("_r")
            joint = JOINTS[bone[:-2] + "_l" if mirrored else bone]
            axes = (joint.flexion, joint.twist, joint.sideways)
            frames.append(_arm_frame(joints, bone[-2:]) if joint.frame == "arm" else _BODY_FRAME)
            mirror = (False, mirrored, mirrored)
            low.append([-a.high if m else a.low for a, m in zip(axes, mirror, strict=True)])
            high.append([-a.low if m else a.high for a, m in zip(axes, mirror, strict=True)])
            usual.append([a.usual for a in axes])

        def tensor(values: object) -> torch.Tensor:
            return torch.as_tensor(np.asarray(values, np.float64), device=device)

        self.frames = tensor(np.stack(frames))
        """(K-1, 3, 3): rows are the axes in the rest frame."""
        self.low, self.high, self.usual = (torch.deg2rad(tensor(v)) for v in (low, high, usual))
        self._usual_information = 1.0 / (self.usual * self.usual)

    def terms(self, D: torch.Tensor, weight: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Priors of rotations D (B, K, 3, 3) as blocks: H (B, K-1, 3, 3), g (B, K-1, 3), cost (B,).

        `weight` scales the usual-pose prior; limits always hold in full.
        """
        turns = log(D[:, 1:])
        a = (self.frames @ turns[..., None])[..., 0]
        J = self.frames @ inverse_left_jacobian(turns)
        limit = _LIMIT_INFORMATION
        beyond = (a - self.high).clamp_min(0.0) + (a - self.low).clamp_max(0.0)
        usual = weight * self._usual_information
        information = usual + limit * (beyond != 0.0)
        gradient = usual * a + limit * beyond
        H = J.transpose(-1, -2) @ (information[..., None] * J)
        g = (J.transpose(-1, -2) @ gradient[..., None])[..., 0]
        cost = 0.5 * (usual * a * a + limit * beyond * beyond).sum((1, 2))
        return H, g, cost


_LIMIT_INFORMATION = float(1.0 / np.deg2rad(LIMIT_SIGMA_DEG) ** 2)
_BODY_FRAME = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])


def _arm_frame(joints: dict[str, np.ndarray], side: str) -> np.ndarray:
    """Flexion axis of the elbow, direction of the forearm, and their cross product."""
    upper = joints["lowerarm" + side] - joints["upperarm" + side]
    lower = joints["hand" + side] - joints["lowerarm" + side]
    flexion = np.cross(upper, lower)
    flexion /= np.linalg.norm(flexion)
    along = lower / np.linalg.norm(lower)
    return np.stack([flexion, along, np.cross(flexion, along)])
