"""The hand as the fit sees it: 21 points that ride on the hand bone and 15 finger bones, moved by 26 coordinates.

The coordinates of one hand are a small correction of the hand bone, which the body fit has placed (3 metres, 3 radians
about world axes), and the 20 finger angles of `stage.bodies.hands`. Everything is a batch of H hands, each left or
right, in plain numpy: the arrays are so small that a call costs more than its arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from protocols.messages import HAND_LANDMARK_COUNT
from stage.bodies.body import BodyModel
from stage.bodies.hands import ANGLE_COUNT, AXIAL_MIRROR, SIDES, Floats, finger_bones, hand_axes
from stage.correspondence.hand_map import HandMap
from stage.solving.skeleton import Points, Skeleton

BASE_COUNT = 6
COORDINATES = BASE_COUNT + ANGLE_COUNT

_F, _J, _N = 5, 3, HAND_LANDMARK_COUNT


class HandGeometry(NamedTuple):
    """H hands of one actor at rest."""

    heads: Floats
    """(H, 5, 3, 3): from each finger bone's parent to its head, metres."""
    offset: Floats
    """(H, 16, 3, 21): points relative to bone heads times their share of the bone, see `stage.solving.skeleton`."""
    weight: Floats
    """(H, 16, 21)."""
    weight_below: Floats
    """(H, 5, 3, 21): share of a finger bone and all beyond it."""
    axes: Floats
    """(H, 5, 4, 3): of each angle."""
    spin: Floats
    """(H, 5, 4, 3, 3): skew matrix of each axis."""
    spin2: Floats
    """Its square."""

    def of(self, hands: Sequence[int]) -> HandGeometry:
        """Some of the hands."""
        return HandGeometry(*(array[list(hands)] for array in self))


class HandPose(NamedTuple):
    """H hands."""

    R: Floats
    """(H, 3, 3): rotation of the hand bone from rest."""
    p: Floats
    """(H, 3): its head in the world, metres."""
    angles: Floats
    """(H, 20) radians."""

    def moved(self, step: Floats) -> HandPose:
        """After a step (H, 26)."""
        return HandPose(small_turn(step[:, 3:6]) @ self.R, self.p + step[:, :3], self.angles + step[:, 6:])


class HandPlaced(NamedTuple):
    """Hands in the world."""

    G: Floats
    """(H, 16, 3, 3): the hand bone, then fingers from the palm out."""
    heads: Floats
    """(H, 16, 3)."""
    shares: Floats
    """(H, 16, 3, 21)."""
    x: Floats
    """(H, 3, 21): the landmarks, metres."""
    spread_axis: Floats
    """(H, 5, 3)."""
    flexion_axis: Floats
    """(H, 5, 3)."""


class HandModel:
    """Both hands of the body model, for any shape."""

    def __init__(self, body: BodyModel, meaning: HandMap) -> None:
        self._parts: list[tuple[Skeleton, Points]] = []
        axes = hand_axes(body.mean_joints)
        left = np.concatenate([axes.spread[:, None], np.repeat(axes.flexion[:, None], 3, 1)], 1)  # (5, 4, 3)
        self._axes = np.stack([left, left * AXIAL_MIRROR])
        for side in SIDES:
            skeleton = Skeleton(body, bones=(f"hand_{side[0]}", *finger_bones(side)))
            combination = meaning.combination(side, len(body.mean_vertices))
            self._parts.append((skeleton, skeleton.points_of_vertices(combination)))

    def geometry(self, shape: torch.Tensor) -> HandGeometry:
        """Both hands, left and right, of a shape (S,)."""
        shape = shape.cpu()
        heads, offset, weight = [], [], []
        for skeleton, points in self._parts:
            heads.append(skeleton.offsets(skeleton.rest_joints(shape))[1:].numpy().reshape(_F, _J, 3))
            offset.append(points.offsets(shape).numpy())
            weight.append(points.weight.numpy())
        spin = skew(self._axes)
        W = np.stack(weight)
        below = np.cumsum(W[:, 1:].reshape(-1, _F, _J, _N)[:, :, ::-1], 2)[:, :, ::-1]
        return HandGeometry(np.stack(heads), np.stack(offset), W, below, self._axes, spin, spin @ spin)


def finger_turns(geometry: HandGeometry, angles: Floats) -> Floats:
    """(H, 5, 3, 3, 3): rotations from rest relative to the parent, of angles (H, 20)."""
    q = angles.reshape(-1, _F, 4, 1, 1)
    turns = _EYE + np.sin(q) * geometry.spin + (1.0 - np.cos(q)) * geometry.spin2
    turns[:, :, 1] = turns[:, :, 0] @ turns[:, :, 1]
    return turns[:, :, 1:]


