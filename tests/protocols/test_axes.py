"""Axes against the published table, and against geometry that no table can get wrong twice."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from protocols.axes import (
    GODOT_FROM_UNITY,
    UNITY_FROM_VRM0,
    UNITY_FROM_VRM1,
    UNITY_FROM_WORLD,
    UNREAL_FROM_UNITY,
    UNREAL_FROM_WORLD,
    AxisChange,
)

X, Y, Z = 0, 1, 2
RNG = np.random.default_rng(1)
POINTS = RNG.normal(size=(20, 3))
QUATERNIONS = Rotation.from_quat(RNG.normal(size=(20, 4))).as_quat()

# name, conversion, then the table: position and quaternion as expressions of x y z and a b c d (= qx qy qz qw)
TABLE = [
    ("VRM0", UNITY_FROM_VRM0, lambda x, y, z: (x, y, -z), lambda a, b, c, d: (-a, -b, c, d)),
    ("VRM1", UNITY_FROM_VRM1, lambda x, y, z: (-x, y, z), lambda a, b, c, d: (a, -b, -c, d)),
    ("Unreal", UNREAL_FROM_UNITY, lambda x, y, z: (-100 * x, 100 * z, 100 * y), lambda a, b, c, d: (-a, c, b, d)),
    (
        "SMPL to Unreal",
        UNREAL_FROM_UNITY @ UNITY_FROM_VRM1,
        lambda x, y, z: (100 * x, 100 * z, 100 * y),
        lambda a, b, c, d: (-a, -c, -b, d),
    ),
    ("Godot", GODOT_FROM_UNITY, lambda x, y, z: (x, y, -z), lambda a, b, c, d: (-a, -b, c, d)),
    ("world", UNITY_FROM_WORLD, lambda x, y, z: (-x, z, -y), lambda a, b, c, d: (a, -c, b, d)),
    (
        "world to Unreal",
        UNREAL_FROM_WORLD,
        lambda x, y, z: (100 * x, -100 * y, 100 * z),
        lambda a, b, c, d: (-a, b, -c, d),
    ),
]

ALL = [change for _, change, _, _ in TABLE]


@pytest.mark.parametrize(("change", "position", "rotation"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_conversion_is_that_of_the_table(change: AxisChange, position, rotation) -> None:
    np.testing.assert_allclose(change.positions(POINTS), [position(*point) for point in POINTS])
    np.testing.assert_allclose(change.rotations(QUATERNIONS), [rotation(*q) for q in QUATERNIONS])


@pytest.mark.parametrize("change", ALL)
def test_rotated_points_are_converted_points_rotated(change: AxisChange) -> None:
    # Quaternions mean the same formula in either handedness, so scipy may rotate on both sides.
    there = Rotation.from_quat(change.rotations(QUATERNIONS)).apply(change.positions(POINTS))
    here = change.positions(Rotation.from_quat(QUATERNIONS).apply(POINTS))
    np.testing.assert_allclose(there, here, atol=1e-9)


@pytest.mark.parametrize("change", ALL)
def test_way_back(change: AxisChange) -> None:
    np.testing.assert_allclose(change.inverse.positions(change.positions(POINTS)), POINTS)
    np.testing.assert_allclose(change.inverse.rotations(change.rotations(QUATERNIONS)), QUATERNIONS)


@pytest.mark.parametrize("change", ALL)
def test_products_of_rotations_are_kept(change: AxisChange) -> None:
    a, b = Rotation.from_quat(QUATERNIONS), Rotation.from_quat(QUATERNIONS[::-1])
    there = Rotation.from_quat(change.rotations(a.as_quat())) * Rotation.from_quat(change.rotations(b.as_quat()))
    np.testing.assert_allclose(
        there.as_matrix(), Rotation.from_quat(change.rotations((a * b).as_quat())).as_matrix(), atol=1e-12
    )


# The performer at rest, in the stage's world, as the design fixes it.
FACING, LEFT_HAND, UP = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


@pytest.mark.parametrize(
    ("change", "facing", "up", "right_handed"),
    [(UNITY_FROM_WORLD, Z, Y, False), (UNREAL_FROM_WORLD, Y, Z, False)],
    ids=["Unity", "Unreal"],
)
def test_performer_faces_forward_stands_up_and_keeps_left_and_right(
    change: AxisChange, facing: int, up: int, right_handed: bool
) -> None:
    forward, left, upward = (change.positions(v) / change.scale for v in (FACING, LEFT_HAND, UP))
    np.testing.assert_array_equal(forward, np.eye(3)[facing])
    np.testing.assert_array_equal(upward, np.eye(3)[up])
    # By the formula, up x forward is left in a right-handed and right in a left-handed frame.
    handed_left = np.cross(upward, forward) * (1 if right_handed else -1)
    np.testing.assert_array_equal(left, handed_left)


def test_a_turn_to_the_performers_left_turns_left_in_unity() -> None:
    quarter_left = Rotation.from_rotvec(UP * np.pi / 2)  # seen from above, counter-clockwise
    np.testing.assert_allclose(quarter_left.apply(FACING), LEFT_HAND, atol=1e-12)
    in_unity = Rotation.from_quat(UNITY_FROM_WORLD.rotations(quarter_left.as_quat()))
    np.testing.assert_allclose(in_unity.apply([0.0, 0.0, 1.0]), [-1.0, 0.0, 0.0], atol=1e-12)


def test_handedness() -> None:
    assert not UNITY_FROM_WORLD.keeps_handedness
    assert UNREAL_FROM_UNITY.keeps_handedness
    assert not UNREAL_FROM_WORLD.keeps_handedness
    assert not GODOT_FROM_UNITY.keeps_handedness


def test_precision_of_the_input_is_kept() -> None:
    assert UNITY_FROM_WORLD.positions(POINTS.astype(np.float32)).dtype == np.float32
    assert UNITY_FROM_WORLD.rotations(QUATERNIONS.astype(np.float32)).dtype == np.float32
