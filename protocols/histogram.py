"""Latency histograms: 256 counters in steps of 5 %, small enough to travel in every heartbeat.

Bucket 0 counts everything below 10 microseconds, bucket i counts

    10 us * 1.05 ** (i - 1)  <=  latency  <  10 us * 1.05 ** i

and the last bucket everything above 2.5 s. A percentile read from it is within 5 % of the true
one. Histograms add: over the workers of a stage, and, subtracted from an older copy, over a window
of time. Recording allocates nothing.
"""

from __future__ import annotations

import math
from array import array

import numpy as np

from protocols.arrays import from_bytes
from protocols.errors import DecodeError

BUCKETS = 256
GROWTH = 1.05
LOWEST_NS = 10_000

_LOG_LOWEST = math.log(LOWEST_NS)
_PER_LOG = 1.0 / math.log(GROWTH)
_HIGHEST_NS = LOWEST_NS * GROWTH ** (BUCKETS - 2)


class Histogram:
    """Counts of latencies by size."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts = array("q", bytes(8 * BUCKETS))

    def record(self, ns: int) -> None:
        """Counts one latency in nanoseconds; a negative one counts as the smallest."""
        self._counts[bucket_of(ns)] += 1

    @property
    def count(self) -> int:
        """Latencies recorded."""
        return sum(self._counts)

    def percentile(self, percent: float) -> float:
        """The latency in nanoseconds that `percent` of the records do not exceed.

        Args:
            percent: 0 to 100.

        Returns:
            Within 5 % of the exact value; not-a-number while nothing is recorded.
        """
        cumulative = np.cumsum(self._counts)
        total = int(cumulative[-1])
        if total == 0:
            return math.nan
        rank = percent / 100.0 * total
        bucket = min(int(np.searchsorted(cumulative, rank, side="left")), BUCKETS - 1)
        if self._counts[bucket] == 0:  # percent = 0: the first bucket that holds anything
            bucket = int(np.argmax(cumulative > 0))
        below = int(cumulative[bucket]) - self._counts[bucket]
        return _value_in(bucket, (rank - below) / self._counts[bucket])

    def since(self, earlier: Histogram) -> Histogram:
        """What was recorded after `earlier`, a copy of this histogram; all of it after a restart."""
        difference = np.asarray(self._counts) - np.asarray(earlier._counts)
        return _of(difference) if bool(np.all(difference >= 0)) else _of(np.asarray(self._counts))

    def __add__(self, other: Histogram) -> Histogram:
        """The records of both."""
        return _of(np.asarray(self._counts) + np.asarray(other._counts))

    def __eq__(self, other: object) -> bool:
        """Equal counts in every bucket."""
        return isinstance(other, Histogram) and self._counts == other._counts

    __hash__ = None  # type: ignore[assignment]

    def to_bytes(self) -> bytes:
        """int64 (256,), little-endian."""
        return np.asarray(self._counts).astype("<i8").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Histogram:
        """Reads what `to_bytes` wrote.

        Raises:
            DecodeError: Another size, or a negative count.
        """
        counts = from_bytes(data, (BUCKETS,), np.int64)
        if bool(np.any(counts < 0)):
            raise DecodeError("histogram with a negative count")
        return _of(counts)


def bucket_of(ns: float) -> int:
    """The bucket that counts a latency of `ns` nanoseconds."""
    if ns < LOWEST_NS:
        return 0
    if ns >= _HIGHEST_NS:
        return BUCKETS - 1
    return 1 + int((math.log(ns) - _LOG_LOWEST) * _PER_LOG)


def _value_in(bucket: int, fraction: float) -> float:
    """The latency at a fraction of a bucket: linear in the first, on the log scale elsewhere."""
    if bucket == 0:
        return LOWEST_NS * fraction
    return LOWEST_NS * GROWTH ** (bucket - 1 + fraction)


def _of(counts: np.ndarray) -> Histogram:
    histogram = Histogram()
    histogram._counts[:] = array("q", counts.astype("=i8").tobytes())
    return histogram
