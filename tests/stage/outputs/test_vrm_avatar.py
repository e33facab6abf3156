"""What we send fits a real avatar: its expressions, its bones, and where its limbs point in the T-pose."""

from __future__ import annotations

import json
import struct
from typing import Any, NamedTuple

import numpy as np
import pytest

from protocols.axes import UNITY_FROM_VRM0
from protocols.names import HUMAN_BODY_BONES, VRM0_PRESETS
from stage.outputs.humanoid import Humanoid
from tests.shared_data import shared_data
from tests.stage.outputs.performers import REST_JOINTS
from tests.stage.outputs.test_humanoid import t_posed


class Avatar(NamedTuple):
    expressions: dict[str, str]
    """Name by preset."""
    offsets: dict[str, np.ndarray]
    """From each bone's humanoid parent to itself, Unity's axes, metres."""


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    (path,) = shared_data("vrm").glob("*.vrm")
    data = path.read_bytes()
    (size,) = struct.unpack_from("<I", data, 12)  # glTF: 12 bytes of head, then the length of the JSON chunk
    gltf: dict[str, Any] = json.loads(data[20 : 20 + size])
    vrm, nodes = gltf["extensions"]["VRM"], gltf["nodes"]
    parents = {child: number for number, node in enumerate(nodes) for child in node.get("children", [])}
    bones = {bone["bone"][0].upper() + bone["bone"][1:]: bone["node"] for bone in vrm["humanoid"]["humanBones"]}
    offsets = {}
    for name, node in bones.items():
        way = [node]  # to the nearest bone above; nodes between two bones may be none
        while name != "Hips" and parents[way[-1]] not in bones.values():
            way.append(parents[way[-1]])
        offset = np.sum([nodes[number].get("translation", [0.0, 0.0, 0.0]) for number in way], axis=0)
        offsets[name] = UNITY_FROM_VRM0.positions(offset)
    groups = vrm["blendShapeMaster"]["blendShapeGroups"]
    return Avatar({group["presetName"]: group["name"] for group in groups}, offsets)


def test_every_expression_of_the_avatar_is_sent(avatar: Avatar) -> None:
    assert set(avatar.expressions.values()) <= set(VRM0_PRESETS)
    assert {name.lower() for name in avatar.expressions.values()} == set(avatar.expressions)


def test_every_bone_of_the_avatar_is_sent(avatar: Avatar) -> None:
    assert set(avatar.offsets) <= set(HUMAN_BODY_BONES)


def test_in_the_t_pose_arms_and_fingers_point_where_the_avatar_s_do(avatar: Avatar) -> None:
    ours = dict(zip(HUMAN_BODY_BONES, Humanoid().pose(t_posed(REST_JOINTS).performance)[:, :3], strict=True))
    limbs = ("LowerArm", "Hand", "Intermediate", "Distal", "LowerLeg", "Foot")
    compared = [name for name in avatar.offsets if name.endswith(limbs)]
    assert len(compared) == 28
    for name in compared:
        one, other = (offset / np.linalg.norm(offset) for offset in (ours[name], avatar.offsets[name]))
        assert np.degrees(np.arccos(np.clip(one @ other, -1.0, 1.0))) < 15.0, name
