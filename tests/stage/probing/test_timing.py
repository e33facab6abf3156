from __future__ import annotations

import numpy as np
import pytest

from stage.probing.findings import Findings
from stage.probing.timing import Timing

START_NS = 1_700_000_000_000_000_000
PERIOD_NS = 33_333_333


def watch(arrivals_ms: np.ndarray, sent_ms: np.ndarray | None = None) -> Timing:
    timing = Timing(Findings())
    for index, arrival_ms in enumerate(arrivals_ms):
        timing.frame(START_NS + int(arrival_ms * 1e6), None if sent_ms is None else float(sent_ms[index]) / 1e3)
    return timing


def test_an_even_stream() -> None:
    report = watch(np.arange(300) * 20.0, np.arange(300) * 20.0).report()
    assert report.frames == 300
    assert report.rate_hz == pytest.approx(50.0)
    assert report.jitter_ms == pytest.approx(0.0, abs=0.01)
    assert (report.gaps, report.missing) == (0, 0)
    assert report.interval is not None and report.interval.p50_ms == pytest.approx(20.0, rel=0.05)
    assert report.latency is None


def test_jitter_is_that_of_the_way_not_of_the_sender() -> None:
    rng = np.random.default_rng(0)
    sent = np.cumsum(rng.uniform(10.0, 30.0, 500))
    assert watch(sent + 5.0, sent).report().jitter_ms == pytest.approx(0.0, abs=0.01)
    late = rng.uniform(0.0, 6.0, 500)
    # Two independent delays of 0 to 6 ms differ by 2 ms on the average.
    assert watch(sent + late, sent).report().jitter_ms == pytest.approx(2.0, rel=0.5)


@pytest.mark.parametrize("told", [True, False])
def test_gaps_are_counted_with_what_they_cost(told: bool) -> None:
    times = np.delete(np.arange(200) * 20.0, [50, 100, 101, 102, 150])
    report = watch(times, times if told else None).report()
    assert (report.gaps, report.missing) == (3, 5)


def test_a_restarted_sender_is_no_gap() -> None:
    findings = Findings()
    timing = Timing(findings)
    for number in range(20):
        timing.frame(START_NS + number * PERIOD_NS, (number % 10) / 30)
    assert timing.report().gaps == 0
    assert [finding.count for finding in findings] == [1]


def test_latency_and_clocks_that_differ() -> None:
    findings = Findings()
    timing = Timing(findings)
    for number in range(100):
        timing.latency((40 + number % 10) * 1_000_000, 300_000)
    timing.latency(-3_600_000_000_000, 300_000)
    report = timing.report()
    assert report.latency is not None and report.network is not None
    assert report.latency.p50_ms == pytest.approx(44.5, rel=0.05)
    assert report.latency.max_ms == pytest.approx(49.0)
    assert report.network.p50_ms == pytest.approx(0.3, rel=0.05)
    assert "clocks" in next(iter(findings)).fault


def test_times_that_are_no_times_are_not_used() -> None:
    timing = Timing(Findings())
    for number, told in enumerate([0.0, float("nan"), float("inf"), 1e38, -1e38, 1.0]):
        timing.frame(START_NS + number * PERIOD_NS, told)
    assert timing.report().frames == 6


def test_findings_are_bounded_and_count_on() -> None:
    findings = Findings()
    for number in range(10_000):
        findings.add(f"fault {number}", "x" * 10_000)
    assert findings.count == 10_000
    kinds = list(findings)
    assert len(kinds) <= 200
    assert max(len(finding.example) for finding in kinds) <= 200
