"""Skeletons of BVH files: the rig under its own names, under Mixamo's, and as Unreal's Manny.

    rig      all 53 bones, resting as the actor does: an A-pose
    mixamo   no Root, "mixamorig:Hips" leads; resting in the T-pose that retargeting expects
    manny    more bones in spine, neck and palms, resting in the A-pose; root follows the pelvis and never turns

Each joint rides on one bone of the rig. Where Manny has more joints than the rig, they divide a rigid stretch of it, so
that the joints which both have are exactly where they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from protocols.arrays import to_bytes
from protocols.names import RIG_BONES, RIG_PARENTS
from stage.outputs.manny import METACARPAL
from stage.outputs.quaternions import IDENTITY, Floats, normalised, rotate
from stage.outputs.t_pose import t_pose

_HEAD_M, _TOES_M = 0.18, 0.06
"""From head and ball to the ends of the body."""
_TIP = 0.8
"""Length of a fingertip against the bone before it."""


class Skeleton(NamedTuple):
    """J joints; a parent comes before its children, and all that hangs on a joint before the next of its siblings."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    bones: tuple[int, ...]
    """The bone of the rig that each joint turns with; -1 turns with nothing."""
    offsets: Floats
    """(J, 3) metres from the parent in this skeleton's rest pose, world axes; of the first from the floor's origin."""
    ends: dict[int, Floats]
    """(3,) from each joint without children to the end of the body there."""
    turns: Floats
    """(53, 4) how each bone of the rig turns from the actor's rest to this skeleton's."""
    lead: int
    """The bone of the rig whose place leads the skeleton."""
    lead_offset: Floats
    """(3,) metres from the first joint to that bone, which does not turn."""


class _Joint(NamedTuple):
    name: str
    parent: str
    bone: str
    """Where it is, and what it turns with; "" is nothing."""
    toward: str = ""
    share: float = 0.0
    """It lies on the way from `bone` to `toward`."""


def skeleton(style: str, rest_joints: Floats) -> Skeleton:
    """The skeleton of an actor.

    Args:
        style: "rig", "mixamo" or "manny".
        rest_joints: (53, 3) bone heads at rest, metres.
    """
    rest = np.asarray(rest_joints, np.float64)
    joints = {"rig": _rig, "mixamo": _mixamo, "manny": _manny}[style]()
    turns = np.tile(IDENTITY, (len(RIG_BONES), 1))
    posed = rest
    if style == "mixamo":
        turns, posed = t_pose(to_bytes(rest))
    index = {joint.name: number for number, joint in enumerate(joints)}
    places = np.array([_place(joint, posed) for joint in joints])
    parents = tuple(index[joint.parent] if joint.parent else -1 for joint in joints)
    offsets = np.array([places[n] - (places[p] if p >= 0 else 0.0) for n, p in enumerate(parents)])
    bones = tuple(RIG_BONES.index(joint.bone) if joint.bone else -1 for joint in joints)
    lead = joints[0].bone or joints[1].bone
    return Skeleton(
        names=tuple(joint.name for joint in joints),
        parents=parents,
        bones=bones,
        offsets=offsets,
        ends={n: rotate(turns[bones[n]], _end(bones[n], rest)) for n in range(len(joints)) if n not in parents},
        turns=turns,
        lead=RIG_BONES.index(lead),
        lead_offset=posed[RIG_BONES.index(lead)] - places[0],
    )


def places_of(form: Skeleton) -> dict[str, int]:
    """Which joints lie at the head of a bone of the rig, and of which."""
    found: dict[int, str] = {}
    for name, bone in zip(form.names, form.bones, strict=True):
        if bone >= 0 and "metacarpal" not in name:
            found.setdefault(bone, name)
    return {name: bone for bone, name in found.items()}


