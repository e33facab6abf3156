"""One linearisation of the body fit: residuals, their robust weights, and the normal equations.

Points are what cameras see, so the normal equations are gathered per point: with J_n the Jacobian of point n
(3 x 69) and A_n = sum over cameras of P^T W P (3 x 3) its information from all views, H = sum_n J_n^T A_n J_n.
The cost of a step therefore hardly depends on the number of cameras.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from stage.solving.evidence import Evidence
from stage.solving.pose import LEVI_CIVITA, Pose
from stage.solving.skeleton import Points, Skeleton

ROBUST_SCALE = 3.0
"""Residuals beyond this many standard deviations lose influence (Cauchy)."""

_NEAREST_M = 0.1


class Body(NamedTuple):
    """A skeleton with its points, for one shape."""

    skeleton: Skeleton
    points: Points
    bone_offsets: torch.Tensor
    """(K, 3)."""
    point_offsets: torch.Tensor
    """(K, 3, N)."""

    @classmethod
    def of(cls, skeleton: Skeleton, points: Points, shape: torch.Tensor) -> Body:
        """The body of shape coefficients (S,)."""
        return cls(skeleton, points, skeleton.offsets(skeleton.rest_joints(shape)), points.offsets(shape))


class Placed(NamedTuple):
    """A body in a pose."""

    G: torch.Tensor
    """(B, K, 3, 3)."""
    p: torch.Tensor
    """(B, K, 3)."""
    shares: torch.Tensor
    """(B, K, 3, N): each bone's share of each point."""
    x: torch.Tensor
    """(B, 3, N): the points in the world."""


class Views(NamedTuple):
    """How the cameras see the points."""

    residual: torch.Tensor
    """(B, 2C, N), in standard deviations, times the root of its robust weight."""
    rows: torch.Tensor
    """(B, 2C, 3, N): its derivative with respect to the point."""
    cost: torch.Tensor
    """(B,)."""


def place(body: Body, pose: Pose) -> Placed:
    """Bones and points of a pose."""
    G, p = body.skeleton.forward(body.bone_offsets, pose.position, pose.D)
    shares = body.skeleton.place(body.points, body.point_offsets, G, p)
    return Placed(G, p, shares, shares.sum(1))


def view(evidence: Evidence, x: torch.Tensor) -> Views:
    """Reprojection of points (B, 3, N) into all cameras, with Cauchy weights."""
    R, scale = evidence.R, evidence.scale
    in_camera = R @ x[:, None] + evidence.t[:, :, None]  # (B, C, 3, N)
    depth = in_camera[:, :, 2:].clamp_min(_NEAREST_M)
    image = in_camera[:, :, :2] / depth
    residual = (image - evidence.target) * scale[:, :, None]
    squared = (residual * residual).sum(2) * (1.0 / ROBUST_SCALE**2)
    root_weight = (1.0 + squared).rsqrt()
    rows = (R[:, :2, :, None] - image[:, :, :, None] * R[:, None, 2, :, None]) * (root_weight * scale / depth[:, :, 0])[
        :, :, None, None
    ]
    cost = (0.5 * ROBUST_SCALE**2) * torch.log1p(squared).sum((1, 2))
    return Views((residual * root_weight[:, :, None]).flatten(1, 2), rows.flatten(1, 2), cost)


def point_jacobian(body: Body, placed: Placed) -> torch.Tensor:
    """(B, N, 3, 69): how points move with a step."""
    skeleton = body.skeleton
    batch, bones, _, count = placed.shares.shape
    below = (skeleton.moves @ placed.shares.flatten(2)).view(batch, bones, 3, count)
    arms = below - placed.p[..., None] * (skeleton.moves @ body.points.weight)[:, None]  # from bone to point
    G_parent = parent_rotations(skeleton, placed.G)
    # A turn e moves a point by e x arm = -skew(arm) e; e is in the parent's axes. Linear in the arm: one map per bone.
    turn = -(LEVI_CIVITA.to(placed.G).view(9, 3) @ G_parent).view(batch, bones, 3, 9)
    turned = (arms.transpose(-1, -2) @ turn).view(batch, bones, count, 3, 3)
    rotation = turned.permute(0, 2, 3, 1, 4).reshape(batch, count, 3, 3 * bones)
    translation = torch.eye(3, dtype=rotation.dtype, device=rotation.device).expand(batch, count, 3, 3)
    return torch.cat([translation, rotation], -1)


def shape_jacobian(body: Body, placed: Placed) -> torch.Tensor:
    """(B, N, 3, S): how points move with the shape coefficients, the pelvis staying in place."""
    skeleton = body.skeleton
    G_parent = parent_rotations(skeleton, placed.G)
    bone_basis = skeleton.offsets(skeleton.joint_basis)  # (S, K, 3)
    steps = torch.einsum("bkad,skd->bkas", G_parent, bone_basis)
    heads = torch.einsum("kj,bkas->bjas", skeleton.moves, steps)
    arms = torch.einsum("bkad,skdn->bnas", placed.G, body.points.offset_basis)
    return arms + torch.einsum("bkas,kn->bnas", heads, body.points.weight)


class Normal(NamedTuple):
    """Normal equations of a batch: H (B, 69, 69), g (B, 69) and the cost (B,)."""

    H: torch.Tensor
    g: torch.Tensor
    cost: torch.Tensor


class PointInformation(NamedTuple):
    """What all evidence says of each point by itself."""

    A: torch.Tensor
    """(B, N, 3, 3): information."""
    b: torch.Tensor
    """(B, N, 3): gradient."""
    cost: torch.Tensor
    """(B,)."""


def point_information(evidence: Evidence, placed: Placed) -> PointInformation:
    """Gather cameras and anchors per point."""
    views = view(evidence, placed.x)
    rows = views.rows.permute(0, 3, 1, 2)  # (B, N, 2C, 3)
    pull = (placed.x - evidence.anchor) * evidence.anchor_scale  # (B, 3, N)
    A = rows.transpose(-1, -2) @ rows
    A.diagonal(dim1=-2, dim2=-1).add_((evidence.anchor_scale * evidence.anchor_scale).transpose(-1, -2))
    b = (rows * views.residual.transpose(-1, -2)[..., None]).sum(2) + (pull * evidence.anchor_scale).transpose(-1, -2)
    return PointInformation(A, b, views.cost + 0.5 * (pull * pull).sum((1, 2)))


def normal_equations(information: PointInformation, J: torch.Tensor) -> Normal:
    """H = sum J^T A J and g = sum J^T b over points, for point Jacobians J (B, N, 3, D)."""
    flat = J.flatten(1, 2)
    H = flat.transpose(-1, -2) @ (information.A @ J).flatten(1, 2)
    g = (flat.transpose(-1, -2) @ information.b.flatten(1)[..., None])[..., 0]
    return Normal(H, g, information.cost)


def parent_rotations(skeleton: Skeleton, G: torch.Tensor) -> torch.Tensor:
    """(B, K, 3, 3): the global rotation of each bone's parent; identity, the world, for the pelvis."""
    world = torch.eye(3, dtype=G.dtype, device=G.device).expand(G.shape[0], 1, 3, 3)
    return torch.cat([world, G[:, skeleton.parents[1:]]], 1)
