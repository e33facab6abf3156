"""A second opinion on avatars: what Unity makes of a .vrm and of the poses it is sent, and where they should put it.

Nothing here is shared with the product: the file is read by `json`, trees are walked with 4x4 matrices, rotations are
matrices in the world, and the T-pose of a performer is made of orthogonal frames.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from protocols.names import RIG_BONES, RIG_PARENTS, UNITY_FROM_RIG

Floats = NDArray[np.floating]

TO_UNITY = np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""The stage's axes (right-handed, Z up, facing -Y) to Unity's (left-handed, Y up, facing +Z); left is +X and -X."""

_THUMBS = {"ThumbMetacarpal": "ThumbProximal", "ThumbProximal": "ThumbIntermediate"}
_RIG = {unity: RIG_BONES.index(rig) for rig, unity in UNITY_FROM_RIG.items()}
_RIG |= dict.fromkeys(("LeftEye", "RightEye", "Jaw"), RIG_BONES.index("head"))


class Engine:
    """An imported avatar; its bones are moved as EVMC4U does, by local position and rotation."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        (size,) = struct.unpack_from("<I", data, 12)
        gltf: dict[str, Any] = json.loads(data[20 : 20 + size])
        self._nodes = gltf["nodes"]
        if "VRMC_vrm" in gltf["extensions"]:
            bones = {
                name: bone["node"] for name, bone in gltf["extensions"]["VRMC_vrm"]["humanoid"]["humanBones"].items()
            }
            mirror = np.diag([-1.0, 1.0, 1.0, 1.0])
            self.nodes = {_unity_name(name): node for name, node in bones.items()}
        else:
            bones = {bone["bone"]: bone["node"] for bone in gltf["extensions"]["VRM"]["humanoid"]["humanBones"]}
            mirror = np.diag([1.0, 1.0, -1.0, 1.0])
            self.nodes = {name[0].upper() + name[1:]: node for name, node in bones.items()}
        self._parents = {child: number for number, node in enumerate(self._nodes) for child in node.get("children", [])}
        self._rest = [mirror @ _local(node) @ mirror for node in self._nodes]
        self._local = list(self._rest)
        self.rest = self.world()

    def take(self, poses: dict[str, Floats]) -> None:
        """Local position and rotation xyzw of bones; the scale stays."""
        for name, pose in poses.items():
            scale = np.linalg.norm(self._rest[self.nodes[name]][:3, :3], axis=0)
            local = np.eye(4)
            local[:3, :3] = Rotation.from_quat(pose[3:]).as_matrix() * scale
            local[:3, 3] = pose[:3]
            self._local[self.nodes[name]] = local

    def world(self) -> dict[str, Floats]:
        """(4, 4) of every bone in the model; rotations without scale."""
        result = {}
        for name, number in self.nodes.items():
            node, whole = number, np.eye(4)
            while node is not None:
                whole = self._local[node] @ whole
                node = self._parents.get(node)
            whole[:3, :3] /= np.linalg.norm(whole[:3, :3], axis=0)
            result[name] = whole
        return result

    def above(self, name: str) -> str:
        """The next bone above; "" for the hips."""
        names = {node: bone for bone, node in self.nodes.items()}
        node = self._parents.get(self.nodes[name])
        while node is not None and node not in names:
            node = self._parents.get(node)
        return names[node] if node is not None else ""


class Retargeted(NamedTuple):
    """Where an avatar should be."""

    places: dict[str, Floats]
    rotations: dict[str, Floats]


def retargeted(engine: Engine, G: Floats, joints: Floats, rest_joints: Floats, *, travels: bool = True) -> Retargeted:
    """Bone by bone in the world: turned as the performer is turned since the T-pose, hung on the bone above.

    Args:
        engine: The avatar at rest is what counts of it.
        G: (53, 3, 3) rotation in the world of each of the performer's bones since its rest pose.
        joints: (53, 3) of the performer.
        rest_joints: (53, 3) likewise at rest.
        travels: See `travel` of an output.
    """
    turns = TO_UNITY @ (G @ np.swapaxes(t_pose_frames(rest_joints), 1, 2)) @ TO_UNITY.T
    drivers = dict(_RIG)
    trunk = [name for name in ("Spine", "Chest", "UpperChest") if name in engine.nodes]
    drivers[trunk[-1]] = RIG_BONES.index("spine_03")
    places = {"Hips": _hips(engine, turns[_RIG["Hips"]], joints, rest_joints, travels)}
    for name in sorted(engine.nodes, key=lambda name: _depth(engine, name)):
        if name != "Hips":
            above = engine.above(name)
            offset = engine.rest[name][:3, 3] - engine.rest[above][:3, 3]
            places[name] = places[above] + turns[drivers[above]] @ offset
    return Retargeted(places, {name: turns[drivers[name]] @ engine.rest[name][:3, :3] for name in engine.nodes})


def _hips(engine: Engine, turn: Floats, joints: Floats, rest_joints: Floats, travels: bool) -> Floats:
    def both(bones: Floats, name: str) -> Floats:
        return np.array([bones[RIG_BONES.index(f"{name}_{side}")] for side in "lr"])

    def avatar(name: str) -> Floats:
        return np.array([engine.rest[f"{side}{name}"][:3, 3] for side in ("Left", "Right")])

    standing = t_pose_joints(rest_joints)
    thigh, calf, foot = (both(standing, name) for name in ("thigh", "calf", "foot"))
    own_thigh, own_calf, own_foot = (avatar(name) for name in ("UpperLeg", "LowerLeg", "Foot"))
    ratio = (own_thigh - own_foot)[:, 1].mean() / (thigh - foot)[:, 2].mean()
    parts = (own_thigh - own_calf)[:, 1].mean() / (thigh - calf)[:, 2].mean()
    shins = (own_calf - own_foot)[:, 1].mean() / (calf - foot)[:, 2].mean()
    width = np.ptp(own_thigh[:, 0]) / np.ptp(thigh[:, 0])
    at_thigh, at_calf, at_foot = (both(joints, name) for name in ("thigh", "calf", "foot"))
    x, y, z = at_thigh.mean(0)
    rest_ankle = both(rest_joints, "foot")[:, 2].mean()
    # How high the middle must be for each foot to be at its height above the floor, less what legs alike would give.
    heights = parts * (at_thigh - at_calf)[:, 2] + shins * (at_calf - at_foot)[:, 2] - width * (at_thigh[:, 2] - z)
    reaches = heights - ratio * (z - at_foot[:, 2])
    low = np.exp(-np.clip([0.0, at_foot[1, 2] - at_foot[0, 2]], -1.0, 1.0) / 0.03)
    near = np.clip((0.35 - (at_foot[:, 2].min() - rest_ankle)) / 0.30, 0.0, 1.0)
    rise = own_foot[:, 1].mean() + ratio * (z - rest_ankle) + near * (low @ reaches) / low.sum()
    far = ratio if travels else 1.0
    return TO_UNITY @ [far * x, far * y, rise] - turn @ (own_thigh.mean(0) - engine.rest["Hips"][:3, 3])


def t_pose_joints(rest_joints: Floats) -> Floats:
    """(53, 3) bone heads of a performer in the T-pose; wherever the Root is."""
    A, joints = t_pose_frames(rest_joints), np.array(rest_joints, np.float64)
    for bone, parent in enumerate(RIG_PARENTS):
        if parent >= 0:
            joints[bone] = joints[parent] + A[parent] @ (rest_joints[bone] - rest_joints[parent])
    return joints


def t_pose_frames(rest_joints: Floats) -> Floats:
    """(53, 3, 3) from the rest pose to the T-pose, for bodies that rest with bent elbows and thumbs."""
    A = np.tile(np.eye(3), (len(RIG_BONES), 1, 1))

    def limb(start: str, end: str, side: str) -> Floats:
        return rest_joints[RIG_BONES.index(f"{end}_{side}")] - rest_joints[RIG_BONES.index(f"{start}_{side}")]

    for side, sign in (("l", 1.0), ("r", -1.0)):

        def put(name: str, matrix: Floats, side: str = side) -> None:
            A[RIG_BONES.index(f"{name}_{side}")] = matrix

        out, front, up = np.array([sign, 0.0, 0.0]), np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, 1.0])
        upper, lower = limb("upperarm", "lowerarm", side), limb("lowerarm", "hand", side)
        elbow = np.cross(upper, lower)
        for name, along in (("upperarm", upper), ("lowerarm", lower)):
            put(name, _frame(out, -sign * up) @ _frame(along, elbow).T)
        along = limb("hand", "middle_01", side)
        back = sign * np.cross(limb("hand", "index_01", side), limb("hand", "pinky_01", side))
        hand = _frame(out, up) @ _frame(along, back).T
        put("hand", hand)
        for finger in ("index", "middle", "ring", "pinky"):
            for part, child in (("01", "02"), ("02", "03"), ("03", "")):
                start = part if child else "02"  # the last joint tells no direction: it goes with the one before
                knuckle = hand @ limb(f"{finger}_{start}", f"{finger}_{child or '03'}", side)
                put(f"{finger}_{part}", _arc(knuckle, out) @ hand)
        first, second = limb("thumb_01", "thumb_02", side), limb("thumb_02", "thumb_03", side)
        bend, goal = np.cross(first, second), out + front
        put("thumb_01", _frame(goal, sign * up) @ _frame(first, bend).T)
        for part in ("02", "03"):
            put(f"thumb_{part}", _frame(goal, sign * up) @ _frame(second, bend).T)
        put("thigh", _arc(limb("thigh", "calf", side), -up))
        put("calf", _arc(limb("calf", "foot", side), -up))
        foot = limb("foot", "ball", side) * [1.0, 1.0, 0.0]
        for name in ("foot", "ball"):
            put(name, _arc(foot, front))
    return A


def _frame(along: Floats, about: Floats) -> Floats:
    """An orthogonal frame: its first axis along one direction, its second as near as may be to another."""
    x = along / np.linalg.norm(along)
    y = about - x * (x @ about)
    y /= np.linalg.norm(y)
    return np.stack([x, y, np.cross(x, y)], 1)


def _arc(start: Floats, end: Floats) -> Floats:
    axis = np.cross(start, end)
    sine, cosine = np.linalg.norm(axis), start @ end
    if sine < 1e-12:
        return np.eye(3)
    return Rotation.from_rotvec(axis / sine * np.arctan2(sine, cosine)).as_matrix()


def _local(node: dict[str, Any]) -> Floats:
    if "matrix" in node:
        return np.reshape(node["matrix"], (4, 4)).T
    local = np.eye(4)
    local[:3, :3] = Rotation.from_quat(node.get("rotation", [0, 0, 0, 1])).as_matrix() * node.get("scale", [1, 1, 1])
    local[:3, 3] = node.get("translation", [0, 0, 0])
    return local


def _unity_name(name: str) -> str:
    name = name[0].upper() + name[1:]
    for side in ("Left", "Right"):
        if name.startswith(side) and name.removeprefix(side) in _THUMBS:
            return side + _THUMBS[name.removeprefix(side)]
    return name


def _depth(engine: Engine, name: str) -> int:
    depth = 0
    while name := engine.above(name):
        depth += 1
    return depth
