"""The tree of a glTF's nodes at rest, in Unity's axes.

Every node's own translation and rotation are converted; a chain of converted ones then is the converted chain. Scales
stay with their axes. Positions follow whole transforms; rotations multiply on their own, as Unity's do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from protocols.axes import AxisChange
from stage.avatars._avatar import Floats
from stage.avatars._gltf import Node
from stage.errors import AvatarError
from stage.outputs.quaternions import IDENTITY, multiply

MOST_METRES = 100.0
"""How far a bone may be from anything."""

_LEAST_SCALE = 1e-6
_SHEAR = 1e-3


class NodeTree:
    """Rest transforms of the nodes that are asked for, and of those above them."""

    def __init__(self, path: Path, nodes: Sequence[Node], axes: AxisChange) -> None:
        """Finds the parents.

        Raises:
            AvatarError: A child that is no node, or has two parents.
        """
        self._path, self._nodes, self._axes = path, nodes, axes
        self._parents: dict[int, int] = {}
        for number, node in enumerate(nodes):
            for child in node.children:
                if not 0 <= child < len(nodes) or child in self._parents:
                    raise AvatarError(f"{path}: node {child} is nobody's or two nodes' child; export the avatar again")
                self._parents[child] = number
        self._rotations: dict[int, Floats] = {-1: IDENTITY}
        self._transforms: dict[int, Floats] = {-1: np.eye(4)}

    def above(self, node: int) -> list[int]:
        """The nodes above this one, the nearest first.

        Raises:
            AvatarError: They run in a circle, or there is no such node.
        """
        if not 0 <= node < len(self._nodes):
            raise AvatarError(f"{self._path}: a bone is node {node} of {len(self._nodes)}; export the avatar again")
        way: list[int] = []
        seen = {node}
        while (node := self._parents.get(node, -1)) >= 0:
            if node in seen:
                raise AvatarError(f"{self._path}: node {node} is above itself; export the avatar again")
            seen.add(node)
            way.append(node)
        return way

    def local(self, node: int) -> tuple[Floats, Floats, Floats]:
        """Translation (3,), rotation (4,) and scale (3,) against the parent node.

        Raises:
            AvatarError: Numbers that no avatar has.
        """
        found = self._nodes[node]
        if found.matrix is None:
            place, turn, scale = (
                np.array(part, np.float64) for part in (found.translation, found.rotation, found.scale)
            )
        else:
            place, turn, scale = self._taken_apart(node, np.array(found.matrix, np.float64))
        # Each is written so that what is not a number fails too.
        length = float(np.linalg.norm(turn)) if np.abs(turn).max() < 2.0 else 0.0
        if not (np.abs(place) < MOST_METRES / _LEAST_SCALE).all() or not 0.5 < length < 2.0:
            raise AvatarError(f"{self._path}: node {node} has a place or a rotation that is none; export it again")
        if not ((scale > _LEAST_SCALE) & (scale < 1.0 / _LEAST_SCALE)).all():
            raise AvatarError(
                f"{self._path}: node {node} has scale {scale.tolist()}; apply the transforms, export again"
            )
        return self._axes.positions(place), self._axes.rotations(turn / length), scale

    def rotation(self, node: int) -> Floats:
        """(4,) in the model; the identity for -1."""
        if node not in self._rotations:
            self._learn(node)
        return self._rotations[node]

    def transform(self, node: int) -> Floats:
        """(4, 4) from the node to the model; the identity for -1."""
        if node not in self._transforms:
            self._learn(node)
        return self._transforms[node]

    def parent(self, node: int) -> int:
        """The node above; -1 above a scene's root."""
        return self._parents.get(node, -1)

    def _learn(self, node: int) -> None:
        for step in reversed([node, *self.above(node)]):  # from the root down: a tree may be deep
            if step in self._transforms:
                continue
            place, turn, scale = self.local(step)
            parent = self.parent(step)
            self._rotations[step] = multiply(self._rotations[parent], turn)
            with np.errstate(over="ignore", invalid="ignore"):
                whole = self._transforms[parent] @ matrix(place, turn, scale)
            # Written so that what is not a number fails too.
            if not _LEAST_SCALE < np.abs(whole[:3, :3]).max() < 1.0 / _LEAST_SCALE or not np.isfinite(whole).all():
                raise AvatarError(f"{self._path}: node {step} is scaled to nothing or beyond; apply the transforms")
            self._transforms[step] = whole

    def _taken_apart(self, node: int, numbers: Floats) -> tuple[Floats, Floats, Floats]:
        from scipy.spatial.transform import Rotation

        if numbers.shape != (16,) or not np.abs(numbers).max() < MOST_METRES / _LEAST_SCALE:
            raise AvatarError(f"{self._path}: node {node} has a matrix that is none; export the avatar again")
        whole = numbers.reshape(4, 4).T
        scale = np.linalg.norm(whole[:3, :3], axis=0)
        axes = whole[:3, :3] / np.maximum(scale, _LEAST_SCALE)
        if np.abs(axes.T @ axes - np.eye(3)).max() > _SHEAR or np.linalg.det(axes) < 0.0:
            raise AvatarError(f"{self._path}: node {node} is sheared or mirrored; apply the transforms, export again")
        return whole[:3, 3], Rotation.from_matrix(axes).as_quat(), scale


def matrix(place: Floats, turn: Floats, scale: Floats) -> Floats:
    """(4, 4) of a translation (3,), a rotation (4,) and a scale (3,)."""
    x, y, z, w = turn
    result = np.eye(4)
    result[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    result[:3, :3] *= scale
    result[:3, 3] = place
    return result
