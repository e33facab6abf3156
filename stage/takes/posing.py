"""Poses to bones in the world, for many frames at once: G_bone = G_parent D_bone, p_bone = p_parent + G_parent h.

h is where a bone's head is at rest, seen from its parent's. See `stage.bodies.rig`; here in numpy and in quaternions,
as performances have them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.names import RIG_PARENTS
from stage.outputs.quaternions import Floats, multiply, normalised, rotate

_BLOCK = 4096


def _levels() -> list[NDArray[np.intp]]:
    """The bones of each depth below Root."""
    depth = [0] * len(RIG_PARENTS)
    for bone, parent in enumerate(RIG_PARENTS):
        depth[bone] = depth[parent] + 1 if parent >= 0 else 0
    return [np.flatnonzero(np.array(depth) == level) for level in range(1, max(depth) + 1)]


_LEVELS = _levels()
_PARENTS = np.array(RIG_PARENTS, np.intp)


def world_pose(rest_joints: Floats, root: Floats, rotations: Floats) -> tuple[Floats, Floats]:
    """Rotations from rest (T, 53, 4) xyzw and heads (T, 53, 3) [m] of all bones in the world, float64.

    Args:
        rest_joints: (53, 3) bone heads at rest, metres.
        root: (T, 7) T_world_root.
        rotations: (T, 53, 4) from rest, relative to the parent; that of Root is not read, `root` has it.
    """
    rest = np.asarray(rest_joints, np.float64)
    G = normalised(np.asarray(rotations, np.float64))
    joints = np.empty((*G.shape[:2], 3))
    G[:, 0], joints[:, 0] = normalised(np.asarray(root[:, 3:], np.float64)), root[:, :3]
    for bones in _LEVELS:
        parents = _PARENTS[bones]
        above = G[:, parents]
        joints[:, bones] = joints[:, parents] + rotate(above, rest[bones] - rest[parents])
        G[:, bones] = multiply(above, G[:, bones])
    return G, joints


def world_joints(rest_joints: Floats, root: Floats, rotations: Floats) -> NDArray[np.float32]:
    """(T, 53, 3) heads of all bones in the world, metres; takes little memory however many they are."""
    joints = np.empty((len(root), len(RIG_PARENTS), 3), np.float32)
    for begin in range(0, len(root), _BLOCK):
        part = slice(begin, begin + _BLOCK)
        joints[part] = world_pose(rest_joints, root[part], rotations[part])[1]
    return joints
