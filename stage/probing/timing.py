"""When frames arrive: rate, jitter, gaps and latency of a stream, in bounded memory.

* Jitter is that of RTP (RFC 3550): a running mean of how much the spacing of two frames at the receiver differs
  from their spacing at the sender. Without a sender's time it is taken against the usual spacing.
* A gap is a step in the sender's time (or of arrival) of more than one usual spacing; the missing frames are counted.
* Latency needs the sender's absolute time, in the frame, and one clock for both: the same machine, or hosts kept in
  step. A latency that cannot be is a fault of the clocks and is not counted.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import median

import msgspec

from protocols.histogram import Histogram
from stage.probing.findings import Findings

_USUAL_OF = 101
_JITTER_SHARE = 1.0 / 16.0
_GAP_FROM = 1.5
_LEAST_LATENCY_NS = -2_000_000
_MOST_LATENCY_NS = 60_000_000_000


class Percentiles(msgspec.Struct, frozen=True):
    """A distribution in milliseconds."""

    p50_ms: float
    p99_ms: float
    max_ms: float


class TimingReport(msgspec.Struct, frozen=True):
    """How the frames of a stream arrive."""

    frames: int
    rate_hz: float
    jitter_ms: float
    gaps: int
    """Times that frames were missing."""
    missing: int
    """Frames that were missing."""
    interval: Percentiles | None = None
    """Between arrivals."""
    latency: Percentiles | None = None
    """From capture to here; None when the stream does not tell."""
    network: Percentiles | None = None
    """From sending to here."""


@dataclass
class _Distribution:
    histogram: Histogram
    max_ns: int = 0

    def record(self, ns: int) -> None:
        self.histogram.record(ns)
        self.max_ns = max(self.max_ns, ns)

    def report(self) -> Percentiles | None:
        if self.histogram.count == 0:
            return None
        p50_ms, p99_ms = (round(self.histogram.percentile(percent) / 1e6, 3) for percent in (50, 99))
        return Percentiles(p50_ms, p99_ms, round(self.max_ns / 1e6, 3))


class Timing:
    """Takes the arrivals of one stream's frames."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._interval, self._latency, self._network = (_Distribution(Histogram()) for _ in range(3))
        self._steps: deque[float] = deque(maxlen=_USUAL_OF)
        self._first_ns = self._last_ns = 0
        self._last_sender_s: float | None = None
        self._jitter_s = 0.0
        self._frames = self._gaps = self._missing = 0

    def frame(self, arrival_ns: int, sender_s: float | None = None) -> None:
        """One frame has arrived.

        Args:
            arrival_ns: Now.
            sender_s: The sender's time of the frame, seconds from anywhere; None, or not finite, is unknown.
        """
        sender_s = sender_s if sender_s is not None and math.isfinite(sender_s) else None
        self._frames += 1
        if self._frames == 1:
            self._first_ns = arrival_ns
        else:
            self._interval.record(arrival_ns - self._last_ns)
            self._follow((arrival_ns - self._last_ns) / 1e9, sender_s)
        self._last_ns = arrival_ns
        self._last_sender_s = sender_s

    def latency(self, capture_to_here_ns: int, sent_to_here_ns: int) -> None:
        """What the frame tells of its way."""
        for distribution, ns in ((self._latency, capture_to_here_ns), (self._network, sent_to_here_ns)):
            if _LEAST_LATENCY_NS <= ns <= _MOST_LATENCY_NS:
                distribution.record(ns)
            else:
                fault = "the clocks of sender and receiver differ: no latency can be told; run the probe on the stage's"
                self._findings.add(f"{fault} machine, or keep both in step by PTP or NTP", f"{ns / 1e6:.1f} ms")

    def report(self) -> TimingReport:
        """The figures so far."""
        seconds = (self._last_ns - self._first_ns) / 1e9
        return TimingReport(
            frames=self._frames,
            rate_hz=round((self._frames - 1) / seconds, 2) if seconds > 0.0 else 0.0,
            jitter_ms=round(self._jitter_s * 1e3, 3),
            gaps=self._gaps,
            missing=self._missing,
            interval=self._interval.report(),
            latency=self._latency.report(),
            network=self._network.report(),
        )

    def _follow(self, arrival_step_s: float, sender_s: float | None) -> None:
        step_s = arrival_step_s
        if sender_s is not None and self._last_sender_s is not None:
            step_s = sender_s - self._last_sender_s
            if step_s < 0.0:
                self._findings.add("the sender's time jumps back: it was started again, or two senders share this port")
                return
        usual_s = median(self._steps) if self._steps else step_s
        self._steps.append(step_s)
        reference_s = step_s if sender_s is not None else usual_s
        self._jitter_s += _JITTER_SHARE * (abs(arrival_step_s - reference_s) - self._jitter_s)
        if usual_s > 0.0 and step_s > _GAP_FROM * usual_s:
            self._gaps += 1
            self._missing += round(step_s / usual_s) - 1


def told(report: TimingReport) -> str:
    """Frames, rate and latency in a few words."""
    text = f"{report.frames} at {report.rate_hz:.2f} Hz"
    if report.latency is not None:
        text += f", latency p50 {report.latency.p50_ms:.1f} ms, p99 {report.latency.p99_ms:.1f} ms"
    return text
