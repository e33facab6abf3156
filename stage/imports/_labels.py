"""Whose place a point is: names of joints, and of markers on the body.

Joints: the rig's own bones, the keypoints of OpenPose and others (RHip, RKnee), joint centres (RHJC), OpenSim's
(hip_r, knee_r) and those that skeletons have (LeftUpLeg).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from protocols.names import RIG_BONES

_LOWER = {bone.lower(): bone for bone in RIG_BONES}
_MIDDLE = {
    "pelvis": "pelvis", "hips": "pelvis", "midhip": "pelvis", "hip": "pelvis", "root": "pelvis", "phjc": "pelvis",
    "neck": "neck_01",
}  # fmt: skip
_SIDED = {
    "hip": "thigh", "hjc": "thigh", "thigh": "thigh", "upleg": "thigh", "upperleg": "thigh", "femur": "thigh",
    "knee": "calf", "kjc": "calf", "leg": "calf", "lowerleg": "calf", "shin": "calf", "calf": "calf",
    "ankle": "foot", "ajc": "foot", "foot": "foot",
    "toebase": "ball", "mtp": "ball",
    "shoulder": "upperarm", "sjc": "upperarm", "arm": "upperarm", "upperarm": "upperarm", "acromial": "upperarm",
    "elbow": "lowerarm", "ejc": "lowerarm", "forearm": "lowerarm", "lowerarm": "lowerarm",
    "wrist": "hand", "wjc": "hand", "hand": "hand",
}  # fmt: skip
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LEAST = {f"{bone}_{side}" for bone in ("thigh", "calf", "foot") for side in "lr"}
_UPPER = {f"{bone}_{side}" for bone in ("upperarm", "lowerarm", "hand") for side in "lr"}


def joints(labels: Sequence[str]) -> dict[str, int]:
    """Bone of the rig to index of the label that is its head; {} where the labels are no skeleton."""
    found: dict[str, int] = {}
    for number, label in enumerate(labels):
        bone = _LOWER.get(label.lower()) or _bone(label)
        if bone and bone != "Root":
            found.setdefault(bone, number)
    return found if found.keys() >= _LEAST or (found.keys() >= _UPPER and "pelvis" in found) else {}


def _bone(label: str) -> str:
    words = [word.lower() for word in _WORD.findall(label) if not word.isdigit()]
    text = "".join(words)
    if text in _MIDDLE:
        return _MIDDLE[text]
    side, rest = "", words
    for end in (0, -1):
        if len(words) > 1 and words[end] in ("l", "r", "left", "right"):
            side, rest = words[end][0], words[1:] if end == 0 else words[:-1]
            break
    else:  # "LHJC" and "RKnee" in one word, "lhip"
        if text[:1] in ("l", "r") and text[1:] in _SIDED:
            side, rest = text[0], [text[1:]]
    core = _SIDED.get("".join(rest).removesuffix("jointcenter").removesuffix("joint"), "")
    return f"{core}_{side}" if side and core else ""
