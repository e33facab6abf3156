from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stage.cameras.arrival import ArrivalClock

FRAME_NS = 33_333_333
MS = 1_000_000


@given(st.lists(st.integers(0, 200 * MS), min_size=2, max_size=100), st.integers(-(10**15), 10**15))
def test_never_later_than_arrival_and_as_regular_as_the_stamps(jitter_ns: list[int], start_ns: int) -> None:
    clock = ArrivalClock()
    captures = []
    for number, late_ns in enumerate(jitter_ns):
        stamp_ns = number * FRAME_NS
        arrival_ns = start_ns + stamp_ns + late_ns
        captures.append(clock.capture_ns(stamp_ns, arrival_ns) - stamp_ns - start_ns)
        assert captures[-1] <= late_ns
    # The offset settles at the fastest way seen so far, but for the drift that is allowed.
    drift_ns = 0.001 * len(jitter_ns) * FRAME_NS + 200e-6 * 200 * MS
    fastest = np.minimum.accumulate(jitter_ns)
    assert (np.abs(np.array(captures) - fastest) <= drift_ns + 1).all()


def test_a_stream_that_falls_behind_shows_its_age() -> None:
    clock = ArrivalClock()
    arrival_ns = capture_ns = 0
    for number in range(100):
        arrival_ns = number * FRAME_NS + number * 10 * MS  # 10 ms later with every frame
        capture_ns = clock.capture_ns(number * FRAME_NS, arrival_ns)
    assert arrival_ns - capture_ns > 0.95 * 99 * 10 * MS


def test_a_camera_whose_clock_is_slow_is_followed() -> None:
    clock = ArrivalClock()
    arrival_ns = capture_ns = 0
    for number in range(30 * 600):  # ten minutes at 100 ppm
        arrival_ns = round(number * FRAME_NS * 1.0001) + 5 * MS
        capture_ns = clock.capture_ns(number * FRAME_NS, arrival_ns)
    assert arrival_ns - capture_ns < 1 * MS


def test_a_clock_that_is_set_anew_is_believed() -> None:
    clock = ArrivalClock()
    clock.capture_ns(100_000 * MS, 0)
    assert clock.capture_ns(0, 40 * MS) == 40 * MS
    assert clock.capture_ns(500_000 * MS, 80 * MS) == 80 * MS
