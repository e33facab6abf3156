"""From a performance to the humanoid of an engine: local poses of the bones that Unity, VRM and VMC name.

The target is a normalised humanoid (VRM 0): in its T-pose every bone has the rotation identity. Let A_b turn bone b
from our rest pose to the T-pose (`stage.outputs.t_pose`) and G_b be the bone's rotation from our rest pose now. The
target bone must then stand at G'_b = G_b A_b^-1: that carries the T-pose to where the performer is. Relative to
its parent p, with D_b = G_p^-1 G_b the rotation that the performance already holds,

    G'_p^-1 G'_b  =  A_p D_b A_b^-1

so no kinematic chain needs to be walked. Together with the change of axes this is linear in D_b: one constant
4x4 matrix per bone, applied to all bones at once. Only the hips have a parent that we do not send: they take over its
rotation, carry the performer's place and turn in the world, and the model's root stays at the origin (some receivers
ignore the root).

Offsets from parent to bone are the actor's own, in the T-pose: A_p (h_b - h_p). A receiver that applies positions and
rotations rebuilds exactly the joints that were solved.

Bones the rig does not have (LeftEye, RightEye, Jaw) are not sent: the receiver's avatar keeps its own. The rig's `ball`
is Toes, its third spine bone UpperChest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.arrays import from_bytes
from protocols.axes import UNITY_FROM_WORLD
from protocols.messages import Performance
from protocols.names import HUMAN_BODY_BONES, RIG_BONES, RIG_PARENTS, UNITY_FROM_RIG
from stage.outputs.quaternions import (
    IDENTITY,
    conjugate,
    left_matrix,
    multiply,
    right_matrix,
    rotate,
)
from stage.outputs.rig_rotations import rig_rotations
from stage.outputs.t_pose import t_pose_rotations

_RIG_FROM_UNITY = {unity: rig for rig, unity in UNITY_FROM_RIG.items()}

HUMANOID_BONES = tuple(bone for bone in HUMAN_BODY_BONES if bone in _RIG_FROM_UNITY)
"""The 52 humanoid bones that a performance moves, in Unity's order; Hips first."""

_RIG_INDEX = np.array([RIG_BONES.index(_RIG_FROM_UNITY[bone]) for bone in HUMANOID_BONES])
_RIG_PARENT = np.array(RIG_PARENTS)[_RIG_INDEX]
_PELVIS = RIG_BONES.index("pelvis")
_RIG_COUNT = len(RIG_BONES)


class Humanoid:
    """Retargets one actor; keeps what depends on the actor's rest pose only."""

    def __init__(self) -> None:
        self.root: NDArray[np.float64] = np.array([0.0, 0.0, 0.0, *IDENTITY])
        """(7,) position and rotation of the model's root: the origin of the world."""
        self._rest = b""
        self._bones = np.zeros((len(HUMANOID_BONES), 7), np.float32)
        self._rotations = np.tile(IDENTITY, (len(HUMANOID_BONES), 1))
        self._maps = np.zeros((len(HUMANOID_BONES), 4, 4))

    def pose(self, performance: Performance) -> NDArray[np.float32]:
        """The humanoid's local pose, Unity axes.

        Args:
            performance: Of one and the same actor at every call.

        Returns:
            (52, 7) local position [m] and rotation xyzw of `HUMANOID_BONES`; valid until the next call. The signs
            of quaternions follow those of the call before, so that their components run smoothly.

        Raises:
            DecodeError: An array of another size than `Performance` states.
            EncodeError: Rotations that are none.
        """
        if performance.rest_joints != self._rest:
            self._learn(performance.rest_joints)
        D = rig_rotations(performance)  # (53, 4)
        D[_PELVIS] = multiply(D[0], D[_PELVIS])
        rotations = (self._maps @ D[_RIG_INDEX, :, None])[..., 0]  # (52, 4)
        flipped = np.einsum("ij,ij->i", rotations, self._rotations) < 0.0
        rotations[flipped] *= -1.0
        self._rotations = rotations
        self._bones[:, 3:] = rotations
        pelvis = from_bytes(performance.joints, (_RIG_COUNT, 3))[_PELVIS]
        self._bones[0, :3] = UNITY_FROM_WORLD.positions(pelvis)
        return self._bones

    def _learn(self, rest_joints: bytes) -> None:
        """Takes over a rest pose: local offsets, and the matrix of each bone's A_p D A_b^-1 in Unity's axes."""
        h = from_bytes(rest_joints, (_RIG_COUNT, 3)).astype(np.float64)
        A = t_pose_rotations(h)
        A_parent, A_back = A[_RIG_PARENT], conjugate(A[_RIG_INDEX])
        offsets = rotate(A_parent, h[_RIG_INDEX] - h[_RIG_PARENT])
        self._bones[1:, :3] = UNITY_FROM_WORLD.positions(offsets)[1:]
        to_unity = UNITY_FROM_WORLD.rotations(np.eye(4)).T  # (4, 4), its columns are the converted unit vectors
        self._maps = to_unity @ left_matrix(A_parent) @ right_matrix(A_back)
        self._rest = rest_joints
