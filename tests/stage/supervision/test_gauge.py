from __future__ import annotations

import os
import subprocess
import sys

from stage.supervision.gauge import ProcessGauge


def test_living_processes_are_measured_and_dead_ones_left_out() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        dead = process.pid
    samples = ProcessGauge().measure({"we": os.getpid(), "gone": dead})
    assert set(samples) == {"we"}
    assert samples["we"].resident_bytes > 10_000_000


def test_processor_time_is_that_since_the_last_measurement() -> None:
    gauge = ProcessGauge()
    gauge.measure({"we": os.getpid()})
    sum(range(2_000_000))
    assert gauge.measure({"we": os.getpid()})["we"].cpu_percent > 0.0
