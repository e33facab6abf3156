from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.clock import CLOCK_FILE, ClockFile, StageClock, read_clock, write_clock
from protocols.errors import ProtocolError


def test_a_new_clock_reads_as_unix_time() -> None:
    before_ns = time.time_ns()
    now_ns = StageClock.start().now_ns()
    assert before_ns - 1_000_000 <= now_ns <= time.time_ns() + 1_000_000


def test_stage_time_never_goes_back() -> None:
    clock = StageClock.start()
    moments = [clock.now_ns() for _ in range(1000)]
    assert moments == sorted(moments)


def test_clocks_of_one_offset_agree() -> None:
    clock = StageClock.start()
    copy = StageClock(clock.offset_ns)
    first, second, third = clock.now_ns(), copy.now_ns(), clock.now_ns()
    assert first <= second <= third
    assert clock.from_monotonic_ns(5) == clock.offset_ns + 5


@given(st.builds(ClockFile, *[st.integers(-(2**63), 2**63 - 1)] * 3, st.booleans()))
def test_the_file_round_trips(tmp_path_factory: pytest.TempPathFactory, clock: ClockFile) -> None:
    run_dir = tmp_path_factory.mktemp("run")
    write_clock(run_dir, clock)
    assert read_clock(run_dir) == clock
    assert read_clock(run_dir).clock == StageClock(clock.offset_ns)
    assert [path.name for path in run_dir.iterdir()] == [CLOCK_FILE]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match=CLOCK_FILE):
        read_clock(tmp_path)


@given(st.binary(max_size=60))
def test_any_other_content_is_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    run_dir = tmp_path_factory.mktemp("run")
    (run_dir / CLOCK_FILE).write_bytes(content)
    with pytest.raises(ProtocolError, match="not a clock file"):
        read_clock(run_dir)
