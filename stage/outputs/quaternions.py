"""Quaternions xyzw in numpy, over any leading axes: what retargeting to an engine needs.

The product is bilinear, a b = L(a) b = R(b) a with 4x4 matrices. Where one factor is constant, its matrix is
made once and a whole skeleton is turned by a single batched matrix product.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

IDENTITY = np.array([0.0, 0.0, 0.0, 1.0])

_TINY = 1e-12
_NEARLY_EQUAL = 1.0 - 1e-9

# _LEFT[a] is the matrix of multiplication by unit a from the left: x, y, z, then 1.
_LEFT = np.array(
    [
        [[0, 0, 0, 1], [0, 0, -1, 0], [0, 1, 0, 0], [-1, 0, 0, 0]],
        [[0, 0, 1, 0], [0, 0, 0, 1], [-1, 0, 0, 0], [0, -1, 0, 0]],
        [[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, -1, 0]],
        [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
    ],
    np.float64,
)
_LEFT_FLAT = np.ascontiguousarray(_LEFT).reshape(4, 16)
_RIGHT_FLAT = np.ascontiguousarray(_LEFT.transpose(2, 1, 0)).reshape(4, 16)
_LEFT_ROWS = np.ascontiguousarray(_LEFT_FLAT.T)
_CONJUGATION = np.array([-1.0, -1.0, -1.0, 1.0])


def conjugate(q: Floats) -> Floats:
    """The inverse of unit quaternions (..., 4)."""
    return q * _CONJUGATION


def left_matrix(q: Floats) -> Floats:
    """L(q) (..., 4, 4), with L(q) p = q p."""
    return (q @ _LEFT_FLAT).reshape(*q.shape, 4)


def right_matrix(q: Floats) -> Floats:
    """R(q) (..., 4, 4), with R(q) p = p q."""
    return (q @ _RIGHT_FLAT).reshape(*q.shape, 4)


def multiply(a: Floats, b: Floats) -> Floats:
    """The product a b (..., 4): b first, then a."""
    return (left_matrix(a) @ b[..., None])[..., 0]


def product(a: Floats, b: Floats) -> Floats:
    """The product a b of many quaternions, components first (4, ...): in their order, a quarter of the time."""
    left = (_LEFT_ROWS @ a.reshape(4, -1)).reshape(4, *a.shape)
    return np.add.reduce(left * b, 1)  # as sum(1), with less around it


def rotate(q: Floats, v: Floats) -> Floats:
    """Vectors (..., 3) turned by unit quaternions (..., 4)."""
    twice = 2.0 * cross(q[..., :3], v)
    return v + q[..., 3:] * twice + cross(q[..., :3], twice)


def cross(a: Floats, b: Floats) -> Floats:
    """The vector product (..., 3); np.cross looks at its arguments for longer than it computes."""
    return a[..., (1, 2, 0)] * b[..., (2, 0, 1)] - a[..., (2, 0, 1)] * b[..., (1, 2, 0)]


def dot(a: Floats, b: Floats) -> Floats:
    """The scalar product (..., 1) of vectors (..., n)."""
    return np.einsum("...i,...i->...", a, b)[..., None]


def normalised(v: Floats) -> Floats:
    """Vectors (..., n) of length 1; a zero vector stays zero."""
    return v / np.maximum(np.sqrt(dot(v, v)), _TINY)


def slerp(start: Floats, end: Floats, share: Floats | float) -> Floats:
    """The rotations (..., 4) at a share (..., 1) in [0, 1] of the shorter way from `start` to `end` (..., 4)."""
    start, end = start.astype(np.float64), end.astype(np.float64)
    cosine = dot(start, end)
    angle = np.arccos(np.minimum(np.abs(cosine), _NEARLY_EQUAL))
    rest, part = np.sin((1.0 - share) * angle), np.copysign(np.sin(share * angle), cosine)
    return (rest * start + part * end) / np.sin(angle)


def shortest_arc(start: Floats, end: Floats) -> Floats:
    """The smallest rotations (..., 4) that turn directions `start` into directions `end` (..., 3)."""
    start, end = normalised(start), normalised(end)
    cosine = dot(start, end)
    q = np.concatenate([cross(start, end), 1.0 + cosine], -1)
    # Opposite directions leave the axis open: any one across will do.
    across = cross(start, np.eye(3)[np.argmin(np.abs(start), -1)])
    half_turn = np.concatenate([across, np.zeros_like(cosine)], -1)
    return normalised(np.where(cosine < -1.0 + 1e-9, half_turn, q))


def align(start: Floats, start_up: Floats, end: Floats, end_up: Floats) -> Floats:
    """Rotations (..., 4) that turn `start` into `end`, and `start_up` as near to `end_up` as that allows."""
    swing = shortest_arc(start, end)
    axis = normalised(end)
    up = rotate(swing, start_up)
    up, goal = up - axis * dot(axis, up), end_up - axis * dot(axis, end_up)
    half = np.arctan2(dot(axis, cross(up, goal)), dot(up, goal)) / 2.0
    twist = np.concatenate([axis * np.sin(half), np.cos(half)], -1)
    return multiply(twist, swing)
