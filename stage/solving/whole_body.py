"""From the solved bones to the whole rig: what an actor shows, as rotations, as bones in the world, as joints.

The solve works on 22 bones and on hands; all others ride on them. What other performers provide comes as rotations of
the rig, and the bones follow by forward kinematics. Either way rotations, joints and mesh are one pose.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from protocols.names import RIG_BONES
from stage.bodies.hands import SIDES, finger_bone_index
from stage.bodies.rig import Rig
from stage.solving.actor import Shown
from stage.solving.external_bones import BodyPose
from stage.solving.head import head_turn
from stage.solving.pose import quaternion, skew
from stage.solving.skeleton import Skeleton

_IDENTITY = (0.0, 0.0, 0.0, 1.0)
_SPINE, _HEAD = RIG_BONES.index("spine_03"), RIG_BONES.index("head")


class Posed(NamedTuple):
    """What an actor shows, the whole rig."""

    state: str
    pose: BodyPose
    G: torch.Tensor
    """(J, 3, 3): rotations from rest in the world."""
    joints: torch.Tensor
    """(J, 3): bone heads in the world, metres."""
    head: np.ndarray
    """(4,): how the head is turned against the uppermost spine bone."""


class WholeBody:
    """All bones of the rig, from those that a skeleton solves."""

    def __init__(self, skeleton: Skeleton) -> None:
        self._skeleton = skeleton
        self._bones = Rig(skeleton.body.parents.tolist(), skeleton.device)
        self._solved, self._carrier = skeleton.bone_index.cpu().numpy(), skeleton.carrier.cpu().numpy()
        self._fingers = np.concatenate([finger_bone_index(side) for side in SIDES])
        self._finger_index = torch.from_numpy(self._fingers).to(skeleton.device)

    def shown(self, rest_joints: torch.Tensor, shown: Shown) -> Posed:
        """What the stage itself has solved."""
        G, joints = self._full_pose(rest_joints, shown)
        quaternions = np.tile(_IDENTITY, (len(self._skeleton.body.bones), 1))
        quaternions[self._solved] = quaternion(shown.D).cpu().numpy()
        # The pelvis does not turn against the Root; together they turn against the world.
        quaternions[[0, self._solved[0]]] = quaternions[[self._solved[0], 0]]
        confidence = shown.confidence[self._carrier]
        if shown.hands is not None:
            quaternions[self._fingers] = shown.hands.quaternions
            confidence[self._fingers] *= shown.hands.confidence
        pose = BodyPose(joints[0, 0].cpu().numpy(), quaternions, confidence)
        return Posed(shown.state, pose, G[0], joints[0], head_turn(shown))

    def at_rest(self) -> Posed:
        """Of an actor that no camera has seen: what others do not provide is as at rest."""
        count, device = len(self._skeleton.body.bones), self._skeleton.device
        pose = BodyPose(np.zeros(3), np.tile(_IDENTITY, (count, 1)), np.zeros(count))
        unused = torch.zeros(0, dtype=torch.float64, device=device)
        return Posed("absent", pose, unused, unused, np.array(_IDENTITY))

    def posed(self, state: str, pose: BodyPose, rest_joints: torch.Tensor) -> Posed:
        """A body in a pose, by forward kinematics."""
        D = _matrices(torch.from_numpy(pose.quaternions).to(rest_joints))
        G, joints = self._bones.forward(rest_joints, torch.from_numpy(pose.place).to(rest_joints)[None], D[None])
        return Posed(state, pose, G[0], joints[0], _head_turn(G[0]))

    def _full_pose(self, rest_joints: torch.Tensor, shown: Shown) -> tuple[torch.Tensor, torch.Tensor]:
        G, joints = self._skeleton.full_pose(rest_joints, shown.G[None], shown.p[None])
        if shown.hands is not None:
            G[0, self._finger_index] = torch.from_numpy(shown.hands.G).to(G)
            joints[0, self._finger_index] = torch.from_numpy(shown.hands.heads).to(G)
        return G, joints


def _matrices(q: torch.Tensor) -> torch.Tensor:
    """Unit quaternions xyzw (N, 4) to matrices (N, 3, 3)."""
    v, w = q[:, :3], q[:, 3, None, None]
    S = skew(v)
    return torch.eye(3, dtype=q.dtype, device=q.device) + 2.0 * (w * S + S @ S)


def _head_turn(G: torch.Tensor) -> np.ndarray:
    """(4,) xyzw: how the head is turned against the uppermost spine bone, of rotations (J, 3, 3)."""
    return quaternion(G[_SPINE].T @ G[_HEAD]).cpu().numpy()
