from __future__ import annotations

import pytest

from protocols.errors import TakeError
from protocols.timecode import NS_PER_S, FrameRate
from stage.takes.moments import chosen_span
from stage.takes.recorded_timecode import RecordedTimecode
from stage.timecode import Count

BEGAN_NS = 1_700_000_000 * NS_PER_S
SPAN_NS = (BEGAN_NS, BEGAN_NS + 10 * NS_PER_S)
RATE = FrameRate.parse("30")
TIMECODE = RecordedTimecode(RATE, [Count(BEGAN_NS, 36_000 * NS_PER_S)], [BEGAN_NS])


def test_moments_are_seconds_or_timecode_and_without_any_it_is_the_whole_take() -> None:
    assert chosen_span("", "", SPAN_NS, TIMECODE) == SPAN_NS
    assert chosen_span("2.5", "10", SPAN_NS, TIMECODE) == (BEGAN_NS + 2_500_000_000, SPAN_NS[1])
    begin_ns, end_ns = chosen_span("10:00:01:15", "10:00:02:00", SPAN_NS, TIMECODE)
    assert begin_ns - BEGAN_NS == pytest.approx(1.5 * NS_PER_S, abs=1000)
    assert end_ns - BEGAN_NS == pytest.approx(2 * NS_PER_S, abs=1000)


@pytest.mark.parametrize(
    ("begin", "end", "message"),
    [
        ("soon", "", "--from .*is no moment"),
        ("", "nan", "--to .*is no moment"),
        ("1e400", "", "is no moment"),
        ("", "-1", "goes from 0 to 10.00 s"),
        ("10.1", "", "goes from 0 to 10.00 s"),
        ("09:00:00:00", "", "goes from 10:00:00:00 to 10:00:10:00"),
        ("10:00:00:77", "", "or give seconds"),
        ("3", "10:00:02:00", "is after --to"),
    ],
)
def test_what_is_not_in_the_take_is_refused_with_the_facts(begin: str, end: str, message: str) -> None:
    with pytest.raises(TakeError, match=message):
        chosen_span(begin, end, SPAN_NS, TIMECODE)


def test_a_take_without_timecode_says_so() -> None:
    with pytest.raises(TakeError, match="it has no timecode; give seconds"):
        chosen_span("10:00:00:00", "", SPAN_NS, RecordedTimecode(RATE))
