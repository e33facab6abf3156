from __future__ import annotations

import numpy as np
import pytest

from protocols.histogram import Histogram
from stage.console.history import PARTS, SAMPLE_S, WINDOW_S, LatencyHistory
from stage.supervision.report import LEGS


def filled(*milliseconds: float) -> Histogram:
    histogram = Histogram()
    for value in milliseconds:
        histogram.record(round(value * 1e6))
    return histogram


def told(history: LatencyHistory, worker: str, **legs: Histogram) -> None:
    history.take(worker, {leg: histogram.to_bytes() for leg, histogram in legs.items()})


def test_a_point_is_the_median_of_what_was_added() -> None:
    history = LatencyHistory()
    told(history, "solve", solve=filled(*[100.0] * 50))
    history.sample()
    assert np.isnan(history.recent_ms("solve", 50))  # nobody knows when those fifty were
    told(history, "solve", solve=filled(*[100.0] * 50, *[4.0] * 9))
    history.sample()
    assert history.recent_ms("solve", 50) == pytest.approx(4.0, rel=0.05)
    solved = 2 + PARTS.index("solve")
    assert history.columns()[solved][-1] == pytest.approx(4.0, rel=0.05)
    for _ in range(4):  # a slow stage has nothing to tell in most half seconds
        history.sample()
        assert history.columns()[solved][-1] == pytest.approx(4.0, rel=0.05)
    for _ in range(4):
        history.sample()
    assert history.columns()[solved][-1] == 0.0


def test_workers_add_and_legs_are_stacked() -> None:
    history = LatencyHistory()
    for milliseconds in ((), (2.0, 2.0)):
        told(history, "capture.a", capture=filled(*milliseconds))
        told(history, "capture.b", capture=filled(*[8.0 for _ in milliseconds]))
        told(history, "landmarks", landmarks=filled(*[20.0 for _ in milliseconds]))
        told(history, "broadcast", total=filled(*[31.0 for _ in milliseconds]))
        history.sample()
    seconds, floor, *sums, total = history.columns()
    assert history.recent_ms("capture", 99) == pytest.approx(8.0, rel=0.05)
    capture, landmarks = sums[PARTS.index("capture")][-1], sums[PARTS.index("landmarks")][-1]
    assert 2.0 * 0.95 <= capture <= 8.0 * 1.05
    assert landmarks - capture == pytest.approx(20.0, rel=0.05)
    assert sums[-1][-1] == landmarks
    assert total[-1] == pytest.approx(31.0, rel=0.05)
    assert (seconds[0], seconds[-1]) == (-WINDOW_S, 0.0) and not floor.any()


def test_a_restart_loses_nothing_and_repeats_nothing() -> None:
    history = LatencyHistory()
    told(history, "solve", solve=filled(*[5.0] * 10))
    history.sample()
    told(history, "solve", solve=filled(*[7.0] * 3))
    history.sample()
    assert history.recent_ms("solve", 0) == pytest.approx(7.0, rel=0.06)


def test_unknown_legs_and_broken_histograms_are_left_out() -> None:
    history = LatencyHistory()
    for _ in range(2):
        history.take("x", {"nonsense": filled(1.0).to_bytes(), "solve": b"short"})
        history.sample()
    assert all(np.isnan(history.recent_ms(leg, 50)) for leg in LEGS)


def test_the_minute_is_bounded_and_finite() -> None:
    history = LatencyHistory()
    for number in range(round(WINDOW_S / SAMPLE_S) + 20):
        told(history, "broadcast", total=filled(*[float(number + 1)] * (number + 1)))
        history.sample()
        columns = history.columns()
        assert {len(column) for column in columns} == {round(WINDOW_S / SAMPLE_S) + 1}
        assert all(np.isfinite(column).all() for column in columns)
    assert len(history._windows) * SAMPLE_S <= 5.0
