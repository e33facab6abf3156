from __future__ import annotations

import pytest

from protocols import names

COUNTS = {
    "BODY_LANDMARKS": 33,
    "COCO_KEYPOINTS": 17,
    "RIG_BONES": 53,
    "HUMAN_BODY_BONES": 55,
    "ARKIT_SHAPES": 52,
}


@pytest.mark.parametrize("name", COUNTS)
def test_names_are_complete_and_different(name: str) -> None:
    entries = getattr(names, name)
    assert len(entries) == len(set(entries)) == COUNTS[name]


def test_parents_come_before_their_children() -> None:
    assert names.RIG_PARENTS[0] == -1
    assert all(0 <= parent < bone for bone, parent in enumerate(names.RIG_PARENTS) if bone > 0)


def test_limbs_hang_where_they_should() -> None:
    parent = {bone: names.RIG_BONES[up] for bone, up in zip(names.RIG_BONES, names.RIG_PARENTS, strict=True)}
    assert parent["clavicle_r"] == parent["neck_01"] == "spine_03"
    assert parent["thigh_l"] == parent["spine_01"] == "pelvis"
    assert parent["thumb_01_r"] == "hand_r"
    assert parent["pinky_03_l"] == "pinky_02_l"


def test_sides_mirror_each_other() -> None:
    for entries, left, right in (
        (names.RIG_BONES, "_l", "_r"),
        (names.HUMAN_BODY_BONES, "Left", "Right"),
        (names.BODY_LANDMARKS, "left", "right"),
        (names.COCO_KEYPOINTS, "left", "right"),
    ):
        lefts = {name for name in entries if name.endswith(left) or left in name.replace(right, "")}
        assert {name.replace(left, right) for name in lefts} <= set(entries)


def test_every_bone_but_root_has_its_unity_name() -> None:
    assert set(names.RIG_BONES) - set(names.UNITY_FROM_RIG) == {"Root"}
    unity = list(names.UNITY_FROM_RIG.values())
    assert len(unity) == len(set(unity))
    assert set(unity) | set(names.UNITY_ABSENT) == set(names.HUMAN_BODY_BONES)
    assert names.UNITY_ABSENT == ("LeftEye", "RightEye", "Jaw")


@pytest.mark.parametrize(
    ("rig", "unity", "number"),
    [
        ("pelvis", "Hips", 0),
        ("spine_01", "Spine", 7),
        ("hand_r", "RightHand", 18),
        ("thumb_01_l", "LeftThumbProximal", 24),
        ("ring_02_l", "LeftRingIntermediate", 34),
        ("pinky_03_r", "RightLittleDistal", 53),
        ("spine_03", "UpperChest", 54),
    ],
)
def test_unity_numbers(rig: str, unity: str, number: int) -> None:
    assert names.UNITY_FROM_RIG[rig] == unity
    assert names.HUMAN_BODY_BONES[number] == unity


def test_arkit_is_in_unreal_order() -> None:
    assert names.ARKIT_SHAPES.index("JawLeft") == 15  # the phone app's own table has JawRight first
    assert names.ARKIT_SHAPES.index("JawOpen") == 17
    assert names.ARKIT_SHAPES.index("BrowDownLeft") == 41
    assert names.ARKIT_SHAPES[-1] == "TongueOut"
