"""Which bones and shapes belong to which part of an actor: what `take` of an input means."""

from __future__ import annotations

from collections.abc import Collection

from protocols.names import ARKIT_SHAPES, HUMAN_BODY_BONES
from stage.config import Part

_SIDES = ("Left", "Right")
_FINGERS = ("Thumb", "Index", "Middle", "Ring", "Little")

CHAINS: dict[Part, tuple[tuple[str, ...], ...]] = {
    "hips": (("Hips",),),
    "spine": (("Spine", "Chest", "UpperChest"),),
    "head": (("Neck", "Head"),),
    "arms": tuple(tuple(f"{side}{bone}" for bone in ("Shoulder", "UpperArm", "LowerArm", "Hand")) for side in _SIDES),
    "fingers": tuple(
        tuple(f"{side}{finger}{bone}" for bone in ("Proximal", "Intermediate", "Distal"))
        for side in _SIDES
        for finger in _FINGERS
    ),
    "legs": tuple(tuple(f"{side}{bone}" for bone in ("UpperLeg", "LowerLeg", "Foot", "Toes")) for side in _SIDES),
}
"""The chains of bones of each part, from the trunk outwards. A chain is taken over or left as a whole."""

OPTIONAL_BONES = frozenset(
    bone
    for bone in HUMAN_BODY_BONES
    if bone in ("Chest", "UpperChest", "Neck") or bone.endswith(("Shoulder", "Toes", "Proximal", "Intermediate"))
    or bone.endswith("Distal")
)  # fmt: skip
"""Bones that an avatar may lack: one that is missing in a chain that is taken over does not turn against its parent."""

EYE_BONES = ("LeftEye", "RightEye")

LOOKS = tuple(index for index, shape in enumerate(ARKIT_SHAPES) if shape.startswith("EyeLook"))
"""The shapes that belong to "eyes"; all others belong to "face"."""


def bones_of(parts: Collection[Part]) -> frozenset[str]:
    """The bones, of those that the rig has, that these parts take over."""
    return frozenset(bone for part in parts for chain in CHAINS.get(part, ()) for bone in chain)
