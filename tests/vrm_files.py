"""Writes .vrm files for tests: VRM 1 as awkward as it may be, VRM 0 plain, and broken ones."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from protocols.names import RIG_BONES, RIG_PARENTS, UNITY_FROM_RIG
from tests.unity_engine import t_pose_joints

Gltf = dict[str, Any]
_FACE = {"LeftEye": (0.03, -0.07, 0.05), "RightEye": (-0.03, -0.07, 0.05), "Jaw": (0.0, -0.01, 0.0)}


def write_glb(path: Path, gltf: Gltf | bytes) -> Path:
    """A GLB of this JSON and nothing else."""
    chunk = gltf if isinstance(gltf, bytes) else json.dumps(gltf).encode()
    chunk += b" " * (-len(chunk) % 4)
    head = struct.pack("<4sIIII", b"glTF", 2, 20 + len(chunk), len(chunk), int.from_bytes(b"JSON", "little"))
    path.write_bytes(head + chunk)
    return path


def skeleton(
    rest_joints: NDArray[np.floating], size: float = 1.0, trunk: float = 1.0
) -> tuple[dict[str, NDArray[np.floating]], dict[str, str]]:
    """Places in the stage's axes and parents of all 55 bones: the performer's T-pose in another size."""
    standing = t_pose_joints(rest_joints)
    standing[:, 2] -= standing[RIG_BONES.index("foot_l"), 2] - rest_joints[RIG_BONES.index("foot_l"), 2]
    pelvis = standing[RIG_BONES.index("pelvis"), 2]
    standing[:, 2] = np.where(standing[:, 2] > pelvis, pelvis + trunk * (standing[:, 2] - pelvis), standing[:, 2])
    places = {name: size * standing[RIG_BONES.index(rig)] for rig, name in UNITY_FROM_RIG.items()}
    parents = {
        name: UNITY_FROM_RIG.get(RIG_BONES[RIG_PARENTS[RIG_BONES.index(rig)]], "")
        for rig, name in UNITY_FROM_RIG.items()
    }
    for name, offset in _FACE.items():
        places[name], parents[name] = places["Head"] + np.multiply(offset, size), "Head"
    return places, parents


def vrm1(
    places: Mapping[str, NDArray[np.floating]],
    parents: Mapping[str, str],
    *,
    without: tuple[str, ...] = (),
    seed: int = 0,
) -> Gltf:
    """VRM 1: every bone rests in a rotation of its own, under a scaled and turned armature, some below a twist bone."""
    rng = np.random.default_rng(seed)
    nodes: list[dict[str, Any]] = []
    worlds: list[NDArray[np.floating]] = []

    def add(name: str, above: int, world: NDArray[np.floating], as_matrix: bool = False) -> int:
        local = np.linalg.solve(worlds[above], world) if above >= 0 else world
        scale = np.linalg.norm(local[:3, :3], axis=0)
        if as_matrix:
            node: dict[str, Any] = {"name": name, "matrix": local.T.ravel().tolist()}
        else:
            turn = Rotation.from_matrix(local[:3, :3] / scale).as_quat()
            node = {
                "name": name,
                "translation": local[:3, 3].tolist(),
                "rotation": turn.tolist(),
                "scale": scale.tolist(),
            }
        nodes.append(node)
        worlds.append(world)
        if above >= 0:
            nodes[above].setdefault("children", []).append(len(nodes) - 1)
        return len(nodes) - 1

    def random_world(place: NDArray[np.floating], scale: float) -> NDArray[np.floating]:
        world = np.eye(4)
        world[:3, :3] = Rotation.from_quat(rng.normal(size=4)).as_matrix() * scale
        world[:3, 3] = place
        return world

    armature = add("armature", -1, random_world(np.array([0.1, 0.2, -0.3]), 0.01))
    numbers: dict[str, int] = {}
    waiting = [name for name in places if name not in without]
    while waiting:
        for name in list(waiting):
            above = parents[name]
            while above in without:
                above = parents[above]
            if above and above not in numbers:
                continue
            x, y, z = places[name]
            node = numbers[above] if above else armature
            if name.endswith(("LowerLeg", "LowerArm", "Neck")):
                node = add(f"{above} twist", node, random_world(rng.normal(0.0, 0.1, 3), 0.01))
            numbers[name] = add(name, node, random_world(np.array([x, z, -y]), 0.01), as_matrix=name.endswith("Hand"))
            waiting.remove(name)
    bones = {_name_of_1(name): {"node": number} for name, number in numbers.items()}
    expressions = {"preset": {"happy": {}, "aa": {}, "blinkLeft": {}}, "custom": {"eyeBlinkLeft": {}, "Wink": {}}}
    vrm = {
        "specVersion": "1.0",
        "humanoid": {"humanBones": bones},
        "expressions": expressions,
        "meta": {"name": "test"},
    }
    return {"asset": {"version": "2.0"}, "nodes": nodes, "extensions": {"VRMC_vrm": vrm}}


def vrm0(
    places: Mapping[str, NDArray[np.floating]], parents: Mapping[str, str], *, without: tuple[str, ...] = ()
) -> Gltf:
    """VRM 0: normalised, facing -Z."""
    names = [name for name in places if name not in without]
    nodes: list[dict[str, Any]] = [{"name": name} for name in names]
    for number, name in enumerate(names):
        above = parents[name]
        while above in without:
            above = parents[above]
        x, y, z = places[name] - (places[above] if above else 0.0)
        nodes[number]["translation"] = [-x, z, y]
        if above:
            nodes[names.index(above)].setdefault("children", []).append(number)
    bones = [{"bone": name[0].lower() + name[1:], "node": number} for number, name in enumerate(names)]
    groups = [{"name": "Joy!", "presetName": "joy"}, {"name": "EyeBlinkLeft", "presetName": "unknown"}]
    vrm = {"humanoid": {"humanBones": bones}, "blendShapeMaster": {"blendShapeGroups": groups}}
    return {"asset": {"version": "2.0"}, "nodes": nodes, "extensions": {"VRM": vrm}}


def _name_of_1(name: str) -> str:
    for old, new in (("ThumbProximal", "ThumbMetacarpal"), ("ThumbIntermediate", "ThumbProximal")):
        if name.endswith(old):
            name = name.removesuffix(old) + new
            break
    return name[0].lower() + name[1:]
