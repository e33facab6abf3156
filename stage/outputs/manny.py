"""Unreal 5's Manny and Quinn: their bones from those of the rig.

Both skeletons have the same limbs and fingers under the same names. Manny has more bones in the trunk, and helpers:

    spine_01 .. spine_05   from our three: the bend between pelvis and the clavicles' bone is shared among five
    neck_01, neck_02       from our one, likewise; head is the same
    *_metacarpal_*         between wrist and knuckle; they turn with the hand
    ik_*                   where the bone is that they follow; their roots are the actor's root

A chain of n joints stands for one of m in this way: bone k of m has turned as our chain has at the share k/m of
its joints, and begins at the share (k-1)/m of its length. So the last bone of each chain has exactly turned as ours,
and what hangs on it (clavicles, head) is where it is. Rotations between two bones are slerped, places go along the
line between them. Twist bones, `interaction` and `center_of_mass` are not sent: Unreal's own rigs drive them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.names import RIG_BONES
from stage.outputs.quaternions import slerp

METACARPAL = 0.3
"""How far from the wrist to the knuckle a metacarpal begins."""

_FINGERS = ("index", "middle", "ring", "pinky")


class _Between(NamedTuple):
    """A bone of Manny between two of the rig: its rotation and its place, each as a share of the way."""

    turns: tuple[str, str]
    turned: float
    places: tuple[str, str]
    placed: float


def _same(bone: str) -> _Between:
    return _Between((bone, bone), 0.0, (bone, bone), 0.0)


def _chain(names: Sequence[str], bones: Sequence[str], end: str) -> dict[str, _Between]:
    """Manny's `names` along our chain: `bones`, the first of which it hangs on, up to the head of `end`."""
    joints, places = len(bones) - 1, (*bones[1:], end)
    found = {}
    for number, name in enumerate(names):
        turn, place = joints * (number + 1) / len(names), joints * number / len(names)
        first, begin = min(int(turn), joints - 1), int(place)
        found[name] = _Between(
            (bones[first], bones[first + 1]), turn - first, (places[begin], places[begin + 1]), place - begin
        )
    return found


def _manny() -> dict[str, _Between]:
    spine = ("pelvis", "spine_01", "spine_02", "spine_03")
    bones = {"pelvis": _same("pelvis")}
    bones |= _chain([f"spine_0{number}" for number in range(1, 6)], spine, "neck_01")
    bones |= _chain(("neck_01", "neck_02"), ("spine_03", "neck_01"), "head")
    bones["head"] = _same("head")
    for side in ("l", "r"):
        hand = f"hand_{side}"
        bones |= {f"{bone}_{side}": _same(f"{bone}_{side}") for bone in ("clavicle", "upperarm", "lowerarm", "hand")}
        for finger in _FINGERS:
            knuckle = f"{finger}_01_{side}"
            bones[f"{finger}_metacarpal_{side}"] = _Between((hand, hand), 0.0, (hand, knuckle), METACARPAL)
        for finger in (*_FINGERS, "thumb"):
            bones |= {f"{finger}_0{part}_{side}": _same(f"{finger}_0{part}_{side}") for part in (1, 2, 3)}
        bones |= {f"{bone}_{side}": _same(f"{bone}_{side}") for bone in ("thigh", "calf", "foot", "ball")}
    bones |= {"ik_foot_root": _same("Root"), "ik_foot_l": _same("foot_l"), "ik_foot_r": _same("foot_r")}
    bones |= {"ik_hand_root": _same("Root"), "ik_hand_gun": _same("hand_r")}
    return bones | {"ik_hand_l": _same("hand_l"), "ik_hand_r": _same("hand_r")}


_MANNY = _manny()
MANNY_BONES = tuple(_MANNY)
"""The bones that are sent; a parent comes before its children."""


def _indices(bones: Sequence[str]) -> NDArray[np.intp]:
    return np.array([RIG_BONES.index(bone) for bone in bones], np.intp)


def _shares(values: Sequence[float]) -> NDArray[np.float32]:
    return np.array(values, np.float32)[:, None]


class Manny:
    """Turns the poses of the rig into those of Manny, in any axes, in one buffer."""

    def __init__(self) -> None:
        """Lays out which bones lie between which."""
        rows = list(_MANNY.values())
        self._from = _indices([row.turns[1] if row.turned == 1.0 else row.turns[0] for row in rows])
        turning = [index for index, row in enumerate(rows) if 0.0 < row.turned < 1.0]
        self._turning = np.array(turning, np.intp)
        self._start, self._end = (_indices([rows[index].turns[which] for index in turning]) for which in (0, 1))
        self._turned = _shares([rows[index].turned for index in turning]).astype(np.float64)
        self._places = [_indices([row.places[which] for row in rows]) for which in (0, 1)]
        self._placed = _shares([row.placed for row in rows])
        self._bones = np.zeros((len(rows), 8), np.float32)

    def bones(self, rig: NDArray[np.float32]) -> NDArray[np.float32]:
        """(bones, 8) position, rotation from rest and confidence of `MANNY_BONES`; valid until the next call.

        Args:
            rig: (53, 8) the same of `RIG_BONES`.
        """
        begin, end = self._places
        out = self._bones
        rig.take(self._from, axis=0, out=out)
        first, last = rig.take(begin, axis=0)[:, :3], rig.take(end, axis=0)[:, :3]
        with np.errstate(invalid="ignore"):  # what is not finite stays so, for the encoder to refuse
            out[:, :3] = first + self._placed * (last - first)
        start, goal = rig.take(self._start, axis=0), rig.take(self._end, axis=0)
        out[self._turning, 3:7] = slerp(start[:, 3:7], goal[:, 3:7], self._turned)
        out[self._turning, 7] = np.minimum(start[:, 7], goal[:, 7])
        return out
