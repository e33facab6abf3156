"""What hands do: named poses of the fingers, and smooth motion from one to the next.

A pose is 20 angles (see `stage.bodies.hands`): per finger its spread and the flexion of its three joints. Motion holds
a pose for a moment, then goes to another on a minimum-jerk curve, each finger with a little delay of its own; hands
differ by small deviations from the named poses, in twist too, as no two people point alike.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from stage.bodies.body import load_body
from stage.bodies.hands import ANGLES, FINGERS, SIDES, HandAxes, finger_bones, finger_matrices, hand_axes
from stage.synthetic.kinematics import quaternions
from stage.synthetic.raster import Floats

FINGER_BONES = (*finger_bones("left"), *finger_bones("right"))
"""The 30 bones that move, left hand first."""

_STRAIGHT = (-8, -6, -3)
_CURLED = (0, 70, 85, 50)
_HALF = (35, 40, 22)

POSES_DEG: dict[str, tuple[Sequence[float], ...]] = {
    # thumb, index, middle, ring, pinky: spread, then flexion from the palm out
    "rest": ((0, 0, 0, 0),) * 5,
    "relaxed": ((4, 4, 8, 8), (-5, 8, 14, 8), (-1, 12, 18, 10), (4, 14, 20, 12), (8, 14, 18, 10)),
    "flat": ((-4, -6, -10, -6), (-8, *_STRAIGHT), (-2, *_STRAIGHT), (5, *_STRAIGHT), (11, *_STRAIGHT)),
    "spread": ((2, -16, -14, -10), (14, -10, -6, -3), (3, -10, -6, -3), (-9, -10, -6, -3), (-18, -8, -6, -3)),
    "fist": ((18, 22, 38, 40), _CURLED, _CURLED, _CURLED, (-2, 68, 82, 50)),
    "point": ((20, 18, 32, 30), (2, -4, -4, -2), _CURLED, _CURLED, (-2, 68, 82, 50)),
    "two": ((20, 20, 36, 34), (4, -6, -6, -3), (-5, -6, -6, -3), _CURLED, (-2, 68, 82, 50)),
    "three": ((2, -14, -12, -8), (10, -6, -6, -3), (-5, -6, -6, -3), _CURLED, (-2, 68, 82, 50)),
    "four": ((20, 24, 40, 34), (4, -8, -6, -3), (1, -8, -6, -3), (-3, -8, -6, -3), (-6, -6, -6, -3)),
    "thumb_up": ((-8, -16, -14, -14), _CURLED, _CURLED, _CURLED, (-2, 68, 82, 50)),
    "pinch": ((24, 10, 16, 20), (2, 40, 48, 22), (0, 22, 28, 14), (-2, 16, 22, 12), (-4, 12, 18, 10)),
    "ring_sign": ((26, 12, 18, 22), (2, 42, 52, 26), (2, 4, 4, 2), (-6, -2, 2, 0), (-14, -6, 0, 0)),
    "grasp": ((26, 2, 10, 12), (6, 24, 34, 18), (1, 26, 38, 20), (-4, 28, 40, 22), (-9, 28, 38, 22)),
    "wide_grasp": ((30, -10, 2, 4), (13, 8, 26, 16), (3, 10, 28, 16), (-7, 12, 28, 16), (-15, 12, 28, 16)),
    "hook": ((4, 4, 12, 10), (0, 2, 78, 44), (0, 4, 82, 46), (0, 4, 82, 46), (0, 4, 78, 42)),
    "bent": ((14, 4, 10, 8), (1, 62, 4, 2), (0, 66, 4, 2), (-1, 68, 6, 2), (-2, 66, 6, 2)),
    "horns": ((20, 20, 36, 34), (4, -6, -6, -3), _CURLED, _CURLED, (-8, -4, -6, -3)),
    "phone": ((0, -18, -14, -14), _CURLED, _CURLED, _CURLED, (-10, -4, -6, -3)),
    "wave": ((2, -10, -8, -6), (7, -6, 0, 0), (1, -8, 0, 0), (-5, -8, 0, 0), (-10, -4, 0, 0)),
    "half": ((8, 8, 14, 12), (-5, *_HALF), (-1, *_HALF), (4, *_HALF), (8, *_HALF)),
}  # fmt: skip
"""Degrees from rest; `ANGLES` of each of `FINGERS`."""

_HOLD_S = (0.25, 1.0)
_MOVE_S = (0.25, 0.6)
_DELAY_S = 0.06
_OWN_DEG = 4.0
"""How far one hand's poses are from the named ones."""
_OWN_TWIST_DEG = 2.0
"""How far joints turn about axes that anatomy does not give them, yet real ones do."""


