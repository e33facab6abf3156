"""Heads of bones as points of the body fit, and fingers that follow them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from protocols.names import RIG_BONES, RIG_PARENTS
from stage.imports._fit import BodyFit
from stage.solving.skeleton import Points, Skeleton
from stage.synthetic.kinematics import Poses, forward, from_global, matrices

Floats = NDArray[np.floating]


def joint_points(skeleton: Skeleton, bones: tuple[str, ...]) -> Points:
    """The heads of bones of the rig as points: those of solved bones are their own, others ride on their carrier."""
    index = [RIG_BONES.index(bone) for bone in bones]
    carrier = skeleton.carrier[torch.tensor(index)]
    carrying = skeleton.bone_index[carrier]
    weight = torch.nn.functional.one_hot(carrier, skeleton.bone_count).T.to(torch.float64)
    own = torch.tensor(index)
    arms = skeleton.mean_joints[own] - skeleton.mean_joints[carrying]  # (N, 3)
    basis = skeleton.joint_basis[:, own] - skeleton.joint_basis[:, carrying]  # (S, N, 3)
    return Points(
        weight=weight,
        offset=weight[:, None] * arms.T,
        offset_basis=weight[None, :, None] * basis.transpose(1, 2)[:, None].expand(-1, len(weight), -1, -1),
    )


def with_finger_heads(fit: BodyFit, bones: tuple[str, ...], targets: Floats, seen: NDArray[np.bool_]) -> Poses:
    """The fit's poses with fingers turned so that the heads of their bones lie in the directions of the targets.

    Args:
        fit: Of all points.
        bones: (N,) the bone of the rig whose head each point is.
        targets: (T, N, 3).
        seen: (T, N).
    """
    column = {bone: number for number, bone in enumerate(bones)}
    G, _ = forward(fit.rest_joints, fit.poses)
    for bone, name in enumerate(RIG_BONES):
        if name[-4:-2] not in ("01", "02", "03") or name.startswith("spine"):
            continue
        child = name.replace("_01_", "_02_") if "_01_" in name else name.replace("_02_", "_03_")
        own = matrices(fit.poses.rotations[:, bone])
        G[:, bone] = G[:, RIG_PARENTS[bone]] @ own
        if "_03_" in name or name not in column or child not in column:
            continue
        known = seen[:, column[name]] & seen[:, column[child]]
        rest = fit.rest_joints[RIG_BONES.index(child)] - fit.rest_joints[bone]
        wanted = np.swapaxes(G[:, bone], 1, 2) @ (targets[:, column[child]] - targets[:, column[name]])[..., None]
        G[known, bone] = G[known, bone] @ _shortest(rest, wanted[known, :, 0])
    return from_global(G, fit.poses.root[:, :3])


def _shortest(before: Floats, after: Floats) -> Floats:
    """(T, 3, 3): the shortest turns from one direction (3,) to others (T, 3)."""
    a = before / np.linalg.norm(before)
    b = after / np.maximum(np.linalg.norm(after, axis=1, keepdims=True), 1e-9)
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis, axis=1, keepdims=True)
    angle = np.arctan2(sine[:, 0], b @ a)[:, None]
    return Rotation.from_rotvec(np.where(sine > 1e-9, axis / np.maximum(sine, 1e-9) * angle, 0.0)).as_matrix()
