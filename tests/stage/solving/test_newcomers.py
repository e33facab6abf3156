from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stage.solving.newcomers import SINGLE_VIEW_PATIENCE_S, SINGLE_VIEW_SCORE, Newcomers
from stage.solving.people import Person

SECOND_NS = 1_000_000_000


class Track:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.begun: list[list[Person]] = []
        self.missed = 0

    def begin(self, people: list[Person], triangulated: object, capture_ns: int) -> None:
        assert triangulated is None
        self.begun.append(people)

    def miss(self, capture_ns: int) -> None:
        self.missed += 1


def person(size: float = 1.0, score: float = 0.9, *, world: bool = True) -> Person:
    image = size * np.stack([np.arange(33) % 5, np.arange(33) // 5], 1).astype(np.float64)
    return Person(0, image, np.full(33, 0.9), np.zeros((33, 3)) if world else None, score)


def newcomers(cameras: int) -> Newcomers:
    rig: Any = SimpleNamespace(ids=tuple(f"camera{number}" for number in range(cameras)))
    return Newcomers(rig)


@pytest.mark.parametrize("cameras", [1, 3])
def test_whom_one_camera_sees_is_followed_after_a_while_if_there_are_others(cameras: int) -> None:
    track: Any = Track()
    found, wait_ns = newcomers(cameras), round(SINGLE_VIEW_PATIENCE_S * SECOND_NS)
    for at_ns in (0, wait_ns - 1):
        found.look_for(track, [person()], set(), 1 + at_ns)
    assert len(track.begun) == (0 if cameras > 1 else 2)
    found.look_for(track, [person()], set(), 1 + wait_ns)
    assert len(track.begun) == (1 if cameras > 1 else 3)


def test_a_pause_begins_the_wait_anew() -> None:
    track: Any = Track()
    found = newcomers(2)
    found.look_for(track, [person()], set(), 1)
    found.look_for(track, [], set(), 2)
    found.look_for(track, [person()], set(), 1 + round(SINGLE_VIEW_PATIENCE_S * SECOND_NS))
    assert track.begun == [] and track.missed == 3


def test_the_largest_that_is_free_and_sure_is_followed() -> None:
    track: Any = Track()
    people = [person(4.0), person(3.0, SINGLE_VIEW_SCORE), person(2.0, world=False), person(1.0), person(1.5)]
    taken = {0}
    newcomers(1).look_for(track, people, taken, 1)
    assert track.begun == [[people[4]]] and taken == {0, 4}