def _place(joint: _Joint, posed: Floats) -> Floats:
    if not joint.bone:
        return np.zeros(3)
    place = posed[RIG_BONES.index(joint.bone)]
    if not joint.toward:
        return place
    return place + joint.share * (posed[RIG_BONES.index(joint.toward)] - place)


def _end(bone: int, rest: Floats) -> Floats:
    """From the head of a bone without children to its end, in the actor's rest pose; the rig itself does not say."""
    along = rest[bone] - rest[RIG_PARENTS[bone]]
    name = RIG_BONES[bone]
    if name == "head":
        return np.array([0.0, 0.0, _HEAD_M])
    if name.startswith("ball"):
        return _TOES_M * normalised(along * (1.0, 1.0, 0.0))
    return _TIP * along


def _rig() -> list[_Joint]:
    parents = [RIG_BONES[parent] if parent >= 0 else "" for parent in RIG_PARENTS]
    return [_Joint(bone, parent, bone) for bone, parent in zip(RIG_BONES, parents, strict=True)]


_MIXAMO = {
    "pelvis": "Hips", "spine_01": "Spine", "spine_02": "Spine1", "spine_03": "Spine2",
    "neck_01": "Neck", "head": "Head", "clavicle": "Shoulder", "upperarm": "Arm", "lowerarm": "ForeArm", "hand": "Hand",
    "thigh": "UpLeg", "calf": "Leg", "foot": "Foot", "ball": "ToeBase",
}  # fmt: skip


def mixamo_name(bone: str) -> str:
    """Mixamo's name of a bone of the rig."""
    if bone in _MIXAMO:
        return f"mixamorig:{_MIXAMO[bone]}"
    stem, side = bone.rsplit("_", 1)
    which = "Left" if side == "l" else "Right"
    if stem in _MIXAMO:
        return f"mixamorig:{which}{_MIXAMO[stem]}"
    finger, part = stem.rsplit("_", 1)
    return f"mixamorig:{which}Hand{finger.capitalize()}{int(part)}"


def _mixamo() -> list[_Joint]:
    return [
        _Joint(mixamo_name(joint.name), "" if joint.parent == "Root" else mixamo_name(joint.parent), joint.bone)
        for joint in _rig()[1:]
    ]


def _manny() -> list[_Joint]:
    joints = [_Joint("root", "", ""), _Joint("pelvis", "root", "pelvis")]
    joints += _divided(("spine_01", "spine_02", "spine_03", "spine_04"), ("spine_01", "spine_02", "spine_03"), "pelvis")
    joints.append(_Joint("spine_05", "spine_04", "spine_03"))
    limbs = {joint.name: joint for joint in _rig()}
    for name, joint in limbs.items():
        if not name.endswith(("_l", "_r")):
            continue
        parent = {"spine_03": "spine_05"}.get(joint.parent, joint.parent)
        if parent.startswith("hand") and not name.startswith("thumb"):
            finger, side = name.split("_")[0], name[-1]
            palm = f"{finger}_metacarpal_{side}"
            joints.append(_Joint(palm, parent, parent, name, METACARPAL))
            parent = palm
        joints.append(_Joint(name, parent, joint.bone))
    joints += [*_divided(("neck_01", "neck_02"), ("neck_01", "head"), "spine_05"), _Joint("head", "neck_02", "head")]
    return _depth_first(joints)


def _divided(names: Sequence[str], bones: Sequence[str], parent: str) -> list[_Joint]:
    """Two joints for each stretch between bones: one at its begin, one half way."""
    joints = []
    for number, name in enumerate(names):
        bone, toward = bones[number // 2], bones[number // 2 + 1]
        joints.append(_Joint(name, parent, bone, toward, 0.5 * (number % 2)))
        parent = name
    return joints


def _depth_first(joints: Sequence[_Joint], parent: str = "") -> list[_Joint]:
    found = []
    for joint in joints:
        if joint.parent == parent:
            found += [joint, *_depth_first(joints, joint.name)]
    return found
