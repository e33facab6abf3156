"""Timecode: laws of the labels, and an independent library."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.timecode import NS_PER_S, FrameRate, Timecode, TimecodeError

RATES = ("23.976", "24", "25", "29.97", "29.97df", "30", "50", "59.94", "59.94df", "60")
rates = st.sampled_from([FrameRate.parse(text) for text in RATES])
DAY_NS = 24 * 60 * 60 * NS_PER_S


def code(frame: int, rate: FrameRate) -> Timecode:
    return Timecode(frame, 0.0, rate)


@pytest.mark.parametrize(
    ("rate", "fraction", "nominal", "frames"),
    [
        ("23.976", (24000, 1001), 24, 2_073_600),
        ("25", (25, 1), 25, 2_160_000),
        ("29.97", (30000, 1001), 30, 2_592_000),
        ("29.97df", (30000, 1001), 30, 2_589_408),
        ("59.94df", (60000, 1001), 60, 5_178_816),
        ("60", (60, 1), 60, 5_184_000),
    ],
)
def test_rates(rate: str, fraction: tuple[int, int], nominal: int, frames: int) -> None:
    parsed = FrameRate.parse(rate)
    assert (parsed.numerator, parsed.denominator) == fraction
    assert (parsed.nominal, parsed.frames_per_day) == (nominal, frames)


@pytest.mark.parametrize("text", RATES)
def test_a_rate_is_written_as_it_is_read(text: str) -> None:
    assert FrameRate.parse(text).text == text


def test_other_spellings() -> None:
    assert FrameRate.parse("23.98") == FrameRate.parse("23.976")
    assert FrameRate.parse("29.97NDF") == FrameRate.parse("29.97")


@pytest.mark.parametrize("text", ["", "12", "30df", "25df", "df", "29.97dfdf", "nan"])
def test_no_rate(text: str) -> None:
    with pytest.raises(TimecodeError, match="no timecode rate"):
        FrameRate.parse(text)


@given(rates, st.data())
def test_labels_are_read_as_they_are_written(rate: FrameRate, data: st.DataObject) -> None:
    frame = data.draw(st.integers(0, rate.frames_per_day - 1))
    assert Timecode.parse(code(frame, rate).text, rate) == code(frame, rate)


@given(rates, st.data())
def test_labels_grow_with_the_frames(rate: FrameRate, data: st.DataObject) -> None:
    frame = data.draw(st.integers(0, rate.frames_per_day - 2))
    assert code(frame, rate).text < code(frame + 1, rate).text  # same width, and ":" or ";" throughout


@given(rates, st.integers(0, 10**8))
def test_a_day_of_labels_starts_again(rate: FrameRate, frame: int) -> None:
    assert code(frame, rate).text == code(frame + rate.frames_per_day, rate).text
    assert code(frame, rate).plus(rate.frames_per_day).frame == frame % rate.frames_per_day


@given(rates.filter(lambda rate: rate.drop), st.data())
def test_drop_frame_leaves_out_the_first_labels_of_minutes(rate: FrameRate, data: st.DataObject) -> None:
    text = code(data.draw(st.integers(0, rate.frames_per_day - 1)), rate).text
    minute, second, frame = int(text[3:5]), int(text[6:8]), int(text[9:])
    assert not (second == 0 and frame < rate.dropped_per_minute and minute % 10 != 0)


@pytest.mark.parametrize("rate", ["29.97df", "59.94df"])
def test_drop_frame_keeps_to_the_clock_on_the_wall(rate: str) -> None:
    parsed = FrameRate.parse(rate)
    for minutes in range(0, 1440, 10):
        frame = Timecode.parse(f"{minutes // 60:02}:{minutes % 60:02}:00;00", parsed).frame
        assert abs(parsed.begin_ns(frame) - minutes * 60 * NS_PER_S) < 0.1 * NS_PER_S
    first = Timecode.parse(f"00:01:00;{parsed.dropped_per_minute:02}", parsed)
    assert code(first.frame - 1, parsed).text == f"00:00:59;{parsed.nominal - 1}"


def test_without_drop_frame_labels_lag_by_3_6_seconds_an_hour() -> None:
    rate = FrameRate.parse("29.97")
    assert Timecode.at(3600 * NS_PER_S, rate).text == "00:59:56:12"


@given(rates, st.integers(0, DAY_NS - 1))
def test_moments(rate: FrameRate, time_ns: int) -> None:
    moment = Timecode.at(time_ns, rate)
    assert 0.0 <= moment.subframe < 1.0
    frames = Fraction(time_ns * rate.numerator, rate.denominator * NS_PER_S)
    assert (frames - moment.frame) % rate.frames_per_day == pytest.approx(moment.subframe)


@given(rates, st.data())
def test_a_frame_begins_in_itself(rate: FrameRate, data: st.DataObject) -> None:
    frame = data.draw(st.integers(0, rate.frames_per_day - 1))
    assert Timecode.at(rate.begin_ns(frame), rate).frame == frame
    assert Timecode.at(rate.begin_ns(frame) - 1, rate).frame == (frame - 1) % rate.frames_per_day


@pytest.mark.parametrize(
    ("text", "rate", "fault"),
    [
        ("", "25", "is no timecode"),
        ("1:2:3:4", "25", "is no timecode"),
        ("00:00:60:00", "25", "is no timecode"),
        ("00:00:00:00 x", "25", "is no timecode"),
        ("٠٠:٠٠:٠٠:٠٠", "25", "is no timecode"),
        ("24:00:00:00", "25", "up to 23:59:59:24"),
        ("00:00:00:25", "25", "up to 23:59:59:24"),
        ("00:00:00;00", "29.97", "drop-frame, and 29.97 is not"),
        ("00:01:00;01", "29.97df", "leaves this label out"),
        ("00:01:00:03", "59.94df", "leaves this label out"),
    ],
)
def test_no_label(text: str, rate: str, fault: str) -> None:
    with pytest.raises(TimecodeError, match=fault):
        Timecode.parse(text, FrameRate.parse(rate))


def test_drop_frame_is_also_read_with_a_colon() -> None:
    rate = FrameRate.parse("29.97df")
    assert Timecode.parse("10:00:00:00", rate).text == "10:00:00;00"


@given(st.text(max_size=40), rates)
def test_any_text_is_a_label_or_refused(text: str, rate: FrameRate) -> None:
    try:
        parsed = Timecode.parse(text, rate)
    except TimecodeError:
        return
    assert 0 <= parsed.frame < rate.frames_per_day


PEER_RATES = [("23.976", False), ("24", False), ("25", False), ("30", False), ("50", False), ("60", False)]
PEER_RATES += [("29.97", False), ("29.97", True), ("59.94", False), ("59.94", True)]


@pytest.mark.parametrize(("name", "drop"), PEER_RATES)
def test_an_independent_library_agrees(name: str, drop: bool) -> None:
    peer = pytest.importorskip("timecode")  # counts frames from 1, and takes 29.97 and 59.94 for drop-frame
    rate = FrameRate.parse(f"{name}df" if drop else name)
    for frame in (*range(0, 40_000, 97), *range(0, rate.frames_per_day, 49_999), rate.frames_per_day - 1):
        theirs = peer.Timecode(name, frames=frame + 1, force_non_drop_frame=not drop)
        assert str(theirs) == code(frame, rate).text
        assert theirs.frame_number == frame
