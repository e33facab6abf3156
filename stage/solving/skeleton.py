"""The part of the rig that body landmarks determine, and how points ride on it.

Fingers do not follow from body landmarks, and the pelvis carries the whole body; so the solve works on the
22 bones from the pelvis to hands, toes and head. Every other bone moves rigidly with the nearest solved one.

A point on the body is a blend of bones: x = sum_j (G_j o_j + w_j p_j), with o_j = sum_k a_k W_kj (v_k - h_j) for a
point that combines rest vertices v_k with weights a_k and skin weights W. Both o and the rest offsets between
bones are linear in the shape coefficients; this holds for landmarks, COCO keypoints, soles and bone heads alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from stage.bodies.body import BodyModel

SOLVED_BONES = (
    "pelvis",
    "spine_01",
    "spine_02",
    "spine_03",
    "neck_01",
    "head",
    "clavicle_l",
    "upperarm_l",
    "lowerarm_l",
    "hand_l",
    "clavicle_r",
    "upperarm_r",
    "lowerarm_r",
    "hand_r",
    "thigh_l",
    "calf_l",
    "foot_l",
    "ball_l",
    "thigh_r",
    "calf_r",
    "foot_r",
    "ball_r",
)


@dataclass(frozen=True, eq=False)
class Points:
    """N points that ride on the solved bones, for any shape."""

    weight: torch.Tensor
    """(K, N): share of each bone; columns sum to 1."""
    offset: torch.Tensor
    """(K, 3, N): o of the mean shape, metres."""
    offset_basis: torch.Tensor
    """(S, K, 3, N): its change per shape coefficient."""

    def offsets(self, shape: torch.Tensor) -> torch.Tensor:
        """O for a shape (S,): (K, 3, N)."""
        return self.offset + torch.tensordot(shape, self.offset_basis, 1)


class Skeleton:
    """Some bones of a body model, the first carrying the rest; K bones (of the body 22), S shape coefficients, all
    float64. Every other bone rides on its nearest solved ancestor, or on the first where it has none.
    """

    def __init__(
        self, body: BodyModel, device: torch.device | str = "cpu", bones: Sequence[str] = SOLVED_BONES
    ) -> None:
        self.body = body
        self.bones = tuple(bones)
        self.device = torch.device(device)
        index = {bone: i for i, bone in enumerate(body.bones)}
        self.bone_index = torch.tensor([index[bone] for bone in self.bones], device=device)
        """(K,) positions of the solved bones in the rig."""
        self._reduced = self._nearest_solved(body)
        self.carrier = torch.from_numpy(self._reduced).to(device)
        """(J,) the solved bone that carries each bone of the rig (the Root rides on the pelvis)."""
        parents = [-1, *(int(self._reduced[body.parents[index[bone]]]) for bone in self.bones[1:])]
        self.parents = torch.tensor(parents, device=device)
        self.mean_joints, self.joint_basis = (self._tensor(array) for array in (body.mean_joints, body.joint_basis))
        self._ancestors = self._doubling(parents)
        below = np.eye(len(parents), dtype=bool)
        for bone, parent in enumerate(parents):
            if parent >= 0:
                below[:, bone] |= below[:, parent]
        self.moves = self._tensor(below.astype(np.float64))
        """(K, K): [i, j] is 1 where bone j moves when bone i turns."""

    @property
    def bone_count(self) -> int:
        """K."""
        return len(self.bones)

    def rest_joints(self, shape: torch.Tensor) -> torch.Tensor:
        """All bone heads of the rest body of a shape (S,): (J, 3)."""
        return self.mean_joints + torch.tensordot(shape, self.joint_basis, 1)

    def offsets(self, rest_joints: torch.Tensor) -> torch.Tensor:
        """(K, 3) from parent to bone in the rest pose; (..., J, 3) in, (..., K, 3) out; zero for the pelvis."""
        heads = rest_joints[..., self.bone_index, :]
        offsets = heads - heads[..., self.parents.clamp_min(0), :]
        return offsets

    def forward(
        self, offsets: torch.Tensor, position: torch.Tensor, D: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Global rotations G (B, K, 3, 3) and bone heads p (B, K, 3).

        Chains are multiplied by doubling: after n rounds a bone has taken up its 2^n nearest ancestors.

        Args:
            offsets: (K, 3) from `offsets`.
            position: (B, 3) of the pelvis.
            D: (B, K, 3, 3) rotation from rest relative to the parent; of the pelvis, to the world.
        """
        batch = D.shape[0]
        local = torch.cat([D, offsets.expand(batch, -1, -1)[..., None]], -1)  # (B, K, 3, 4)
        local[:, 0, :, 3] = position
        local = torch.cat([local, self._identity.expand(batch, 1, 3, 4)], 1)  # the ancestor of the pelvis
        for ancestors in self._ancestors:
            upper = local[:, ancestors]
            rotation = upper[..., :3]
            local = rotation @ local
            local[..., 3] += upper[..., 3]
        return local[:, :-1, :, :3], local[:, :-1, :, 3]

    def points_of_vertices(self, combination: np.ndarray) -> Points:
        """Points that are fixed combinations (N, V) of vertices, rows summing to 1."""
        body = self.body
        used = np.flatnonzero(np.any(combination != 0, 0))
        shares = np.zeros((len(used), self.bone_count))
        np.add.at(
            shares, (np.arange(len(used))[:, None], self._reduced[body.skin_bones[used]]), body.skin_weights[used]
        )
        rows = combination[:, used].astype(np.float64)

        def offsets(vertices: np.ndarray, joints: np.ndarray) -> np.ndarray:
            arms = vertices[used, None] - joints[self.bone_index.cpu().numpy()][None]  # (U, K, 3)
            return np.einsum("nu,uk,ukd->kdn", rows, shares, arms, optimize=True)

        basis = [offsets(v, j) for v, j in zip(body.vertex_basis, body.joint_basis, strict=True)]
        return Points(
            weight=self._tensor((rows @ shares).T),
            offset=self._tensor(offsets(body.mean_vertices, body.mean_joints)),
            offset_basis=self._tensor(np.stack(basis)),
        )

    def place(self, points: Points, offsets: torch.Tensor, G: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
        """Each bone's share of each point: (B, K, 3, N); summed over bones it is the point in the world."""
        return G @ offsets + p[..., None] * points.weight[:, None, :]

    def full_pose(
        self, rest_joints: torch.Tensor, G: torch.Tensor, p: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Rotations from rest (B, J, 3, 3) and heads (B, J, 3) of all bones of the rig."""
        G_all = G[:, self.carrier]
        arms = rest_joints - rest_joints[self.bone_index[self.carrier]]
        return G_all, p[:, self.carrier] + (G_all @ arms[..., None])[..., 0]

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, np.float64)).to(self.device)

    def _nearest_solved(self, body: BodyModel) -> np.ndarray:
        reduced = np.zeros(len(body.bones), np.int64)
        for bone, name in enumerate(body.bones):
            if name in self.bones:
                reduced[bone] = self.bones.index(name)
            elif body.parents[bone] >= 0:
                reduced[bone] = reduced[body.parents[bone]]
        return reduced

    def _doubling(self, parents: list[int]) -> list[torch.Tensor]:
        """The 1st, 2nd, 4th, 8th ancestor of each bone; K stands for 'none', an identity."""
        none = len(parents)
        self._identity = torch.eye(3, 4, dtype=torch.float64, device=self.device)
        ancestor = np.array([parent if parent >= 0 else none for parent in parents] + [none])
        rounds = []
        while np.any(ancestor != none):
            rounds.append(torch.from_numpy(ancestor.copy()).to(self.device))
            ancestor = ancestor[ancestor]
        return rounds
