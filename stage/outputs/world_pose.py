"""The rig in world axes: position, rotation and confidence of every bone, as plain OSC sends them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.arrays import from_bytes
from protocols.messages import Performance
from protocols.names import RIG_BONES
from stage.outputs.quaternions import conjugate, multiply
from stage.outputs.rig_rotations import world_rotations
from stage.outputs.t_pose import t_pose

WORLD_BONES = RIG_BONES[1:]
"""All bones but Root, which is the actor's place."""

_COUNT = len(RIG_BONES)


class WorldPose:
    """Reads performances into world poses, in one buffer."""

    def __init__(self, *, t_pose: bool = False) -> None:
        """Makes the buffer; `t_pose` counts rotations from the T-pose instead of the actor's rest pose."""
        self._t_pose = t_pose
        self._bones = np.zeros((_COUNT, 8), np.float32)

    def bones(self, performance: Performance) -> NDArray[np.float32]:
        """(53, 8) position [m], rotation xyzw, confidence of `RIG_BONES`, in a buffer that the next call fills anew.

        It may be written to: nothing of it is kept.

        Raises:
            DecodeError: An array of another size than `Performance` states.
            EncodeError: Rotations that are none.
        """
        G = world_rotations(performance)
        bones = self._bones
        bones[:, :3] = from_bytes(performance.joints, (_COUNT, 3))
        bones[:, 3:7] = multiply(G, conjugate(t_pose(performance.rest_joints).rotations)) if self._t_pose else G
        bones[:, 7] = from_bytes(performance.confidence, (_COUNT,))
        return bones
