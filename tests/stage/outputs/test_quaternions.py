"""Quaternion algebra against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

from stage.outputs.quaternions import (
    IDENTITY,
    align,
    conjugate,
    left_matrix,
    multiply,
    normalised,
    product,
    right_matrix,
    rotate,
    shortest_arc,
    slerp,
)

RNG = np.random.default_rng(5)
A = Rotation.from_quat(RNG.normal(size=(30, 4)))
B = Rotation.from_quat(RNG.normal(size=(30, 4)))
U, V, W = RNG.normal(size=(3, 30, 3))


def same_rotation(q: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(np.abs(np.sum(q * expected, -1)), 1.0, atol=1e-9)


def test_product() -> None:
    a, b = A.as_quat(), B.as_quat()
    same_rotation(multiply(a, b), (A * B).as_quat())
    np.testing.assert_allclose((left_matrix(a) @ b[..., None])[..., 0], multiply(a, b))
    np.testing.assert_allclose((right_matrix(b) @ a[..., None])[..., 0], multiply(a, b))
    np.testing.assert_allclose(multiply(a, conjugate(a)), np.tile(IDENTITY, (30, 1)), atol=1e-12)


def test_product_with_components_first() -> None:
    a, b = A.as_quat().reshape(5, 6, 4), B.as_quat().reshape(5, 6, 4)
    first = product(np.ascontiguousarray(np.moveaxis(a, -1, 0)), np.ascontiguousarray(np.moveaxis(b, -1, 0)))
    np.testing.assert_allclose(np.moveaxis(first, 0, -1), multiply(a, b), atol=1e-15)


def test_any_leading_axes() -> None:
    a, b, v = A.as_quat().reshape(5, 3, 2, 4), B.as_quat().reshape(5, 3, 2, 4), V.reshape(5, 3, 2, 3)
    np.testing.assert_allclose(multiply(a, b).reshape(30, 4), multiply(A.as_quat(), B.as_quat()))
    np.testing.assert_allclose(rotate(a, v).reshape(30, 3), A.apply(V))
    np.testing.assert_allclose(multiply(a[0, 0, 0], b[0, 0, 0]), multiply(A.as_quat()[0], B.as_quat()[0]))


def test_shortest_arc_arrives_and_is_shortest() -> None:
    q = shortest_arc(U, V)
    np.testing.assert_allclose(rotate(q, normalised(U)), normalised(V), atol=1e-9)
    angle = np.arccos(np.sum(normalised(U) * normalised(V), -1))
    np.testing.assert_allclose(Rotation.from_quat(q).magnitude(), angle)


def test_shortest_arc_to_the_opposite_is_a_half_turn() -> None:
    start = np.vstack([U, np.eye(3), -np.eye(3)])
    q = shortest_arc(start, -3.0 * start)
    np.testing.assert_allclose(rotate(q, normalised(start)), -normalised(start), atol=1e-9)


def test_shortest_arc_to_itself_is_none() -> None:
    same_rotation(shortest_arc(U, 2.0 * U), np.tile(IDENTITY, (30, 1)))


def test_align_arrives_and_brings_the_second_direction_as_near_as_can_be() -> None:
    q = align(U, V, W, U)
    np.testing.assert_allclose(rotate(q, normalised(U)), normalised(W), atol=1e-9)
    axis = normalised(W)
    for vector, goal in zip(rotate(q, V), U, strict=True):
        index = np.flatnonzero(np.all(goal == U, -1))[0]
        across = [v - axis[index] * np.dot(axis[index], v) for v in (vector, goal)]
        assert np.dot(*across) == pytest.approx(np.linalg.norm(across[0]) * np.linalg.norm(across[1]))


@pytest.mark.parametrize("angle", [0.0, 1e-6, 0.1, 2.0, 3.1, 4.5])
def test_slerp_is_that_of_scipy(angle: float) -> None:
    start = Rotation.from_euler("xyz", [0.3, -0.2, 1.0])
    end = start * Rotation.from_rotvec(angle * np.array([0.6, 0.0, 0.8]))
    expected = Slerp([0.0, 1.0], Rotation.concatenate([start, end]))([0.25])
    found = slerp(start.as_quat()[None], -end.as_quat()[None], np.array([[0.25]]))
    np.testing.assert_allclose(np.abs(np.sum(found * expected.as_quat())), 1.0, atol=1e-9)