def pose_angles(pose: str, amount: float = 1.0) -> Floats:
    """Angles (5, 4) of a named pose, radians; `amount` 0 is the relaxed hand, 1 the pose."""
    relaxed, full = (np.deg2rad(np.array(POSES_DEG[name], np.float64)) for name in ("relaxed", pose))
    return relaxed + amount * (full - relaxed)


def finger_rotations(pose: str, amount: float = 1.0) -> dict[str, Floats]:
    """Rotation from rest, xyzw, of each of `FINGER_BONES` with both hands in one pose."""
    rows = np.concatenate([bone_quaternions(pose_angles(pose, amount), side) for side in SIDES])
    return dict(zip(FINGER_BONES, rows, strict=True))


def bone_quaternions(angles: Floats, side: str) -> Floats:
    """Angles (..., 5, 4) as rotations from rest relative to the parent (..., 15, 4) xyzw, bones of `finger_bones`."""
    return quaternions(finger_matrices(average_axes(), angles, side))


@functools.cache
def average_axes() -> HandAxes:
    """The fingers' axes of the average body."""
    return hand_axes(load_body().mean_joints)


def finger_motion(seconds: float, rate: float, seed: int) -> Floats:
    """Both hands going from pose to pose: (T, 30, 4) xyzw of `FINGER_BONES`; begins and ends relaxed."""
    random = np.random.default_rng(seed)
    times = np.arange(round(seconds * rate)) / rate
    return np.concatenate([_one_hand(times, seconds, side, random) for side in SIDES], axis=1)


def random_angles(random: np.random.Generator) -> Floats:
    """Angles (5, 4) of one hand, radians: between two named poses, with deviations of its own."""
    first, second = random.choice(list(POSES_DEG), 2)
    share = random.uniform(0.0, 1.0) ** 2
    angles = (1.0 - share) * pose_angles(str(first)) + share * pose_angles(str(second))
    return angles + np.deg2rad(random.normal(0.0, _OWN_DEG, angles.shape))


def _one_hand(times: Floats, seconds: float, side: str, random: np.random.Generator) -> Floats:
    angles = np.tile(pose_angles("relaxed"), (len(times), 1, 1))
    delay = random.uniform(0.0, _DELAY_S, (len(FINGERS), 1))
    now = random.uniform(*_HOLD_S)
    while now < seconds:
        move = random.uniform(*_MOVE_S)
        hold = random.uniform(*_HOLD_S)
        last = now + move + hold + max(_MOVE_S) + _DELAY_S > seconds
        target = pose_angles("relaxed") if last else random_angles(random)
        share = np.clip((times[:, None, None] - now - delay) / move, 0.0, 1.0)
        angles += (share**3 * (10.0 - 15.0 * share + 6.0 * share**2)) * (target - angles)
        now += move + (seconds if last else hold)
    own_twist = Rotation.from_rotvec(np.deg2rad(random.normal(0.0, _OWN_TWIST_DEG, (15, 3)))).as_matrix()
    return quaternions(own_twist @ finger_matrices(average_axes(), angles, side))


assert all(len(angles) == len(ANGLES) for pose in POSES_DEG.values() for angles in pose)
