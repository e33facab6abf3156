"""Axes: how the same point and the same rotation are written elsewhere.

The stage's world is right-handed with Z up, in metres; an actor at rest faces -Y and has its left hand at +X. Each
conversion below is one named constant with `positions` and `rotations`; they chain with @.

All of them map axes to axes, so a position is reordered, signed and scaled: p' = s M p with a signed permutation M. A
rotation must move points alike on both sides, R' = M R M^-1, which for a quaternion reorders its vector part in the
same way and turns it round when the handedness changes:

    v' = det(M) M v        w' = w

Tests hold the results against the table of published conversions and against geometry: which way a body
faces, where its left hand is, what is up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class AxisChange:
    """One conversion: target axis i is `signs[i]` times source axis `order[i]`."""

    order: tuple[int, int, int]
    signs: tuple[int, int, int]
    scale: float = 1.0
    """Target units per source unit."""

    def positions(self, positions: NDArray[np.floating]) -> NDArray[np.floating]:
        """Converts positions or offsets (..., 3)."""
        return positions[..., self.order] * self._position_factors.astype(positions.dtype)

    def rotations(self, rotations: NDArray[np.floating]) -> NDArray[np.floating]:
        """Converts quaternions xyzw (..., 4)."""
        return rotations[..., (*self.order, 3)] * self._rotation_factors.astype(rotations.dtype)

    def __matmul__(self, first: AxisChange) -> AxisChange:
        """The conversion that does `first`, then this one."""
        order = tuple(first.order[axis] for axis in self.order)
        signs = tuple(sign * first.signs[axis] for sign, axis in zip(self.signs, self.order, strict=True))
        return AxisChange((order[0], order[1], order[2]), (signs[0], signs[1], signs[2]), self.scale * first.scale)

    @property
    def inverse(self) -> AxisChange:
        """The way back."""
        back = [self.order.index(axis) for axis in range(3)]
        order = (back[0], back[1], back[2])
        signs = (self.signs[back[0]], self.signs[back[1]], self.signs[back[2]])
        return AxisChange(order, signs, 1.0 / self.scale)

    @cached_property
    def keeps_handedness(self) -> bool:
        """Whether right-handed stays right-handed: det(M) = +1."""
        return bool(np.linalg.det(np.eye(3)[list(self.order)] * np.reshape(self.signs, (3, 1))) > 0)

    @cached_property
    def _position_factors(self) -> NDArray[np.float64]:
        return np.multiply(self.signs, self.scale)

    @cached_property
    def _rotation_factors(self) -> NDArray[np.float64]:
        turn = 1 if self.keeps_handedness else -1
        return np.array([*(turn * sign for sign in self.signs), 1], np.float64)


UNITY_FROM_WORLD = AxisChange((0, 2, 1), (-1, 1, -1))
"""The stage's world to Unity and VMC: left-handed, Y up, facing +Z, left hand at -X, metres."""

UNITY_FROM_VRM0 = AxisChange((0, 1, 2), (1, 1, -1))
"""glTF of VRM 0 (right-handed, Y up, facing -Z) to Unity."""

UNITY_FROM_VRM1 = AxisChange((0, 1, 2), (-1, 1, 1))
"""glTF of VRM 1, and SMPL-like bodies (right-handed, Y up, facing +Z, left hand at +X) to Unity."""

UNREAL_FROM_UNITY = AxisChange((0, 2, 1), (-1, 1, 1), 100.0)
"""Unity to the component space of Unreal's skeletal meshes: left-handed, Z up, facing +Y, centimetres."""

GODOT_FROM_UNITY = AxisChange((0, 1, 2), (1, 1, -1))
"""Unity to Godot: right-handed, Y up."""

UNREAL_FROM_WORLD = UNREAL_FROM_UNITY @ UNITY_FROM_WORLD
"""The stage's world to Unreal's component space, centimetres."""

GLTF_FROM_WORLD = AxisChange((0, 2, 1), (1, 1, -1))
"""The stage's world to glTF, BVH and Maya: right-handed, Y up, facing +Z, left hand at +X, metres."""

OPENSIM_FROM_WORLD = AxisChange((1, 2, 0), (-1, 1, -1))
"""The stage's world to OpenSim: right-handed, Y up, facing +X, left hand at -Z, metres."""
