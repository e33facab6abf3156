"""A worker for tests; what it does is said by the last part of its name: `sample.hang` hangs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from stage.errors import SourceError
from workers.worker import Worker, run

LEG_NS = 5_000_000


class SampleWorker(Worker):
    kind = "sample"

    def prepare(self) -> None:
        self.behaviour = self.name.rpartition(".")[2]
        if self.behaviour == "slow":
            time.sleep(0.7)
        if self.behaviour == "refuse":
            raise SourceError("camera front: no such file take.mp4; check [[cameras]] source")
        if self.behaviour == "crash":
            raise ValueError("a defect")

    def setup(self) -> None:
        self.facts["engine"] = "sample"
        Path(self.run_dir, f"{self.name}.{os.getpid()}.setup").touch()

    def step(self) -> None:
        self.mark(age_ns=2_000_000)
        self.time_leg("total", LEG_NS)
        self.time_leg("send", 1_000_000)
        self.counters["framesets_seen"] += 1
        self.counters["framesets_solved"] += self.counters["items"] % 10 != 0
        self.counters["frames_dropped"] += self.counters["items"] % 10 == 0
        if self.behaviour == "hang" and self.counters["items"] == 20:
            time.sleep(3600.0)
        if self.behaviour == "brief" and self.counters["items"] == 20:
            self.finish("take.mp4 has ended")
        if self.behaviour == "chatter":
            print("chatter " * 10, file=sys.stderr)
            return
        time.sleep(0.02)

    def report(self) -> None:
        self.facts["reported"] = "yes"

    def teardown(self) -> None:
        Path(self.run_dir, f"{self.name}.{os.getpid()}.teardown").touch()


if __name__ == "__main__":
    run(SampleWorker)
