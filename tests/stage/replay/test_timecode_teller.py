"""The stage that is told has the timecode of the take, from the first frame after anything on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.timecode import NS_PER_S
from stage.config import TimecodeSection
from stage.replay.timecode_teller import TimecodeTeller
from stage.takes.recorded_timecode import RecordedTimecode
from stage.timecode import TimecodeClock

THEN_NS = 1_700_006_400 * NS_PER_S  # midnight
NOW_NS = 1_800_000_000 * NS_PER_S


def told(rate: Any) -> tuple[TimecodeClock, TimecodeTeller, TimecodeClock]:
    """What the take has, who tells, and who is told."""
    recorded = TimecodeClock(TimecodeSection(rate=rate, zone="utc"), THEN_NS)
    teller = TimecodeTeller(RecordedTimecode(recorded.rate, [recorded], [THEN_NS]))
    return recorded, teller, TimecodeClock(TimecodeSection(rate=rate, source="network"), NOW_NS)


@pytest.mark.parametrize("rate", ["25", "29.97df", "59.94", "60"])
@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-60 * NS_PER_S, 60 * NS_PER_S), st.sampled_from([0.0, 0.5, 1.0, 1.0, 4.0])), max_size=20
    )
)
def test_right_from_the_first_frame_on(rate: str, places: list[tuple[int, float]]) -> None:
    recorded, teller, stage = told(rate)
    now_ns = NOW_NS
    for offset_ns, speed in places:
        for frame in range(3):
            then_ns = THEN_NS + offset_ns + round(frame * 33_333_333 * speed)
            now_ns += 33_333_333
            if (sync := teller.before(then_ns, now_ns, speed)) is not None:
                assert stage.sync(sync)
            said, was = stage.at(now_ns), recorded.at(then_ns)
            assert said is not None and was is not None
            apart = (said.frame + said.subframe - was.frame - was.subframe) % stage.rate.frames_per_day
            assert min(apart, stage.rate.frames_per_day - apart) < 0.002


def test_it_speaks_once_a_second_while_nothing_happens() -> None:
    _, teller, _ = told("30")
    frames = [teller.before(THEN_NS + n * 10_000_000, NOW_NS + n * 10_000_000, 1.0) for n in range(1_000)]
    assert sum(sync is not None for sync in frames) == 10


def test_without_a_timecode_it_is_silent() -> None:
    recorded, _, _ = told("30")
    assert TimecodeTeller(RecordedTimecode(recorded.rate)).before(THEN_NS, NOW_NS, 1.0) is None
