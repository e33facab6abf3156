from __future__ import annotations

import pytest

from stage.networks.turns import Rota, Turns, hand_hold

PERIOD_NS = 33_333_333


def test_turns_alternate() -> None:
    turns = Turns(PERIOD_NS)
    assert [turns.at(k * PERIOD_NS) for k in range(6)] == [0, 1, 0, 1, 0, 1]


def test_cameras_of_one_instant_have_the_same_turn() -> None:
    turns = Turns(PERIOD_NS)
    for k in range(5):
        spread = [turns.at(k * PERIOD_NS + late) for late in (0, 4_000_000, -5_000_000, 12_000_000)]
        assert len(set(spread)) == 1


def test_a_late_frame_belongs_to_the_instant_before() -> None:
    turns = Turns(PERIOD_NS)
    first = turns.at(0)
    assert turns.at(PERIOD_NS) != first
    assert turns.at(2_000_000) == first
    assert turns.at(PERIOD_NS + 1_000_000) != first


def test_time_that_starts_anew_is_followed() -> None:
    turns = Turns(PERIOD_NS)
    turns.at(100 * PERIOD_NS)
    assert [turns.at(k * PERIOD_NS) for k in range(4)] in ([0, 1, 0, 1], [1, 0, 1, 0])


def test_of_four_cameras_three_are_read_and_each_rests_in_turn() -> None:
    cameras = ["a", "b", "c", "d"]
    rota = Rota(cameras, 3, PERIOD_NS)
    resting = [[camera for camera in cameras if rota.rests(camera, k * PERIOD_NS)] for k in range(8)]
    assert resting == [["a"], ["b"], ["c"], ["d"]] * 2


def test_no_camera_rests_when_all_are_read() -> None:
    for views in (0, 2, 5):
        rota = Rota(["a", "b"], views, PERIOD_NS)
        assert not any(rota.rests(camera, k * PERIOD_NS) for k in range(4) for camera in ("a", "b"))


@pytest.mark.parametrize(("cameras", "views"), [(2, 1), (3, 2), (4, 1), (4, 2), (4, 3), (6, 3), (6, 4), (8, 4)])
def test_each_hand_meets_every_camera(cameras: int, views: int) -> None:
    names = [str(k) for k in range(cameras)]
    rota, hold = Rota(names, views, PERIOD_NS), hand_hold(cameras, views)
    hands = Turns(PERIOD_NS, 2 * hold)
    met: dict[int, set[str]] = {0: set(), 1: set()}
    for k in range(4 * cameras):
        side = hands.at(k * PERIOD_NS) // hold
        met[side] |= {name for name in names if not rota.rests(name, k * PERIOD_NS)}
    assert met == {0: set(names), 1: set(names)}
