"""The Prometheus endpoint: the same account as the table, for whoever watches many stages.

It lives in the supervisor alone, for heartbeats already bring everything here; so there are no
multiprocess files of the client library to outlive a worker.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator

import numpy as np
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from protocols.histogram import BUCKETS, GROWTH, LOWEST_NS, Histogram
from stage.config import MetricsSection
from stage.errors import SupervisionError
from stage.latency import LatencyBoard
from stage.supervision.report import Report, WorkerReport

_STEP = 12
"""Every twelfth of our buckets becomes one of Prometheus: a factor of 1.8, 22 in all."""


class MetricsServer:
    """Answers GET on the metrics port, in a thread of its own."""

    def __init__(self, section: MetricsSection, board: LatencyBoard) -> None:
        """Bind the port and begin to answer.

        Raises:
            SupervisionError: The port is in use, or is none.
        """
        registry = CollectorRegistry(auto_describe=False)
        registry.register(BoardCollector(board))
        try:
            self._server, self._thread = start_http_server(section.port, section.host, registry)
        except (OSError, OverflowError) as error:
            in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            why = "is in use" if in_use else f"cannot be bound ({error})"
            raise SupervisionError(
                f"metrics: port {section.port} on {section.host} {why}; "
                f"choose another [metrics] port or set enabled = false"
            ) from error
        self.address = f"http://{section.host}:{self._server.server_port}/metrics"

    def close(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class BoardCollector(Collector):
    """Turns the account of a stage into metrics whenever somebody asks."""

    def __init__(self, board: LatencyBoard) -> None:
        """Read from this board."""
        self._board = board

    def collect(self) -> Iterable[Metric]:
        """Everything, in seconds and bytes."""
        report = self._board.report()
        yield from _latency(report, self._board.histograms())
        yield from _framesets(report)
        yield from _workers(report.workers)


def _latency(report: Report, histograms: dict[str, Histogram]) -> Iterator[Metric]:
    total = HistogramMetricFamily("stage_latency_seconds", "Legs of a frame's way to the engine", labels=["leg"])
    for leg, histogram in histograms.items():
        total.add_metric([leg], _buckets(histogram), sum_value=None)
    recent = GaugeMetricFamily(
        "stage_recent_latency_seconds", "The same, over the last seconds", labels=["leg", "quantile"]
    )
    for leg, values in report.recent_legs.items():
        recent.add_metric([leg, "0.5"], values.p50_ms / 1e3)
        recent.add_metric([leg, "0.99"], values.p99_ms / 1e3)
    yield from (total, recent)


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Cumulative counts by upper bound in seconds, the last bound infinite."""
    cumulative = np.cumsum(np.frombuffer(histogram.to_bytes(), "<i8"))
    bounds = range(0, BUCKETS - 1, _STEP)
    finite = [(f"{LOWEST_NS * GROWTH**bound / 1e9:.6g}", float(cumulative[bound])) for bound in bounds]
    return [*finite, ("+Inf", float(cumulative[-1]))]


def _framesets(report: Report) -> Iterator[Metric]:
    counts = report.framesets
    family = CounterMetricFamily("stage_framesets", "What became of the framesets", labels=["outcome"])
    for outcome in ("captured", "seen", "solved", "dropped_age", "incomplete"):
        family.add_metric([outcome], getattr(counts, outcome))
    yield family
    yield GaugeMetricFamily("stage_rate_hertz", "Framesets solved per second", value=report.rate_hz)
    yield GaugeMetricFamily("stage_face_rate_hertz", "Faces of face cameras per second", value=report.face_rate_hz)


def _workers(workers: dict[str, WorkerReport]) -> Iterator[Metric]:
    up = GaugeMetricFamily("stage_worker_up", "1 unless the worker has no living process", labels=["worker"])
    rate = GaugeMetricFamily("stage_worker_rate_hertz", "Items per second", labels=["worker"])
    age = GaugeMetricFamily("stage_worker_age_seconds", "Age of the newest item when taken up", labels=["worker"])
    cpu = GaugeMetricFamily("stage_worker_cpu_ratio", "Cores in use", labels=["worker"])
    memory = GaugeMetricFamily("stage_worker_resident_bytes", "Resident memory", labels=["worker"])
    restarts = CounterMetricFamily("stage_worker_restarts", "Restarts", labels=["worker"])
    counts = CounterMetricFamily("stage_worker_counts", "The worker's own counters", labels=["worker", "count"])
    facts = InfoMetricFamily("stage_worker_facts", "Engine, precision, threads ...", labels=["worker"])
    for name, worker in workers.items():
        up.add_metric([name], float(worker.state != "down"))
        rate.add_metric([name], worker.rate_hz)
        if worker.age_ms >= 0.0:
            age.add_metric([name], worker.age_ms / 1e3)
        cpu.add_metric([name], worker.cpu_percent / 100.0)
        if worker.memory is not None:
            memory.add_metric([name], worker.memory.last_mb * 1e6)
        restarts.add_metric([name], worker.restarts)
        for counter, count in worker.counters.items():
            counts.add_metric([name, counter], count)
        if worker.facts:
            facts.add_metric([name], {key.replace(" ", "_"): value for key, value in worker.facts.items()})
    yield from (up, rate, age, cpu, memory, restarts, counts, facts)
