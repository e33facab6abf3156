"""Latency over time: the legs' histograms, which only ever grow, turned into a line per leg.

A heartbeat carries a worker's histogram of each leg since its start. What was added between two
samples, over all workers, is the latency of that half second. The medians of the legs that follow
each other are stacked, so that the chart shows where the time of the total goes.
The ring of points is bounded, so a page that stays open for a day costs what it cost at first.
"""

from __future__ import annotations

import numpy as np

from protocols.errors import DecodeError
from protocols.histogram import Histogram
from stage.supervision.report import FACE_LEGS, LEGS

PARTS = tuple(leg for leg in LEGS if leg != "total")
"""The legs that follow each other; together they are the total."""

FACE_TOTAL = FACE_LEGS[-1]
_KEPT = (*LEGS, FACE_TOTAL)

SAMPLE_S = 0.5
WINDOW_S = 60.0
_POINTS = round(WINDOW_S / SAMPLE_S) + 1
_RECENT_S = 5.0
_HOLD_S = 3.0
"""How long a line goes on at its last height while nothing passes; then it falls to 0."""


class LatencyHistory:
    """Keeps the last minute of every leg, and the last seconds of faces from face cameras."""

    def __init__(self) -> None:
        """Begin with an empty minute."""
        self._newest: dict[tuple[str, str], bytes] = {}
        self._sampled: dict[tuple[str, str], Histogram] = {}
        self._p50_ms = np.full((len(LEGS), _POINTS), np.nan)
        self._silent_s = np.zeros(len(LEGS))
        self._windows: list[list[Histogram]] = []
        """The last few seconds: per sample, what every leg added."""

    def take(self, worker: str, legs: dict[str, bytes]) -> None:
        """Remember the histograms of a heartbeat; legs that are not known are left out."""
        for leg in legs.keys() & set(_KEPT):
            self._newest[worker, leg] = legs[leg]

    def sample(self) -> None:
        """Add one point to every line; call it every `SAMPLE_S`."""
        added = {leg: Histogram() for leg in _KEPT}
        for (worker, leg), counts in self._newest.items():
            try:
                histogram = Histogram.from_bytes(counts)
            except DecodeError:
                continue
            before = self._sampled.get((worker, leg))  # of a restarted worker `since` takes everything
            if before is not None:  # of a first histogram nobody knows when its latencies were
                added[leg] = added[leg] + histogram.since(before)
            self._sampled[worker, leg] = histogram
        self._windows = [*self._windows, [added[leg] for leg in _KEPT]][-round(_RECENT_S / SAMPLE_S) :]
        p50_ms = np.array([added[leg].percentile(50) / 1e6 for leg in LEGS])
        self._silent_s = np.where(np.isnan(p50_ms), self._silent_s + SAMPLE_S, 0.0)
        held = np.where(self._silent_s <= _HOLD_S, self._p50_ms[:, -1], np.nan)
        self._p50_ms = np.roll(self._p50_ms, -1, axis=1)
        self._p50_ms[:, -1] = np.where(np.isnan(p50_ms), held, p50_ms)

    def columns(self) -> tuple[np.ndarray, ...]:
        """What the chart draws, arrays of shape (P,), all finite: the chart loses its axes over a not-a-number.

        Returns:
            Seconds before now; then zeros, on which the legs are stacked; then, per leg of `PARTS`, the
            sum of its median and those of the legs before it; then the median of the total; all in
            milliseconds, 0 where unknown.
        """
        seconds = np.linspace(-WINDOW_S, 0.0, _POINTS)
        known = np.nan_to_num(self._p50_ms)
        return seconds, np.zeros(_POINTS), *known[: len(PARTS)].cumsum(axis=0), known[len(PARTS)]

    def recent_ms(self, leg: str, percent: float) -> float:
        """A percentile of a leg over the last few seconds, milliseconds; not-a-number when nothing passed."""
        return self._recent(leg).percentile(percent) / 1e6

    def rate_hz(self, leg: str) -> float:
        """How often a leg was gone through per second, over the last few seconds."""
        return self._recent(leg).count / (SAMPLE_S * max(1, len(self._windows)))

    def _recent(self, leg: str) -> Histogram:
        number = _KEPT.index(leg)
        total = Histogram()
        for window in self._windows:
            total = total + window[number]
        return total
