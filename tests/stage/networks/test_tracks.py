from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from protocols.names import BODY_LANDMARKS
from stage.networks.landmarks import Landmarks
from stage.networks.regions import Region
from stage.networks.tracks import (
    EXCHANGED_CONFIDENCE,
    OTHER_SIDE,
    SideVotes,
    Track,
    body_radius,
    comparable,
    distance,
    exchange_sides,
    sides_exchanged,
    without_outside,
)
from tests.stage.networks.scripted import body

REGION = Region(100.0, 100.0, 200.0, 200.0, 0.0)
points_3 = hnp.arrays(np.float32, (33, 3), elements=st.floats(0.0, 1.0, width=32))


def person(x: float = 300.0, confidence: float = 0.9, mirrored: bool = False) -> np.ndarray:
    points = np.full((33, 3), confidence, np.float32)
    points[:, :2] = body(x, 240.0, 120.0, mirrored)
    return points


def test_partners_are_each_others() -> None:
    assert (OTHER_SIDE[OTHER_SIDE] == np.arange(33)).all()
    assert BODY_LANDMARKS[OTHER_SIDE[BODY_LANDMARKS.index("left_wrist")]] == "right_wrist"
    assert OTHER_SIDE[0] == 0


@given(points_3, points_3)
def test_exchanging_sides_twice_is_the_same_person(points: np.ndarray, world: np.ndarray) -> None:
    once = exchange_sides(Landmarks(points, world, 0.9, REGION))
    twice = exchange_sides(once)
    np.testing.assert_array_equal(twice.points[:, :2], points[:, :2])
    np.testing.assert_allclose(twice.points[:, 2], points[:, 2] * EXCHANGED_CONFIDENCE**2, rtol=1e-5)
    assert twice.world is not None
    np.testing.assert_array_equal(twice.world, world)


def test_exchanged_sides_are_seen_and_only_those() -> None:
    expected = body(305.0, 238.0, 118.0)
    assert not sides_exchanged(person(), expected, body_radius(expected))
    assert sides_exchanged(person(mirrored=True), expected, body_radius(expected))


def test_of_somebody_seen_from_the_side_nothing_is_said() -> None:
    flat = person(mirrored=True)
    flat[:, 0] = 300.0 + 0.1 * (flat[:, 0] - 300.0)
    expected = body(300.0, 240.0, 120.0)
    expected[:, 0] = 300.0 + 0.1 * (expected[:, 0] - 300.0)
    assert not sides_exchanged(flat, expected, body_radius(expected))


def test_of_somebody_unseen_nothing_is_said() -> None:
    expected = body(300.0, 240.0, 120.0)
    assert not sides_exchanged(person(confidence=0.0, mirrored=True), expected, body_radius(expected))
    assert distance(person(confidence=0.0), expected, 1.0) == np.inf


@given(st.floats(-200.0, 200.0))
def test_distance_is_the_way_in_radii(way: float) -> None:
    expected = body(300.0, 240.0, 120.0)
    radius = body_radius(expected)
    np.testing.assert_allclose(distance(person(300.0 + way), expected, radius), abs(way) / radius, atol=1e-5)


def test_a_waving_hand_does_not_count() -> None:
    waving = person()
    waving[15:23, :2] += 300.0
    assert distance(waving, body(300.0, 240.0, 120.0), 120.0) < 0.01


def test_unclear_points_are_not_compared_if_there_are_others() -> None:
    points = person()
    points[:20, 2] = 0.1
    assert comparable(points).sum() == 13
    points[:, 2] = 0.1
    assert comparable(points).all()


@given(st.floats(-600.0, 600.0))
def test_no_point_outside_of_the_image_has_confidence(x: float) -> None:
    points = without_outside(person(x), 640, 480)
    assert (points[:, 2] > 0).tolist() == ((points[:, 0] > -0.5) & (points[:, 0] < 639.5)).tolist()


def test_a_steady_walk_is_foreseen() -> None:
    track = Track(REGION, number=0)
    for frame in range(12):
        track.move(
            Landmarks(person(100.0 + 5.0 * frame), None, 1.0, REGION._replace(x=100.0 + 5.0 * frame)), frame * 10
        )
    expected, region = track.expected_at(120)
    assert expected is not None
    np.testing.assert_allclose(expected[:, :2], body(160.0, 240.0, 120.0), atol=0.1)
    np.testing.assert_allclose(region.x, 160.0, atol=0.1)


def test_a_person_never_seen_is_expected_nowhere() -> None:
    assert Track(REGION).expected_at(100) == (None, REGION)


def test_votes_mend_a_minority_and_give_in_to_a_majority() -> None:
    votes = SideVotes()
    assert all(votes.exchanges(frame % 3 == 0) == (frame % 3 == 0) for frame in range(100))
    assert not [votes.exchanges(True) for _ in range(100)][-1]
    assert not any(votes.exchanges(False) for _ in range(100))
    assert votes.exchanges(True)