def finger_quaternions(geometry: HandGeometry, angles: Floats) -> Floats:
    """(H, 5, 3, 4) xyzw: the same as `finger_turns`."""
    half = 0.5 * angles.reshape(-1, _F, 4)
    q = np.concatenate([np.sin(half)[..., None] * geometry.axes, np.cos(half)[..., None]], -1)
    (a, w), (b, u) = ((q[:, :, i, :3], q[:, :, i, 3:]) for i in (0, 1))
    across = (geometry.spin[:, :, 0] @ b[..., None])[..., 0] * np.sin(half)[:, :, 0, None]  # a x b
    q[:, :, 1] = np.concatenate([w * b + u * a + across, w * u - (a * b).sum(-1, keepdims=True)], -1)
    return q[:, :, 1:]


def place_bones(geometry: HandGeometry, pose: HandPose) -> tuple[Floats, Floats]:
    """Rotations from rest (H, 16, 3, 3) and heads (H, 16, 3) of the hand bone, then fingers from the palm out."""
    hands = len(pose.p)
    turns = finger_turns(geometry, pose.angles)
    G = np.empty((hands, _F, _J, 3, 3))
    heads = np.empty((hands, _F, _J, 3))
    above, at = pose.R[:, None], pose.p[:, None]
    for joint in range(_J):
        heads[:, :, joint] = at + (above @ geometry.heads[:, :, joint, :, None])[..., 0]
        G[:, :, joint] = above @ turns[:, :, joint]
        above, at = G[:, :, joint], heads[:, :, joint]
    G = np.concatenate([pose.R[:, None], G.reshape(hands, _F * _J, 3, 3)], 1)
    return G, np.concatenate([pose.p[:, None], heads.reshape(hands, _F * _J, 3)], 1)


def place(geometry: HandGeometry, pose: HandPose) -> HandPlaced:
    """Bones and landmarks of H hands."""
    G, heads = place_bones(geometry, pose)
    shares = G @ geometry.offset + heads[..., None] * geometry.weight[:, :, None]
    spread = geometry.axes[:, :, 0] @ pose.R.transpose(0, 2, 1)
    flexion = (G[:, 1::3] @ geometry.axes[:, :, 1, :, None])[..., 0]  # a turn leaves its own axis where it is
    return HandPlaced(G, heads, shares, shares.sum(1), spread, flexion)


def point_jacobian(geometry: HandGeometry, placed: HandPlaced) -> Floats:
    """(H, 3, 26, 21): how the landmarks move with the coordinates."""
    hands = len(placed.x)
    J = np.zeros((hands, 3, COORDINATES, _N))
    J[:, _XYZ, _XYZ] = 1.0
    arm = placed.x - placed.heads[:, 0, :, None]
    for a, b, c in _CYCLES:  # (e x arm)_a = e_b arm_c - e_c arm_b
        J[:, a, 3 + b] = arm[:, c]
        J[:, a, 3 + c] = -arm[:, b]
    own = placed.shares[:, 1:].reshape(hands, _F, _J, 3, _N)
    below = np.cumsum(own[:, :, ::-1], 2)[:, :, ::-1]
    heads = placed.heads[:, 1:].reshape(hands, _F, _J, 3, 1)
    arms = below - heads * geometry.weight_below[:, :, :, None]  # (H, 5, 3, 3, 21)
    angles = J[:, :, BASE_COUNT:].reshape(hands, 3, _F, 4, _N)
    s, f = placed.spread_axis[..., None], placed.flexion_axis[:, :, None, :, None]
    first = arms[:, :, 0]
    for a, b, c in _CYCLES:
        angles[:, a, :, 0] = s[:, :, b] * first[:, :, c] - s[:, :, c] * first[:, :, b]
        angles[:, a, :, 1:] = f[:, :, :, b] * arms[:, :, :, c] - f[:, :, :, c] * arms[:, :, :, b]
    J[:, :, BASE_COUNT:] = angles.reshape(hands, 3, ANGLE_COUNT, _N)
    return J


def skew(v: Floats) -> Floats:
    """Matrices (..., 3, 3) of vectors (..., 3)."""
    x, y, z = np.moveaxis(v, -1, 0)
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*v.shape, 3)


def small_turn(v: Floats) -> Floats:
    """Rotation vectors (..., 3) of less than half a turn to matrices."""
    S = skew(v)
    angle = np.sqrt((v * v).sum(-1))[..., None, None]
    half = np.sinc(angle / (2.0 * np.pi))
    return _EYE + np.sinc(angle / np.pi) * S + 0.5 * half * half * (S @ S)


_EYE = np.eye(3)
_XYZ = np.arange(3)
_CYCLES = ((0, 1, 2), (1, 2, 0), (2, 0, 1))
