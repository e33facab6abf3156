"""Where the hips of an avatar go: its feet stand where the performer's stand.

What is placed is the middle between the upper legs, for there the legs begin; the hips follow from how they are turned.
Legs of another length reach from another height, and make steps of another length:

    height above the floor    ankle' + r (z - ankle)       r = leg' / leg,  leg: from that middle down to the ankle
    on the floor              r (x, y)                     or (x, y): as far as the performer went

so that a flat foot of the performer is a flat foot of the avatar in every pose, as far as thighs and shins are of the
same proportions. An avatar without legs or feet has its hips at the same part of its height.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from protocols.axes import UNITY_FROM_WORLD
from protocols.names import RIG_BONES
from stage.avatars import Avatar
from stage.outputs.quaternions import Floats

_LEGS = ("LeftUpperLeg", "RightUpperLeg")
_FEET = ("LeftFoot", "RightFoot")
_PELVIS = [RIG_BONES.index("pelvis")] * 2
_THIGHS = [RIG_BONES.index("thigh_l"), RIG_BONES.index("thigh_r")]
_ANKLES = [RIG_BONES.index("foot_l"), RIG_BONES.index("foot_r")]
_LEAST_LEG = 0.05

Vector = tuple[float, float, float]


class Stance(NamedTuple):
    """From the performer's place to the avatar's; the stage's axes, metres."""

    joints: list[int]
    """The two joints of the rig whose middle is placed."""
    middle: Vector
    """That middle at rest, from the avatar's hips."""
    travel: float
    """Factor of places on the floor."""
    rise: float
    """Factor of heights."""
    floor: float
    """Added to heights."""

    def hips(self, joints: Floats, turn: Sequence[float]) -> Vector:
        """Where the avatar's hips are.

        Args:
            joints: (53, 3) of the performer.
            turn: (4,) how the hips are turned from rest, in the world.
        """
        (ax, ay, az), (bx, by, bz) = joints[self.joints].tolist()
        x, y, z, w = turn
        mx, my, mz = self.middle
        # The middle, turned: m + 2 w (v x m) + 2 v x (v x m).
        cx, cy, cz = y * mz - z * my, z * mx - x * mz, x * my - y * mx
        mx += 2.0 * (w * cx + y * cz - z * cy)
        my += 2.0 * (w * cy + z * cx - x * cz)
        mz += 2.0 * (w * cz + x * cy - y * cx)
        half, rise = self.travel / 2.0, self.rise / 2.0
        return half * (ax + bx) - mx, half * (ay + by) - my, self.floor + rise * (az + bz) - mz


def stance(avatar: Avatar, joints: Floats, *, travel: bool) -> Stance:
    """How an avatar stands for a performer.

    Args:
        avatar: At rest.
        joints: (53, 3) of the performer in the T-pose on the floor.
        travel: Whether the avatar goes as far as its legs carry it; False: as far as the performer does.
    """
    places = UNITY_FROM_WORLD.inverse.positions(avatar.world_positions)
    at = dict(zip(avatar.bones, places, strict=True))
    hips = at["Hips"]
    if all(bone in at for bone in (*_LEGS, *_FEET)):
        chosen, middle = _THIGHS, np.mean([at[bone] for bone in _LEGS], 0)
        ankle, own_ankle = np.mean([at[bone][2] for bone in _FEET]), joints[_ANKLES, 2].mean()
    else:
        chosen, middle, ankle, own_ankle = _PELVIS, hips, 0.0, 0.0
    leg, own_leg = middle[2] - ankle, joints[chosen, 2].mean() - own_ankle
    ratio = float(max(leg, _LEAST_LEG) / max(own_leg, _LEAST_LEG))
    x, y, z = (middle - hips).tolist()
    return Stance(chosen, (x, y, z), ratio if travel else 1.0, ratio, float(ankle - ratio * own_ankle))
