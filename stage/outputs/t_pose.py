"""From the rig's rest pose to the T-pose that engines expect.

An actor's rig rests in an A-pose: arms lowered, elbows bent, fingers curled, every bone with the rotation identity.
A humanoid of Unity or VRM rests in a T-pose, and there every bone has the rotation identity. `t_pose_rotations` says,
bone by bone, how the rest pose has to turn to become that T-pose (A_bone, in world axes); the retargeting then is
algebra, see `stage.outputs.humanoid`.

VRM's definition of the pose, in the stage's axes (facing -Y, left hand at +X):

* arms, hands and the four fingers along X, palms down, elbows bending forward;
* thumbs level, half way between X and the front, nails up and outward;
* legs straight down, feet flat and pointing to the front;
* trunk, neck, head and shoulders as they rest.

The rest joints alone tell where each limb points. How it is rolled about itself follows from the axis of the joint
at its end where that is bent (elbow, thumb) or from the plane of the palm (hand). Both sides are computed
together: arrays below have the axes (left and right, x y z).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from protocols.arrays import from_bytes
from protocols.names import RIG_BONES, RIG_PARENTS
from stage.outputs.quaternions import (
    IDENTITY,
    Floats,
    align,
    cross,
    dot,
    multiply,
    normalised,
    rotate,
    shortest_arc,
)

_FRONT = np.array([0.0, -1.0, 0.0])
_UP = np.array([0.0, 0.0, 1.0])
_OUT = np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])  # where an outstretched arm points
_MIRROR = np.array([[1.0], [-1.0]])  # axes of rotation are mirrored from left to right
_LEVEL = np.array([1.0, 1.0, 0.0])

_FINGERS = ("index", "middle", "ring", "pinky")
_LEAST_BEND = 0.1
"""Sine of the angle below which a joint counts as straight, and tells nothing about roll."""

_PAIRS = {
    bone[:-2]: np.array([RIG_BONES.index(bone), RIG_BONES.index(f"{bone[:-2]}_r")])
    for bone in RIG_BONES
    if bone.endswith("_l")
}
"""Index of the left and the right bone by their common name."""


_FEET = [RIG_BONES.index("foot_l"), RIG_BONES.index("foot_r")]
_BODIES = 64  # remembered: a body in all its outputs is one


class TPose(NamedTuple):
    """How an actor stands in the T-pose."""

    rotations: Floats
    """(53, 4) A of each bone, see `t_pose_rotations`."""
    joints: Floats
    """(53, 3) heads of the bones [m], world axes; Root above the origin, ankles as high as at rest."""


@lru_cache(_BODIES)
def t_pose(rest_joints: bytes) -> TPose:
    """The T-pose of a performance's actor.

    Args:
        rest_joints: As in `Performance`.

    Raises:
        DecodeError: An array of another size.
    """
    rest = from_bytes(rest_joints, (len(RIG_BONES), 3)).astype(np.float64)
    rotations = t_pose_rotations(rest)
    parents = np.maximum(RIG_PARENTS, 0)
    joints = rotate(rotations[parents], rest - rest[parents])
    joints[0] = rest[0]
    for bone, parent in enumerate(RIG_PARENTS[1:], start=1):
        joints[bone] += joints[parent]
    joints[:, 2] += (rest[_FEET, 2] - joints[_FEET, 2]).mean()
    for array in (rotations, joints):
        array.setflags(write=False)
    return TPose(rotations, joints)


def t_pose_rotations(rest_joints: Floats) -> Floats:
    """Rotation A of each bone from the rest pose to the T-pose, world axes, xyzw.

    Args:
        rest_joints: (53, 3) bone heads of the rest pose, metres.

    Returns:
        (53, 4) float64.
    """
    rotations = np.tile(IDENTITY, (len(RIG_BONES), 1))
    joints = np.asarray(rest_joints, np.float64)
    for bone, pair in (_arms(joints) | _legs(joints)).items():
        rotations[_PAIRS[bone]] = pair
    return rotations


def _arms(joints: Floats) -> dict[str, Floats]:
    upper, lower = _limb(joints, "upperarm", "lowerarm"), _limb(joints, "lowerarm", "hand")
    bend, forward = _bend(upper, lower), -_UP * _MIRROR  # outstretched, an elbow bends to the front
    hand = align(_limb(joints, "hand", "middle_01"), _back_of_hand(joints), _OUT, _UP)
    rotations = {
        "upperarm": _turn(upper, _OUT, bend, forward, straight=shortest_arc(upper, _OUT)),
        "lowerarm": _turn(lower, _OUT, bend, forward, straight=shortest_arc(lower, _OUT)),
        "hand": hand,
    }
    for finger in _FINGERS:
        rotations |= _finger(joints, finger, hand)
    return rotations | _thumbs(joints, hand)


def _finger(joints: Floats, finger: str, hand: Floats) -> dict[str, Floats]:
    proximal = _carried(hand, _limb(joints, f"{finger}_01", f"{finger}_02"), _OUT)
    middle = _carried(hand, _limb(joints, f"{finger}_02", f"{finger}_03"), _OUT)
    # Where a finger tip points, the joints do not say.
    return {f"{finger}_01": proximal, f"{finger}_02": middle, f"{finger}_03": middle}


def _thumbs(joints: Floats, hand: Floats) -> dict[str, Floats]:
    first, second = _limb(joints, "thumb_01", "thumb_02"), _limb(joints, "thumb_02", "thumb_03")
    goal = normalised(_OUT + _FRONT)
    bend, inward = _bend(first, second), _UP * _MIRROR
    proximal = _turn(first, goal, bend, inward, straight=_carried(hand, first, goal))
    middle = _turn(second, goal, bend, inward, straight=_carried(hand, second, goal))
    return {"thumb_01": proximal, "thumb_02": middle, "thumb_03": middle}


def _legs(joints: Floats) -> dict[str, Floats]:
    foot = shortest_arc(_limb(joints, "foot", "ball") * _LEVEL, _FRONT)  # a flat foot stays flat: it only turns
    return {
        "thigh": shortest_arc(_limb(joints, "thigh", "calf"), -_UP),
        "calf": shortest_arc(_limb(joints, "calf", "foot"), -_UP),
        "foot": foot,
        "ball": foot,
    }


def _limb(joints: Floats, start: str, end: str) -> Floats:
    return joints[_PAIRS[end]] - joints[_PAIRS[start]]


def _back_of_hand(joints: Floats) -> Floats:
    """Points out of the back of the hand."""
    return _MIRROR * cross(_limb(joints, "hand", "index_01"), _limb(joints, "hand", "pinky_01"))


def _bend(first: Floats, second: Floats) -> Floats:
    """Axis of the joint between two limbs; its length is the sine of the angle."""
    return cross(normalised(first), normalised(second))


def _turn(direction: Floats, goal: Floats, bend: Floats, bend_goal: Floats, straight: Floats) -> Floats:
    """Turns a limb to `goal` and the axis at its end to `bend_goal`; `straight` where it has no such axis."""
    return np.where(dot(bend, bend) > _LEAST_BEND**2, align(direction, bend, goal, bend_goal), straight)


def _carried(hand: Floats, direction: Floats, goal: Floats) -> Floats:
    """Turns a limb with the hand, and then the shortest way to `goal`."""
    return multiply(shortest_arc(rotate(hand, direction), goal), hand)
