"""Memory and processor time of the stage's processes, as the operating system sees them."""

from __future__ import annotations

from collections.abc import Mapping

import psutil

from stage.latency import ProcessSample


class ProcessGauge:
    """Measures a changing set of processes; processor time is that since the measurement before."""

    def __init__(self) -> None:
        """Nothing has been measured."""
        self._processes: dict[int, psutil.Process] = {}

    def measure(self, pids: Mapping[str, int]) -> dict[str, ProcessSample]:
        """Measure each named process; one that has just died is left out."""
        self._processes = {pid: process for pid, process in self._processes.items() if pid in pids.values()}
        samples = {}
        for name, pid in pids.items():
            try:
                process = self._processes.get(pid) or self._processes.setdefault(pid, psutil.Process(pid))
                with process.oneshot():
                    samples[name] = ProcessSample(process.memory_info().rss, process.cpu_percent())
            except psutil.Error:
                self._processes.pop(pid, None)
        return samples
