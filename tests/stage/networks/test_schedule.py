from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stage.networks.schedule import EAGER_NS, EMPTY_PERIOD_NS, PERIOD_NS, DetectorSchedule


@given(st.integers(0, 20), st.integers(10_000_000, 100_000_000), st.booleans())
def test_cost_is_bounded(index: int, interval_ns: int, someone: bool) -> None:
    schedule = DetectorSchedule(index)
    frames = 10_000_000_000 // interval_ns
    looks = sum(schedule.is_due(frame * interval_ns, someone) for frame in range(frames))
    if someone:
        assert 1 <= looks <= 1 + 10_000_000_000 // PERIOD_NS
    else:
        assert looks <= 2 + EAGER_NS // interval_ns + 9_000_000_000 // EMPTY_PERIOD_NS


def test_every_frame_of_a_camera_just_emptied_is_looked_at() -> None:
    schedule = DetectorSchedule(0)
    assert schedule.is_due(0, someone=True)
    assert not schedule.is_due(100_000_000, someone=True)
    assert schedule.is_due(110_000_000, someone=False)
    assert schedule.is_due(120_000_000, someone=False)


def test_after_a_rest_the_next_look_is_a_period_away() -> None:
    schedule = DetectorSchedule(0)
    schedule.rest(0)
    assert not schedule.is_due(PERIOD_NS - 1, someone=True)
    assert schedule.is_due(PERIOD_NS, someone=True)
