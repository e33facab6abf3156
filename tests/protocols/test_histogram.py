from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.histogram import BUCKETS, GROWTH, LOWEST_NS, Histogram, bucket_of

IN_RANGE = st.integers(LOWEST_NS, 2_000_000_000)
LATENCIES = st.lists(st.integers(-(10**6), 10**13), max_size=60)


def histogram_of(latencies: list[int]) -> Histogram:
    histogram = Histogram()
    for latency_ns in latencies:
        histogram.record(latency_ns)
    return histogram


@given(st.lists(IN_RANGE, min_size=1, max_size=200), st.floats(0, 100))
def test_percentiles_are_within_five_percent(latencies: list[int], percent: float) -> None:
    exact = float(np.percentile(latencies, percent, method="inverted_cdf"))
    assert histogram_of(latencies).percentile(percent) == pytest.approx(exact, rel=GROWTH - 1 + 1e-6)


@given(st.lists(IN_RANGE, min_size=1, max_size=50), st.floats(0, 100), st.floats(0, 100))
def test_percentiles_rise(latencies: list[int], first: float, second: float) -> None:
    histogram = histogram_of(latencies)
    assert histogram.percentile(min(first, second)) <= histogram.percentile(max(first, second))


@given(st.integers(0, BUCKETS - 2), st.floats(0.001, 0.999))
def test_every_bucket_counts_its_own_range(bucket: int, fraction: float) -> None:
    latency = LOWEST_NS * fraction if bucket == 0 else LOWEST_NS * GROWTH ** (bucket - 1 + fraction)
    assert bucket_of(latency) == bucket


@given(LATENCIES)
def test_nothing_is_lost_however_small_or_large(latencies: list[int]) -> None:
    assert histogram_of(latencies).count == len(latencies)


@given(LATENCIES, LATENCIES)
def test_histograms_add_and_subtract(first: list[int], second: list[int]) -> None:
    total = histogram_of(first) + histogram_of(second)
    assert total == histogram_of(first + second)
    assert total.since(histogram_of(first)) == histogram_of(second)


def test_a_restarted_worker_counts_from_nothing() -> None:
    restarted = histogram_of([50_000])
    assert restarted.since(histogram_of([10**6] * 9)) == restarted


@given(LATENCIES)
def test_bytes_round_trip(latencies: list[int]) -> None:
    histogram = histogram_of(latencies)
    assert len(histogram.to_bytes()) == 2048
    assert Histogram.from_bytes(histogram.to_bytes()) == histogram


@given(st.binary(max_size=3000))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        Histogram.from_bytes(data)


def test_negative_counts_are_refused() -> None:
    with pytest.raises(DecodeError, match="negative"):
        Histogram.from_bytes(np.full(BUCKETS, -1, "<i8").tobytes())


def test_an_empty_histogram_has_no_percentile() -> None:
    assert math.isnan(Histogram().percentile(50))
