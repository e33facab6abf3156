"""The stage's timecode: of the day, of the start, and as a timecode machine tells it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.show import TimecodeSync
from protocols.timecode import NS_PER_S, FrameRate, Timecode
from stage.config import TimecodeSection
from stage.timecode import LOST_NS, TimecodeClock

EPOCH_NS = 1_700_000_000 * NS_PER_S  # 2023-11-14 22:13:20 UTC
MIDNIGHT_NS = 1_700_006_400 * NS_PER_S
HOUR_NS = 3600 * NS_PER_S


def clock(**options: Any) -> TimecodeClock:
    return TimecodeClock(TimecodeSection(**{"zone": "utc", "rate": "25", **options}), EPOCH_NS)


def text(clock: TimecodeClock, time_ns: int) -> str:
    moment = clock.at(time_ns)
    assert moment is not None
    return moment.text


# -- time of day ------------------------------------------------------------------------------------------------------


def test_time_of_day() -> None:
    assert text(clock(), EPOCH_NS) == "22:13:20:00"
    assert text(clock(), EPOCH_NS + NS_PER_S // 2) == "22:13:20:12"
    assert text(clock(offset="02:00:00:05"), EPOCH_NS) == "00:13:20:05"  # over midnight
    assert text(clock(rate="29.97df"), EPOCH_NS)[:8] == "22:13:20"  # drop-frame keeps to the clock on the wall


def test_frames_since_midnight_are_real_ones() -> None:
    moment = clock(rate="29.97").at(EPOCH_NS)
    assert moment is not None
    seconds = 22 * 3600 + 13 * 60 + 20
    assert moment.frame == seconds * 30000 // 1001
    assert moment.text == "22:12:00:02"


@pytest.mark.parametrize("rate", ["23.976", "25", "29.97", "29.97df", "59.94df", "60"])
def test_it_starts_anew_at_midnight(rate: str) -> None:
    assert text(clock(rate=rate), MIDNIGHT_NS).replace(";", ":") == "00:00:00:00"


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two hours before UTC in summer, one in winter."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_local_time_is_that_of_the_start(zone: None) -> None:
    local = clock(zone="local")
    assert text(local, EPOCH_NS) == "23:13:20:00"
    summer_ns = EPOCH_NS + 200 * 24 * HOUR_NS
    assert text(local, summer_ns) == "23:13:20:00"  # no jump by an hour while it runs
    assert text(TimecodeClock(TimecodeSection(rate="25"), summer_ns), summer_ns) == "00:13:20:00"


# -- from the start ---------------------------------------------------------------------------------------------------


def test_from_the_start() -> None:
    started = clock(source="start", offset="01:00:00:00", rate="24")
    assert text(started, EPOCH_NS) == "01:00:00:00"
    assert text(started, EPOCH_NS + 10 * NS_PER_S) == "01:00:10:00"
    assert text(started, EPOCH_NS + 23 * HOUR_NS) == "00:00:00:00"


@given(st.sampled_from(["day", "start"]), st.sampled_from(["23.976", "29.97df", "50", "60"]), st.integers(0, HOUR_NS))
def test_time_and_timecode_go_forward_together(source: str, rate: str, later_ns: int) -> None:
    counter = clock(source=source, rate=rate)
    first, later = counter.at(EPOCH_NS), counter.at(EPOCH_NS + later_ns)
    assert first is not None and later is not None
    passed = (later.frame + later.subframe) - (first.frame + first.subframe)
    assert passed * later.rate.denominator / later.rate.numerator == pytest.approx(later_ns / NS_PER_S, abs=1e-4)


# -- from a timecode machine ------------------------------------------------------------------------------------------


def feed(
    follower: TimecodeClock,
    frames: range,
    *,
    begin_ns: int = EPOCH_NS,
    drift: float = 0.0,
    jitter_s: float = 0.0,
    first: int | None = None,
) -> int:
    """Samples of a machine whose frame `first` begins at `begin_ns`; returns the time behind the last."""
    rate = follower.rate
    rng = np.random.default_rng(1)
    first = frames.start if first is None else first
    at_ns = begin_ns
    for frame in frames:
        at_ns = begin_ns + round(rate.begin_ns(frame - first) * (1.0 + drift))
        late_ns = round(rng.exponential(jitter_s) * NS_PER_S) if jitter_s > 0.0 else 0
        follower.sync(TimecodeSync(at_ns + late_ns, Timecode(frame, 0.0, rate).text, "test"))
    return at_ns


def seconds(follower: TimecodeClock, time_ns: int) -> float:
    moment = follower.at(time_ns)
    assert moment is not None
    return (moment.frame + moment.subframe) * moment.rate.denominator / moment.rate.numerator


def test_silence_is_no_timecode() -> None:
    follower = clock(source="network")
    assert follower.at(EPOCH_NS) is None
    assert "no timecode has come" in follower.fault(EPOCH_NS)


@pytest.mark.parametrize("rate", ["23.976", "25", "29.97df", "60"])
def test_it_runs_on_between_samples_and_without_them(rate: str) -> None:
    follower = clock(source="network", rate=rate)
    start = Timecode.parse("10:00:00:00", follower.rate).frame
    last_ns = feed(follower, range(start, start + 50))
    assert text(follower, EPOCH_NS).replace(";", ":") == "10:00:00:00"
    later = follower.at(EPOCH_NS + follower.rate.begin_ns(500))
    assert later is not None
    assert later.frame == start + 500
    assert follower.fault(last_ns + LOST_NS) == ""
    assert "runs on alone" in follower.fault(last_ns + LOST_NS + 1)


def test_slow_drift_is_followed() -> None:
    follower = clock(source="network")
    end_ns = feed(follower, range(90_000, 90_000 + 25 * 600), drift=1e-4)  # 60 ms within ten minutes
    assert seconds(follower, end_ns) == pytest.approx((90_000 + 25 * 600 - 1) / 25, abs=0.001)


def test_late_samples_are_averaged() -> None:
    follower = clock(source="network")
    end_ns = feed(follower, range(90_000, 93_000), jitter_s=0.004)
    assert seconds(follower, end_ns) == pytest.approx(92_999 / 25 - 0.004, abs=0.003)


def test_single_strays_change_nothing() -> None:
    follower = clock(source="network")
    at_ns = feed(follower, range(90_000, 90_100))
    before = seconds(follower, at_ns)
    for stray in ("23:00:00:00", "00:00:00:00", "01:00:09:24"):
        assert not follower.sync(TimecodeSync(at_ns, stray, "test"))
        assert seconds(follower, at_ns) == before
    feed(follower, range(90_100, 90_200), begin_ns=EPOCH_NS + 4 * NS_PER_S)
    assert seconds(follower, EPOCH_NS + 4 * NS_PER_S) == pytest.approx(90_100 / 25, abs=1e-6)


def test_a_real_jump_is_followed_after_three_samples() -> None:
    follower = clock(source="network")
    at_ns = feed(follower, range(90_000, 90_100))
    believed = [
        follower.sync(TimecodeSync(at_ns + follower.rate.begin_ns(n), f"20:00:00:{n:02}", "test")) for n in (1, 2, 3, 4)
    ]
    assert believed == [False, False, True, True]
    assert text(follower, at_ns + follower.rate.begin_ns(10)) == "20:00:00:10"


def test_a_machine_that_stands_still_is_lost_and_the_count_runs_on() -> None:
    follower = clock(source="network")
    at_ns = feed(follower, range(90_000, 90_100))
    for step in range(1, 200):
        assert not follower.sync(TimecodeSync(at_ns + step * 40_000_000, Timecode(90_099, 0, follower.rate).text, "t"))
    assert "runs on alone" in follower.fault(at_ns + 199 * 40_000_000)
    assert seconds(follower, at_ns + NS_PER_S) == pytest.approx(90_099 / 25 + 1.0)


def test_midnight_is_no_jump() -> None:
    follower = clock(source="network")
    last = follower.rate.frames_per_day
    end_ns = feed(follower, range(last - 100, last))
    assert follower.sync(TimecodeSync(end_ns + follower.rate.begin_ns(1), "00:00:00:00", "test"))
    assert text(follower, end_ns + follower.rate.begin_ns(6)) == "00:00:00:05"


@pytest.mark.parametrize("wrong", ["", "nonsense", "10:00:00:29", "10:00:00;00"])
def test_labels_of_another_rate_are_not_believed(wrong: str) -> None:
    follower = clock(source="network")
    assert not follower.sync(TimecodeSync(EPOCH_NS, wrong, "test"))
    assert follower.at(EPOCH_NS) is None


@given(st.lists(st.tuples(st.integers(0, HOUR_NS), st.integers(0, 2_159_999)), max_size=30), st.integers(0, HOUR_NS))
def test_whatever_a_machine_says_the_timecode_is_one(samples: list[tuple[int, int]], at_ns: int) -> None:
    follower = clock(source="network")
    for sample_ns, frame in samples:
        follower.sync(TimecodeSync(sample_ns, Timecode(frame, 0.0, follower.rate).text, "test"))
    moment = follower.at(at_ns)
    assert (moment is None) == (len(samples) == 0)
    if moment is not None:
        assert 0 <= moment.frame < FrameRate.parse("25").frames_per_day
        assert 0.0 <= moment.subframe < 1.0


# -- set by a replay --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", [0.0, 0.5, 1.0, 4.0])
def test_a_replay_sets_it_at_once(speed: float) -> None:
    follower = clock(source="network")
    follower.sync(TimecodeSync(EPOCH_NS, "03:00:00:00", "ltc"))
    assert follower.sync(TimecodeSync(EPOCH_NS, "20:00:00:05", "take", speed, 10_000_000))
    for later_ns in (0, 1, 777_777_777):
        moment = follower.at(EPOCH_NS + later_ns)
        into_ns = (20 * 3600) * NS_PER_S + 210_000_000 + round(later_ns * speed)
        assert moment == Timecode.at(into_ns, follower.rate)
