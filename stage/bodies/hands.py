"""The hand as a mechanism: 15 finger bones that turn about 20 anatomical axes.

Each finger is a chain of three bones. Its first joint spreads and flexes, the other two only flex; of the thumb, the
first joint lies at the wrist and its "spread" lifts the thumb out of the palm. Rotations from rest are

    D_01 = turn(spread axis, s) turn(flexion axis, a),   D_02 = turn(flexion axis, b),   D_03 = turn(flexion axis, c)

about axes that are fixed in the rest pose; angle 0 is the rest pose, in which fingers are slightly bent. Flexion is
positive towards the palm, spread is positive towards the thumb's side (of the thumb: out of the palm). The same
angles make mirror images of the left and the right hand.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from protocols.names import RIG_BONES

Floats = npt.NDArray[np.floating]

FINGERS = ("thumb", "index", "middle", "ring", "pinky")
"""In the order of the hand landmarks."""
SIDES = ("left", "right")
JOINTS_PER_FINGER = 3
ANGLES = ("spread", "first", "second", "third")
"""Of one finger: its spread, and the flexion of its three joints."""
ANGLE_COUNT = len(FINGERS) * len(ANGLES)

MIRROR = np.array([-1.0, 1.0, 1.0])
"""Points of one side to the other's."""
AXIAL_MIRROR = np.array([1.0, -1.0, -1.0])
"""Axes and rotation vectors of one side to the other's."""


class HandAxes(NamedTuple):
    """Axes of the left hand's fingers in the rest pose, unit vectors."""

    spread: Floats
    """(5, 3)."""
    flexion: Floats
    """(5, 3): of all three joints of a finger."""


def finger_bones(side: str) -> tuple[str, ...]:
    """The 15 bones of one hand, finger by finger from the palm out."""
    return tuple(f"{finger}_0{part}_{side[0]}" for finger in FINGERS for part in (1, 2, 3))


@functools.cache
def finger_bone_index(side: str) -> npt.NDArray[np.int64]:
    """(15,) positions of `finger_bones` in the rig."""
    return np.array([RIG_BONES.index(bone) for bone in finger_bones(side)])


def hand_axes(rest_joints: npt.NDArray[np.floating]) -> HandAxes:
    """The axes of a rest body with bone heads (53, 3)."""

    def head(bone: str) -> Floats:
        return np.asarray(rest_joints[RIG_BONES.index(bone + "_l")], np.float64)

    wrist = head("hand")
    back = _unit(np.cross(head("index_01") - wrist, head("pinky_01") - wrist))
    spread, flexion = [], []
    for finger in FINGERS:
        first, second, third = (head(f"{finger}_0{part}") for part in (1, 2, 3))
        along = _unit(second - first)
        if finger == "thumb":  # its bones are bent enough at rest to show the plane in which they bend
            flex = _unit(np.cross(second - first, third - second))
            spread.append(np.cross(flex, along))
        else:
            flex = _unit(np.cross(back, along))
            spread.append(-back)
        flexion.append(flex)
    return HandAxes(np.stack(spread), np.stack(flexion))


def turn(axis: Floats, angle: npt.NDArray[np.floating]) -> Floats:
    """Rotations (..., 3, 3) about unit axes (..., 3) by angles (...), radians."""
    x, y, z = np.moveaxis(axis, -1, 0)
    zero = np.zeros_like(x)
    skew = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*axis.shape[:-1], 3, 3)
    s, c = np.sin(angle)[..., None, None], np.cos(angle)[..., None, None]
    return np.eye(3) + s * skew + (1.0 - c) * (skew @ skew)


def finger_matrices(axes: HandAxes, angles: npt.NDArray[np.floating], side: str) -> Floats:
    """Rotations from rest relative to the parent (..., 15, 3, 3), bones as in `finger_bones`.

    Args:
        axes: From `hand_axes`.
        angles: (..., 5, 4) radians, fingers and angles in the order of `FINGERS` and `ANGLES`.
        side: "left" or "right".
    """
    spread, flexion = axes
    if side == "right":
        spread, flexion = spread * AXIAL_MIRROR, flexion * AXIAL_MIRROR
    lead = angles.shape[:-2]
    bends = turn(np.broadcast_to(flexion[:, None], (*lead, 5, 3, 3)), angles[..., 1:])
    bends[..., 0, :, :] = turn(np.broadcast_to(spread, (*lead, 5, 3)), angles[..., 0]) @ bends[..., 0, :, :]
    return bends.reshape(*lead, 15, 3, 3)


def _unit(v: Floats) -> Floats:
    return v / np.linalg.norm(v)
