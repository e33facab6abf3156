"""One worker over all its lives: counts go on after a restart, memory starts anew."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from protocols.histogram import Histogram
from protocols.messages import Heartbeat
from stage.supervision.report import MemoryReport

MEMORY_WARM_UP_S = 10.0
"""What a process takes in the first seconds of a show says little about the evening."""

_MAX_SAMPLES = 256
_MEGABYTE = 1e6


class MemoryTrend:
    """Resident memory of one process over time, in bounded space: it thins out as it grows."""

    def __init__(self, started_s: float) -> None:
        """Start with no sample; `started_s` is when the process, or the show, began."""
        self._warm_s = started_s + MEMORY_WARM_UP_S
        self._spacing_s = 1.0
        self._samples: list[tuple[float, int]] = []
        self._last = 0
        self._peak = 0

    def add(self, now_s: float, resident_bytes: int) -> None:
        """Take one measurement."""
        self._last = resident_bytes
        self._peak = max(self._peak, resident_bytes)
        if now_s < self._warm_s or (self._samples and now_s - self._samples[-1][0] < self._spacing_s):
            return
        self._samples.append((now_s, resident_bytes))
        if len(self._samples) > _MAX_SAMPLES:
            self._samples = self._samples[::2]
            self._spacing_s *= 2.0

    def report(self) -> MemoryReport:
        """The trend so far."""
        first = self._samples[0][1] if self._samples else self._last
        slope_per_s = 0.0
        if len(self._samples) > 2:
            seconds, sizes = np.array(self._samples, np.float64).T
            seconds -= seconds.mean()
            slope_per_s = float(seconds @ (sizes - sizes.mean()) / (seconds @ seconds))
        return MemoryReport(
            first_mb=first / _MEGABYTE,
            last_mb=self._last / _MEGABYTE,
            peak_mb=self._peak / _MEGABYTE,
            slope_mb_per_minute=slope_per_s * 60.0 / _MEGABYTE,
        )


class WorkerHistory:
    """Everything one worker has told in its heartbeats."""

    def __init__(self) -> None:
        """Start with nothing heard."""
        self.last: Heartbeat | None = None
        self.memory = MemoryTrend(math.inf)
        self._past_counters: Counter[str] = Counter()
        self._past_legs: dict[str, Histogram] = {}
        self._legs: dict[str, Histogram] = {}

    def begin(self, began_s: float) -> None:
        """The show begins; what memory did before does not count."""
        self.memory = MemoryTrend(began_s)

    def take(self, heartbeat: Heartbeat, now_s: float, began_s: float = math.inf) -> None:
        """Take the next heartbeat; another pid than before is a new life, one of an earlier life is ignored.

        Args:
            heartbeat: What the worker sent.
            now_s: The time now.
            began_s: When the show began, or begins.

        Raises:
            DecodeError: A leg is no histogram; nothing is taken then.
        """
        legs = {leg: Histogram.from_bytes(data) for leg, data in heartbeat.legs.items()}
        if self.last is None or heartbeat.pid != self.last.pid:
            if self.last is not None and heartbeat.at_ns < self.last.at_ns:
                return
            self._past_counters, self._past_legs = self.counters, self.legs
            self.memory = MemoryTrend(max(now_s, began_s))
        self.last, self._legs = heartbeat, legs
        self.memory.add(now_s, heartbeat.resident_bytes)

    @property
    def counters(self) -> Counter[str]:
        """Sums over all lives."""
        total = Counter(self._past_counters)
        total.update(self.last.counters if self.last else {})
        return total

    @property
    def legs(self) -> dict[str, Histogram]:
        """Histograms over all lives."""
        return add_legs(self._past_legs, self._legs)


def add_legs(*parts: dict[str, Histogram]) -> dict[str, Histogram]:
    """Add the histograms of each leg."""
    total: dict[str, Histogram] = {}
    for part in parts:
        for leg, histogram in part.items():
            total[leg] = total[leg] + histogram if leg in total else histogram
    return total
