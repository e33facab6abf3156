from __future__ import annotations

import pytest

from stage.supervision.history import MemoryTrend


def test_memory_trend_finds_a_leak() -> None:
    trend = MemoryTrend(started_s=0.0)
    trend.add(0.0, 10_000_000)
    for second in range(10, 70):
        trend.add(float(second), 100_000_000 + second * 50_000)
    report = trend.report()
    assert report.first_mb == pytest.approx(100.5)
    assert report.last_mb == report.peak_mb == pytest.approx(103.45)
    assert report.slope_mb_per_minute == pytest.approx(3.0)


def test_memory_trend_of_a_long_evening_stays_small_and_right() -> None:
    trend = MemoryTrend(started_s=0.0)
    for second in range(20_000):
        trend.add(float(second), 100_000_000 + second * 1000)
    assert len(trend._samples) <= 256
    assert trend.report().slope_mb_per_minute == pytest.approx(0.06)
