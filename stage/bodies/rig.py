"""Forward kinematics of the rig.

A pose is T_world_root and, per bone, the rotation D from rest relative to its parent, in the axes of the
rest pose. Global rotations from rest chain as G_bone = G_parent D_bone; bone heads follow as
p_bone = p_parent + G_parent (h_bone - h_parent), with h the heads of the rest pose. No bone has a rest
orientation of its own: identity everywhere is the rest pose.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch


class Rig:
    """The kinematic tree, walked level by level so that one step handles all bones of one depth."""

    def __init__(self, parents: Sequence[int], device: torch.device | str = "cpu") -> None:
        self.parents = torch.as_tensor(list(parents), dtype=torch.int64, device=device)
        depth = [0] * len(parents)
        for bone, parent in enumerate(parents):
            depth[bone] = depth[parent] + 1 if parent >= 0 else 0
        self._levels = [
            torch.tensor([bone for bone, d in enumerate(depth) if d == level], device=device)
            for level in range(1, max(depth) + 1)
        ]

    def forward(
        self, rest_joints: torch.Tensor, position: torch.Tensor, rotations: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Global rotations from rest and bone heads.

        Args:
            rest_joints: (J, 3) or (B, J, 3), metres.
            position: (B, 3) of the Root bone in the world, metres.
            rotations: (B, J, 3, 3) rotation from rest relative to the parent; for the Root, R_world_root.

        Returns:
            G (B, J, 3, 3) and joints (B, J, 3) in the world.
        """
        rest_joints = rest_joints.expand(rotations.shape[0], -1, -1)
        offsets = rest_joints - rest_joints[:, self.parents.clamp_min(0)]
        G = rotations.clone()
        joints = torch.empty_like(rest_joints)
        joints[:, 0] = position
        for level in self._levels:
            parents = self.parents[level]
            G_parent = G[:, parents]
            G[:, level] = G_parent @ rotations[:, level]
            joints[:, level] = joints[:, parents] + (G_parent @ offsets[:, level, :, None])[..., 0]
        return G, joints


def bone_transforms(rest_joints: torch.Tensor, G: torch.Tensor, joints: torch.Tensor) -> torch.Tensor:
    """(B, J, 3, 4) transforms that take rest points to posed points, v = T [v_rest, 1]."""
    translation = joints - (G @ rest_joints[..., None])[..., 0]
    return torch.cat([G, translation[..., None]], -1)
