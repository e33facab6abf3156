"""What moves which bone of an avatar that has fewer bones than the rig."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from protocols.names import HUMAN_BODY_BONES, UNITY_FROM_RIG
from stage.avatars import Avatar, read_avatar
from stage.outputs.drives import TURN_BONES, Drives
from stage.outputs.quaternions import multiply, normalised
from tests.stage.outputs.performers import REST_JOINTS
from tests.vrm_files import skeleton, vrm0, write_glb

TURNS = normalised(np.random.default_rng(1).normal(size=(len(TURN_BONES), 4)))


def avatar(folder: Path, *without: str) -> Avatar:
    return read_avatar(write_glb(folder / "a.vrm", vrm0(*skeleton(REST_JOINTS), without=without)))


def turn(of: Avatar, bone: str) -> np.ndarray:
    return Drives(of).turns(TURNS)[of.bones.index(bone)]


def product(*names: str) -> np.ndarray:
    result = np.array([0.0, 0.0, 0.0, 1.0])
    for name in names:
        result = multiply(result, TURNS[TURN_BONES.index(name)])
    return result


def test_a_whole_humanoid_follows_bone_by_bone(tmp_path: Path) -> None:
    whole = avatar(tmp_path)
    assert whole.bones == HUMAN_BODY_BONES
    for rig, bone in UNITY_FROM_RIG.items():
        chain = ("Root", "pelvis") if bone == "Hips" else (rig,)
        np.testing.assert_allclose(turn(whole, bone), product(*chain), atol=1e-12)
    for bone, own in (("LeftEye", "left_eye"), ("RightEye", "right_eye"), ("Jaw", "jaw")):
        np.testing.assert_allclose(turn(whole, bone), product(own), atol=1e-12)


@pytest.mark.parametrize(
    ("without", "bone", "chain"),
    [
        (("UpperChest",), "Chest", ("spine_02", "spine_03")),
        (("UpperChest",), "LeftShoulder", ("clavicle_l",)),
        (("Chest", "UpperChest"), "Spine", ("spine_01", "spine_02", "spine_03")),
        (("Chest",), "UpperChest", ("spine_02", "spine_03")),
        (("Neck",), "Head", ("neck_01", "head")),
        (("LeftShoulder", "UpperChest"), "LeftUpperArm", ("clavicle_l", "upperarm_l")),
        (("RightIndexIntermediate",), "RightIndexDistal", ("index_02_r", "index_03_r")),
    ],
)
def test_what_is_missing_is_made_up_for(
    tmp_path: Path, without: tuple[str, ...], bone: str, chain: tuple[str, ...]
) -> None:
    np.testing.assert_allclose(turn(avatar(tmp_path, *without), bone), product(*chain), atol=1e-12)
