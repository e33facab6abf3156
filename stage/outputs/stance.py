"""Where the hips of an avatar go: its feet stand where the performer's stand.

What is placed is the middle between the upper legs, for there the legs begin; the hips follow from how they are turned.
Legs of another length reach from another height, and make steps of another length:

    height above the floor    ankle' + r (z - ankle)       r = leg' / leg,  leg: from that middle down to the ankle
    on the floor              r (x, y)                     or (x, y): as far as the performer went

That is all where thighs, shins and hips are of the same proportions: a flat foot of the performer is then a flat foot
of the avatar in every pose. Where they are not, a bent leg reaches less far or farther than that, by

    (thigh'/thigh - r) (z_hip - z_knee) + (shin'/shin - r) (z_knee - z_ankle) - (width'/width - r) (z_hip - z)

and the hips move up by as much: by the lower foot's share, the more so the nearer that foot is to the floor. Only
heights are looked at: legs hang straight down in the T-pose, so a leg's share of the height is that of its joints. An
avatar without legs or feet has its hips at the same part of its height.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from protocols.axes import UNITY_FROM_WORLD
from protocols.names import RIG_BONES
from stage.avatars import Avatar
from stage.outputs.quaternions import Floats

_LEGS = ("LeftUpperLeg", "RightUpperLeg", "LeftLowerLeg", "RightLowerLeg", "LeftFoot", "RightFoot")
_JOINTS = [RIG_BONES.index(f"{bone}_{side}") for bone in ("thigh", "calf", "foot") for side in "lr"]
_PELVIS = RIG_BONES.index("pelvis")
_LEAST_LEG = 0.05
_LEAST_PART = 0.02
_LOWER_M = 0.03
"""How much lower a foot must be to count for nearly all."""
_NEAR_M, _FAR_M = 0.05, 0.35
"""How high above the floor feet count in full, and no more."""

Vector = tuple[float, float, float]


class Stance(NamedTuple):
    """From the performer's place to the avatar's; the stage's axes, metres."""

    middle: Vector
    """Middle between the upper legs at rest, from the avatar's hips."""
    travel: float
    """Factor of places on the floor."""
    rise: float
    """Factor of heights: r."""
    ankle: float
    """Of the performer at rest: height of the ankles."""
    own_ankle: float
    """Likewise of the avatar."""
    parts: Vector
    """What thighs, shins and the width of the hips have as their own factors, less r."""
    legged: bool = True
    """False places the hips themselves."""

    def hips(self, joints: Floats, turn: Sequence[float]) -> Vector:
        """Where the avatar's hips are.

        Args:
            joints: (53, 3) of the performer.
            turn: (4,) how the hips are turned from rest, in the world.
        """
        if not self.legged:
            x, y, z = joints[_PELVIS].tolist()
            return self.travel * x, self.travel * y, self.own_ankle + self.rise * (z - self.ankle)
        (ax, ay, az), (bx, by, bz), (_, _, left_knee), (_, _, right_knee), (_, _, left), (_, _, right) = joints.take(
            _JOINTS, 0
        ).tolist()
        half, height = self.travel / 2.0, (az + bz) / 2.0
        thigh, shin, width = self.parts
        left_reach = thigh * (az - left_knee) + shin * (left_knee - left) - width * (az - height)
        right_reach = thigh * (bz - right_knee) + shin * (right_knee - right) - width * (bz - height)
        share = 1.0 / (1.0 + math.exp(max(-1.0, min(1.0, left - right)) / _LOWER_M))
        near = (_FAR_M - (min(left, right) - self.ankle)) / (_FAR_M - _NEAR_M)
        reach = max(0.0, min(1.0, near)) * (share * left_reach + (1.0 - share) * right_reach)
        mx, my, mz = _turned(self.middle, turn)
        rise = self.own_ankle + self.rise * (height - self.ankle) + reach
        return half * (ax + bx) - mx, half * (ay + by) - my, rise - mz


def stance(avatar: Avatar, joints: Floats, *, travel: bool) -> Stance:
    """How an avatar stands for a performer.

    Args:
        avatar: At rest.
        joints: (53, 3) of the performer in the T-pose on the floor.
        travel: Whether the avatar goes as far as its legs carry it; False: as far as the performer does.
    """
    at = UNITY_FROM_WORLD.inverse.positions(avatar.world_positions)
    hips = at[0]
    if not all(bone in avatar.bones for bone in _LEGS):
        rise = float(hips[2] / max(joints[_PELVIS, 2], _LEAST_LEG))
        return Stance((0.0, 0.0, 0.0), rise if travel else 1.0, rise, 0.0, 0.0, (0.0, 0.0, 0.0), legged=False)
    own = at[[avatar.bones.index(bone) for bone in _LEGS]].reshape(3, 2, 3)  # (part, side, xyz)
    legs = joints[_JOINTS].reshape(3, 2, 3)
    own_parts, parts = _parts(own), _parts(legs)
    rise = float(max(own_parts[:2].sum(), _LEAST_LEG) / max(parts[:2].sum(), _LEAST_LEG))
    # What is too short to be measured has the legs' own factor.
    factors = np.where((own_parts > _LEAST_PART) & (parts > _LEAST_PART), own_parts / np.maximum(parts, 1e-9), rise)
    thigh, shin, width = (factors - rise).tolist()
    x, y, z = (own[0].mean(0) - hips).tolist()
    ankle, own_ankle = float(legs[2, :, 2].mean()), float(own[2, :, 2].mean())
    return Stance((x, y, z), rise if travel else 1.0, rise, ankle, own_ankle, (thigh, shin, width))


def _parts(legs: Floats) -> Floats:
    """(3,) height of thighs and of shins, width of the hips, of (part, side, xyz) in the T-pose."""
    heights = legs[:, :, 2].mean(1)  # of hips, knees and ankles
    return np.array([heights[0] - heights[1], heights[1] - heights[2], abs(legs[0, 0, 0] - legs[0, 1, 0])])


def _turned(vector: Vector, turn: Sequence[float]) -> Vector:
    """The vector turned by a quaternion: m + 2 w (v x m) + 2 v x (v x m)."""
    x, y, z, w = turn
    mx, my, mz = vector
    cx, cy, cz = y * mz - z * my, z * mx - x * mz, x * my - y * mx
    return (
        mx + 2.0 * (w * cx + y * cz - z * cy),
        my + 2.0 * (w * cy + z * cx - x * cz),
        mz + 2.0 * (w * cz + x * cy - y * cx),
    )
