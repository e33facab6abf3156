"""Poses to vertices in plain numpy, for many frames at once.

The same law as `stage.bodies.rig` (G_bone = G_parent D_bone, p_bone = p_parent + G_parent (h_bone -
h_parent)), written a second time on purpose: ground truth should not come from the code that it
judges, and a camera worker that renders a synthetic performer should not load torch.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.spatial.transform import Rotation

from protocols.names import RIG_PARENTS
from stage.bodies.body import BodyModel
from stage.synthetic.raster import Floats

BONE_COUNT = len(RIG_PARENTS)


class Poses(NamedTuple):
    """T poses of one rig."""

    root: Floats
    """(T, 7): T_world_root, position in metres and rotation xyzw."""
    rotations: Floats
    """(T, 53, 4): per bone, the rotation from rest relative to its parent in the axes of the rest pose, xyzw;
    the Root's is that of `root`."""

    def __len__(self) -> int:
        return len(self.root)

    def at(self, index: int | slice) -> Poses:
        """One pose (as T = 1) or a run of them."""
        picked = slice(index, index + 1) if isinstance(index, int) else index
        return Poses(self.root[picked], self.rotations[picked])


def matrices(quaternions: Floats) -> Floats:
    """(..., 4) xyzw to (..., 3, 3)."""
    return Rotation.from_quat(quaternions.reshape(-1, 4)).as_matrix().reshape(*quaternions.shape[:-1], 3, 3)


def quaternions(rotations: Floats) -> Floats:
    """(..., 3, 3) to (..., 4) xyzw with w >= 0."""
    flat = Rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_quat(canonical=True)
    return flat.reshape(*rotations.shape[:-2], 4)


def forward(rest_joints: Floats, poses: Poses) -> tuple[Floats, Floats]:
    """Global rotations from rest (T, 53, 3, 3) and bone heads (T, 53, 3) in the world."""
    local = matrices(poses.rotations)
    G = np.empty_like(local)
    heads = np.empty((len(poses), BONE_COUNT, 3))
    for bone, parent in enumerate(RIG_PARENTS):
        if parent < 0:
            G[:, bone] = matrices(poses.root[:, 3:])
            heads[:, bone] = poses.root[:, :3]
        else:
            G[:, bone] = G[:, parent] @ local[:, bone]
            heads[:, bone] = heads[:, parent] + G[:, parent] @ (rest_joints[bone] - rest_joints[parent])
    return G, heads


def from_global(G: Floats, root_position: Floats) -> Poses:
    """The poses whose global rotations from rest are G (T, 53, 3, 3)."""
    parents = np.array(RIG_PARENTS)
    local = np.swapaxes(G[:, np.maximum(parents, 0)], -1, -2) @ G
    local[:, 0] = G[:, 0]
    rotations = quaternions(local)
    return Poses(np.concatenate([root_position, rotations[:, 0]], axis=1), rotations)


class Skin:
    """Linear blend skinning of one rest body as a sparse matrix product.

    Facial actions move the rest vertices; as few of them do, their part is turned on its own and added.
    """

    def __init__(self, body: BodyModel, rest_vertices: Floats) -> None:
        count, width = body.skin_weights.shape
        homogeneous = np.concatenate([rest_vertices, np.ones((count, 1), np.float32)], axis=1)
        values = body.skin_weights[:, :, None] * homogeneous[:, None, :]
        columns = body.skin_bones[:, :, None] * 4 + np.arange(4)
        rows = np.repeat(np.arange(count), width * 4)
        shape = (count, 4 * len(body.bones))
        self._matrix = sparse.csr_matrix((values.reshape(-1), (rows, columns.reshape(-1))), shape=shape)
        self._matrix.eliminate_zeros()
        self._facial = np.flatnonzero(np.any(body.facial_basis != 0, axis=(0, 2)))  # (F,) of V
        self._actions = body.facial_basis[:, self._facial].astype(np.float32)  # (52, F, 3)
        rows = np.repeat(np.arange(len(self._facial)), width)
        weights = body.skin_weights[self._facial].reshape(-1)
        columns = body.skin_bones[self._facial].reshape(-1)
        self._facial_weights = sparse.csr_matrix((weights, (rows, columns)), shape=(len(self._facial), len(body.bones)))

    def vertices(self, rest_joints: Floats, G: Floats, heads: Floats, face: Floats | None = None) -> Floats:
        """Posed vertices (V, 3) of one pose.

        Args:
            rest_joints: (53, 3) of the rest body.
            G: (53, 3, 3) from `forward`.
            heads: (53, 3) from `forward`.
            face: (52,) facial actions in [0, 1]; None is the face at rest.
        """
        translation = heads - (G @ rest_joints[:, :, None])[..., 0]
        stacked = np.concatenate([np.swapaxes(G, 1, 2), translation[:, None]], axis=1)
        posed = self._matrix @ stacked.reshape(-1, 3).astype(np.float32)
        if face is not None:
            moved = np.tensordot(face.astype(np.float32), self._actions, 1)  # (F, 3)
            turns = (self._facial_weights @ G.reshape(-1, 9).astype(np.float32)).reshape(-1, 3, 3)
            posed[self._facial] += (turns @ moved[..., None])[..., 0]
        return posed
