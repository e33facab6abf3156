"""Frames of an export begin where frames of the take's timecode do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.show import TimecodeSync
from protocols.timecode import NS_PER_S, FrameRate, Timecode
from stage.errors import ExportError
from stage.export._grid import MAX_FRAMES, frame_grid, hertz, parse_rate, snapped
from stage.timecode import Follower

BEGAN_NS = 1_760_000_000_123_456_789
RATES = ("23.976", "24", "25", "29.97", "29.97df", "30", "50", "59.94df", "60")


def counted(rate: FrameRate, ahead_ns: int) -> Callable[[int], Timecode | None]:
    """A timecode that is even."""
    return lambda time_ns: Timecode.at(time_ns - BEGAN_NS + ahead_ns, rate)


@settings(max_examples=60)
@given(
    st.sampled_from(RATES),
    st.integers(0, 20 * 3600 * NS_PER_S),
    st.integers(0, NS_PER_S),
    st.integers(0, 3 * NS_PER_S),
)
def test_at_its_own_rate_every_frame_is_one_of_the_timecode(
    text: str, ahead_ns: int, begin_ns: int, length_ns: int
) -> None:
    rate = FrameRate.parse(text)
    timecode = counted(rate, ahead_ns)
    span = BEGAN_NS + begin_ns, BEGAN_NS + begin_ns + length_ns
    times = frame_grid(span, rate, timecode)
    told = [snapped(timecode(int(time_ns))) for time_ns in times]
    if length_ns * hertz(rate) >= NS_PER_S:
        assert all(moment is not None and moment.subframe == 0.0 for moment in told)
        assert times[0] >= span[0] - 1000
    frames = [moment.frame for moment in told if moment is not None]
    assert frames == list(range(frames[0], frames[0] + len(times)))
    assert times[-1] <= span[1] + 1000
    assert abs(len(times) - length_ns * hertz(rate) / NS_PER_S) <= 1.01


@settings(max_examples=40)
@given(st.sampled_from(RATES), st.sampled_from(RATES), st.integers(0, 20 * 3600 * NS_PER_S))
def test_at_another_rate_frames_are_even_and_meet_the_timecode_where_they_can(
    text: str, other: str, ahead_ns: int
) -> None:
    rate, own = FrameRate.parse(text), FrameRate.parse(other)
    timecode = counted(own, ahead_ns)
    times = frame_grid((BEGAN_NS, BEGAN_NS + 2 * NS_PER_S), rate, timecode)
    assert abs(np.diff(times) - NS_PER_S / hertz(rate)).max() < 3
    ratio = hertz(rate) / hertz(own)
    if ratio == round(ratio):
        told = [snapped(timecode(int(time_ns))) for time_ns in times]
        met = [moment for moment in told if moment is not None and moment.subframe == 0.0]
        assert abs(len(met) - len(times) / ratio) <= 1


def test_a_followed_timecode_keeps_every_frame_on_a_boundary() -> None:
    rate, follower = FrameRate.parse("25"), Follower(FrameRate.parse("25"))
    random = np.random.default_rng(4)
    heard = {}
    for second in range(40):  # its clock runs 200 ppm fast, and its words come late by up to 5 ms
        at_ns = BEGAN_NS + round(second * NS_PER_S / 1.0002) + int(random.integers(0, 5_000_000))
        follower.hear(TimecodeSync(at_ns, f"10:00:{second:02}:00", "test"))
        heard[at_ns] = follower.at(at_ns)
    begins = sorted(heard)

    def timecode(time_ns: int) -> Timecode | None:
        at_ns = begins[max(0, np.searchsorted(begins, time_ns, side="right") - 1)]
        moment = heard[at_ns]
        assert moment is not None
        at = rate.begin_ns(moment.frame) + moment.subframe * NS_PER_S / 25
        return Timecode.at(round(at + time_ns - at_ns), rate)

    times = frame_grid((BEGAN_NS, BEGAN_NS + 30 * NS_PER_S), rate, timecode)
    told = [timecode(int(time_ns)) for time_ns in times]
    apart = [min(moment.subframe, 1 - moment.subframe) for moment in told if moment is not None]
    assert np.diff(times).min() > 0
    assert np.median(apart) < 1e-3
    assert np.mean(np.array(apart) < 1e-3) > 0.95  # where a word moves the count, the next frame moves too


def test_a_jump_of_the_timecode_changes_labels_not_order() -> None:
    rate = FrameRate.parse("30")
    late = BEGAN_NS + NS_PER_S

    def timecode(time_ns: int) -> Timecode:
        return Timecode.at(time_ns - BEGAN_NS + (0 if time_ns < late else 3600 * NS_PER_S + 10_000_000), rate)

    times = frame_grid((BEGAN_NS, BEGAN_NS + 2 * NS_PER_S), rate, timecode)
    assert np.diff(times).min() > 0.4 * NS_PER_S / 30
    assert np.diff(times).max() < 1.6 * NS_PER_S / 30
    assert all((moment := snapped(timecode(int(at)))) is not None and moment.subframe == 0 for at in times[40:])


def test_without_a_timecode_frames_begin_with_the_span() -> None:
    times = frame_grid((BEGAN_NS, BEGAN_NS + NS_PER_S), FrameRate(30, 1), lambda _: None)
    np.testing.assert_array_equal(times, BEGAN_NS + np.round(np.arange(31) * 1e9 / 30).astype(np.int64))


def test_a_span_between_two_frames_has_one() -> None:
    assert len(frame_grid((BEGAN_NS, BEGAN_NS + 1000), FrameRate(30, 1), counted(FrameRate(30, 1), 7_000_000))) == 1


@pytest.mark.parametrize(
    ("text", "rate"),
    [("30", (30, 1)), ("29.97", (30000, 1001)), ("23.976", (24000, 1001)), ("120", (120, 1)), ("12.5", (25, 2))],
)
def test_rates_are_read_as_people_write_them(text: str, rate: tuple[int, int]) -> None:
    assert parse_rate(text)[:2] == rate


@given(st.text(max_size=12) | st.floats().map(str) | st.sampled_from(("0", "-30", "1e9", "1/0", "nan", "inf", "30fps")))
def test_what_is_no_rate_is_refused(text: str) -> None:
    try:
        assert 1 <= hertz(parse_rate(text)) <= 1000
    except ExportError as error:
        assert "--rate" in str(error)


def test_more_frames_than_any_take_has_are_refused() -> None:
    with pytest.raises(ExportError, match="give --from and --to"):
        frame_grid((0, (MAX_FRAMES + 10) * NS_PER_S), FrameRate(1, 1), lambda _: None)
