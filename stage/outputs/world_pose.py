"""The rig in world axes: position, rotation and confidence of every bone, as plain OSC sends them.

A performance holds rotations relative to the parent. World rotations are products along the chains, and a chain has up
to twelve bones. Instead of walking down bone by bone, every bone multiplies itself by an ancestor and doubles
the distance to the next one: after round k it holds the product of its last 2^k ancestors, and four rounds of one
batched product each serve any rig of up to 16 levels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.arrays import from_bytes
from protocols.messages import Performance
from protocols.names import RIG_BONES, RIG_PARENTS
from stage.outputs.quaternions import IDENTITY, conjugate, multiply
from stage.outputs.rig_rotations import rig_rotations
from stage.outputs.t_pose import t_pose

WORLD_BONES = RIG_BONES[1:]
"""All bones but Root, which is the actor's place."""

_COUNT = len(RIG_BONES)


def _ancestors() -> list[NDArray[np.intp]]:
    """Per round, the ancestor of each bone that lies 1, 2, 4, ... levels up; _COUNT stands for none."""
    ancestors = np.array([parent if parent >= 0 else _COUNT for parent in RIG_PARENTS] + [_COUNT], np.intp)
    rounds = []
    while bool(np.any(ancestors < _COUNT)):
        rounds.append(ancestors)
        ancestors = ancestors[ancestors]
    return rounds


_ROUNDS = _ancestors()


class WorldPose:
    """Reads performances into world poses, in one buffer."""

    def __init__(self, *, t_pose: bool = False) -> None:
        """Makes the buffer; `t_pose` counts rotations from the T-pose instead of the actor's rest pose."""
        self._t_pose = t_pose
        self._bones = np.zeros((_COUNT, 8), np.float32)
        self._rotations = np.tile(IDENTITY, (_COUNT + 1, 1))  # the last one stays the identity

    def bones(self, performance: Performance) -> NDArray[np.float32]:
        """(53, 8) position [m], rotation xyzw, confidence of `RIG_BONES`, in a buffer that the next call fills anew.

        It may be written to: nothing of it is kept.

        Raises:
            DecodeError: An array of another size than `Performance` states.
            EncodeError: Rotations that are none.
        """
        G = self._rotations
        G[:_COUNT] = rig_rotations(performance)
        for ancestors in _ROUNDS:
            G = multiply(G[ancestors], G)
        self._bones[:, :3] = from_bytes(performance.joints, (_COUNT, 3))
        self._bones[:, 3:7] = G[:_COUNT]
        if self._t_pose:
            self._bones[:, 3:7] = multiply(G[:_COUNT], conjugate(t_pose(performance.rest_joints).rotations))
        self._bones[:, 7] = from_bytes(performance.confidence, (_COUNT,))
        return self._bones
