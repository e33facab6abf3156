"""Avatars read from files: what is at rest where, what they are called, and what is refused."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from protocols.axes import UNITY_FROM_WORLD
from protocols.names import HUMAN_BODY_BONES, UNITY_FROM_RIG
from stage.avatars import Avatar, built_in, read_avatar
from stage.errors import AvatarError
from stage.outputs.t_pose import t_pose
from tests.shared_data import shared_data
from tests.stage.outputs.performers import REST_JOINTS, bone
from tests.unity_engine import Engine
from tests.vrm_files import Gltf, skeleton, vrm0, vrm1, write_glb

PLACES, PARENTS = skeleton(REST_JOINTS)


def matrix(rotation: np.ndarray) -> np.ndarray:
    return Rotation.from_quat(rotation).as_matrix()


def check(avatar: Avatar, engine: Engine) -> None:
    """The record says the same as the tree of nodes."""
    assert avatar.bones == tuple(name for name in HUMAN_BODY_BONES if name in engine.nodes)
    for row, name in enumerate(avatar.bones):
        above = avatar.bones[avatar.ancestors[row]] if avatar.ancestors[row] >= 0 else ""
        assert above == engine.above(name)
        np.testing.assert_allclose(avatar.world_positions[row], engine.rest[name][:3, 3], atol=1e-9)
        np.testing.assert_allclose(matrix(avatar.world_rotations[row]), engine.rest[name][:3, :3], atol=1e-9)
        local = matrix(avatar.node_rotations[row]) @ matrix(avatar.rotations[row])
        np.testing.assert_allclose(local, engine.rest[name][:3, :3], atol=1e-9)
        if not above:
            place = avatar.between[row] @ [*avatar.offsets[row], 1.0]
            np.testing.assert_allclose(place[:3], engine.rest[name][:3, 3], atol=1e-9)


def test_a_real_avatar() -> None:
    (path,) = shared_data("vrm").glob("*.vrm")
    avatar = read_avatar(path)
    check(avatar, Engine(path))
    assert (avatar.name, avatar.version, len(avatar.bones)) == (path.name, "0", 52)
    assert avatar.hip_height == pytest.approx(1.00007, abs=1e-5)
    np.testing.assert_array_equal(avatar.rotations, np.tile([0.0, 0.0, 0.0, 1.0], (52, 1)))
    np.testing.assert_allclose(
        avatar.offsets[avatar.bones.index("LeftHand")], [-0.26697, -0.000764, -0.000137], atol=1e-6
    )
    assert avatar.expressions[:3] == ("Neutral", "A", "I") and avatar.expressions[-2:] == ("Blink_L", "Blink_R")


def test_vrm_1(tmp_path: Path) -> None:
    path = write_glb(tmp_path / "one.vrm", vrm1(PLACES, PARENTS, without=("Chest",)))
    avatar = read_avatar(path)
    check(avatar, Engine(path))
    assert avatar.version == "1" and len(avatar.bones) == 54
    assert avatar.expressions == ("happy", "aa", "blinkLeft", "eyeBlinkLeft", "Wink")
    for name in ("LeftThumbProximal", "LeftThumbIntermediate", "RightHand"):
        np.testing.assert_allclose(avatar.places(name)[0], UNITY_FROM_WORLD.positions(PLACES[name]), atol=1e-9)


def test_vrm_0(tmp_path: Path) -> None:
    path = write_glb(tmp_path / "zero.vrm", vrm0(PLACES, PARENTS))
    avatar = read_avatar(path)
    check(avatar, Engine(path))
    assert (avatar.version, avatar.expressions) == ("0", ("Joy", "EyeBlinkLeft"))
    np.testing.assert_allclose(avatar.places("LeftToes")[0], UNITY_FROM_WORLD.positions(PLACES["LeftToes"]), atol=1e-9)


def test_rest_rotations_of_vrm_0_are_honoured_though_they_break_the_rule(tmp_path: Path) -> None:
    gltf = vrm0(PLACES, PARENTS)
    gltf["nodes"][0]["rotation"] = [0.0, 1.0, 0.0, 0.0]
    path = write_glb(tmp_path / "turned.vrm", gltf)
    check(read_avatar(path), Engine(path))


def test_built_in() -> None:
    joints = t_pose(REST_JOINTS.tobytes()).joints
    avatar = built_in(joints)
    assert avatar.bones == HUMAN_BODY_BONES
    for rig, name in UNITY_FROM_RIG.items():
        np.testing.assert_allclose(avatar.places(name)[0], UNITY_FROM_WORLD.positions(joints[bone(rig)]), atol=1e-12)
    left, right, jaw, head = avatar.places("LeftEye", "RightEye", "Jaw", "Head")
    assert left[0] < jaw[0] < right[0] and min(left[1], right[1]) > jaw[1] > head[1] - 0.05 and left[2] > jaw[2] > 0.0
    summed = np.zeros((55, 3))
    for row, above in enumerate(avatar.ancestors):
        summed[row] = avatar.offsets[row]
        while above >= 0:
            summed[row] += avatar.offsets[above]
            above = avatar.ancestors[above]  # noqa: PLW2901
    np.testing.assert_allclose(summed, avatar.world_positions, atol=1e-12)


def bone_node(gltf: Gltf, name: str) -> dict[str, Any]:
    return gltf["nodes"][node_number(gltf, name)]


def node_number(gltf: Gltf, name: str) -> int:
    bones = gltf["extensions"]["VRM"]["humanoid"]["humanBones"]
    return next(entry["node"] for entry in bones if entry["bone"] == name)


def no_hips(gltf: Gltf) -> None:
    humanoid = gltf["extensions"]["VRM"]["humanoid"]
    humanoid["humanBones"] = [entry for entry in humanoid["humanBones"] if entry["bone"] != "hips"]


def rehung(child: str, parent: str, new: str) -> Callable[[Gltf], None]:
    def change(gltf: Gltf) -> None:
        bone_node(gltf, parent)["children"].remove(node_number(gltf, child))
        if new:
            bone_node(gltf, new).setdefault("children", []).append(node_number(gltf, child))

    return change


def also(child: str | int, parent: str) -> Callable[[Gltf], None]:
    def change(gltf: Gltf) -> None:
        number = child if isinstance(child, int) else node_number(gltf, child)
        bone_node(gltf, parent).setdefault("children", []).append(number)

    return change


def third_bone_is(number: int) -> Callable[[Gltf], None]:
    return lambda gltf: gltf["extensions"]["VRM"]["humanoid"]["humanBones"][3].update(node=number)


def hand(**parts: Any) -> Callable[[Gltf], None]:
    return lambda gltf: bone_node(gltf, "leftHand").update(parts)


def every_node(**parts: Any) -> Callable[[Gltf], None]:
    return lambda gltf: [node.update(parts) for node in gltf["nodes"]].clear()


SHEARED = [1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
MANY = [{"name": str(number)} for number in range(5000)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda gltf: gltf.pop("extensions"), "without a VRM humanoid"),
        (no_hips, "no hips"),
        (also("hips", "head"), "above itself"),
        (also("leftHand", "head"), "two nodes' child"),
        (also(9999, "head"), "node 9999 is nobody's"),
        (third_bone_is(9999), "node 9999 of"),
        (third_bone_is(4), "one node is two bones"),
        (rehung("leftHand", "leftLowerArm", "head"), "LeftHand hangs below Head, not below LeftLowerArm"),
        (rehung("spine", "hips", ""), "Spine hangs below no bone"),
        (hand(translation=[1e5, 0.0, 0.0]), "not in metres"),
        (lambda gltf: bone_node(gltf, "hips").update(translation=[0.0, -1.0, 0.0]), "does not stand on the floor"),
        (hand(rotation=[0.0, 0.0, 0.0, 0.0]), "a place or a rotation that is none"),
        (hand(scale=[-1.0, 1.0, 1.0]), "apply the transforms"),
        (every_node(scale=[1e-5, 1e-5, 1e-5]), "scaled to nothing"),
        (every_node(scale=[1e5, 1e5, 1e5]), "or beyond"),
        (hand(matrix=SHEARED), "sheared or mirrored"),
        (hand(matrix=[1.0]), "a matrix that is none"),
        (hand(translation="far"), r"Expected `array`.*nodes"),
        (lambda gltf: gltf["nodes"].extend([{}] * 70000), "more than 65536"),
        (lambda gltf: gltf["extensions"]["VRM"]["blendShapeMaster"].update(blendShapeGroups=MANY), "more than 4096"),
    ],
)
def test_what_is_no_avatar_says_why_and_what_to_do(
    tmp_path: Path, change: Callable[[Gltf], object], message: str
) -> None:
    gltf = vrm0(PLACES, PARENTS)
    change(gltf)
    with pytest.raises(AvatarError, match=message) as raised:
        read_avatar(write_glb(tmp_path / "broken.vrm", gltf))
    assert "broken.vrm" in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize("number", ["NaN", "1e999", "-1e999", "1e300"])
def test_numbers_that_are_none(tmp_path: Path, number: str) -> None:
    gltf = vrm0(PLACES, PARENTS)
    gltf["nodes"][5]["translation"][1] = 12345678.0
    with pytest.raises(AvatarError):
        read_avatar(write_glb(tmp_path / "a.vrm", json.dumps(gltf).replace("12345678.0", number).encode()))


def test_files_that_are_no_glb_or_end_early(tmp_path: Path) -> None:
    path = tmp_path / "a.vrm"
    with pytest.raises(AvatarError, match="cannot be read"):
        read_avatar(path)
    with pytest.raises(AvatarError, match="cannot be read"):
        read_avatar(tmp_path)
    whole = write_glb(path, vrm0(PLACES, PARENTS)).read_bytes()
    for data, message in [
        (b"", "no GLB"),
        (b"PK\3\4" + bytes(30), "no GLB"),
        (whole[:10], "ends after 10 bytes"),
        (whole[:-1], "ends after"),
        (whole[:4] + struct.pack("<I", 1) + whole[8:], "version 1"),
        (whole[:16] + b"BIN\0" + whole[20:], "without JSON first"),
        (whole[:12] + struct.pack("<I", 1 << 31) + whole[16:], "ends after"),
    ]:
        path.write_bytes(data)
        with pytest.raises(AvatarError, match=message):
            read_avatar(path)
    with pytest.raises(AvatarError, match="JSON"):
        read_avatar(write_glb(path, b"[" * 5000))
    with pytest.raises(AvatarError, match="JSON"):
        read_avatar(write_glb(path, b'{"nodes": "' + b"\xff" * 8 + b'"}'))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_an_avatar_or_an_avatar_error(tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(write_glb(tmp_path / "a.vrm", vrm1(PLACES, PARENTS)).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "b.vrm").write_bytes(whole)
    try:
        avatar = read_avatar(tmp_path / "b.vrm")
    except AvatarError:
        return
    assert np.isfinite(avatar.world_positions).all()
