from __future__ import annotations

import socket
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from protocols.histogram import Histogram
from protocols.messages import Heartbeat
from stage.config import MetricsSection
from stage.errors import SupervisionError
from stage.latency import LatencyBoard, ProcessSample
from stage.supervision.metrics import MetricsServer

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def samples() -> Iterator[Samples]:
    board = LatencyBoard("demo", ["solve", "capture.left"])
    legs = Histogram()
    for _ in range(99):
        legs.record(40_000_000)
    legs.record(900_000_000)
    counters = {"framesets_seen": 10, "framesets_solved": 9}
    facts = {"smoothing lag": "12 ms"}
    board.take(Heartbeat("solve", 7, 1, "running", 30.0, 4.0, 80_000_000, counters, {"total": legs.to_bytes()}, facts))
    board.supervise(restarts={"solve": 3}, down=["capture.left"], samples={"solve": ProcessSample(1, 50.0)})
    server = MetricsServer(MetricsSection(port=0), board)
    with urllib.request.urlopen(server.address, timeout=10.0) as response:
        text = response.read().decode()
    server.close()
    yield {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_account_is_served(samples: Samples) -> None:
    solve = (("worker", "solve"),)
    assert samples["stage_worker_up", solve] == 1.0
    assert samples["stage_worker_up", (("worker", "capture.left"),)] == 0.0
    assert samples["stage_worker_rate_hertz", solve] == 30.0
    assert samples["stage_worker_age_seconds", solve] == 0.004
    assert samples["stage_worker_resident_bytes", solve] == 80_000_000
    assert samples["stage_worker_cpu_ratio", solve] == 0.5
    assert samples["stage_worker_restarts_total", solve] == 3.0
    assert samples["stage_framesets_total", (("outcome", "solved"),)] == 9.0
    assert samples["stage_worker_facts_info", (("smoothing_lag", "12 ms"), ("worker", "solve"))] == 1.0


def test_latency_is_a_histogram_in_seconds(samples: Samples) -> None:
    buckets = [
        (float(dict(labels)["le"]), value)
        for (name, labels), value in samples.items()
        if name == "stage_latency_seconds_bucket"
    ]
    assert len(buckets) == 23
    for bound, value in buckets:
        assert value == (0.0 if bound < 0.038 else 99.0 if bound < 0.85 else 100.0)
    p99 = samples["stage_recent_latency_seconds", (("leg", "total"), ("quantile", "0.5"))]
    assert p99 == pytest.approx(0.04, rel=0.05)


def test_a_port_in_use_is_one_line_that_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SupervisionError) as caught:
            MetricsServer(MetricsSection(port=port), LatencyBoard("demo", []))
    assert f"port {port} on 127.0.0.1 is in use" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_port_that_is_none_is_refused() -> None:
    with pytest.raises(SupervisionError, match="port 70000"):
        MetricsServer(MetricsSection(port=70000), LatencyBoard("demo", []))


def test_closing_frees_the_port() -> None:
    board = LatencyBoard("demo", [])
    server = MetricsServer(MetricsSection(port=0), board)
    port = int(server.address.rpartition(":")[2].partition("/")[0])
    server.close()
    MetricsServer(MetricsSection(port=port), board).close()
