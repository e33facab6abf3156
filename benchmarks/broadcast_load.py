"""One broadcast worker on one core serves 16 actors at 60 Hz to 4 outputs each: no frame missed, 2 ms added at p99.

A real broadcast worker, pinned to one core; on the others a process that publishes performances on the real bus, as a
solve worker does, and this one, which holds a socket per output and counts every datagram. Every one has a face.
Each actor has four outputs:

    vmc       55 bones, the 52 ARKit shapes        vrm0   55 bones, the 18 expressions of VRM 0
    livelink  the face                             osc    53 bones and the face

Two ways of arrival: `staggered`, the actors evenly over the 60th of a second, and `burst`, all 16 one right behind the
other, as one frameset's performances leave a solve worker. In a burst the
actors wait for each other, the last one for 15 others.

    added    from "the performance is about to be published" to "its last datagram has left", told by the worker's own
             clock through its `send` leg (a histogram, 5 % wide)
    arrival  the same until the system has put the last datagram of its four outputs into the receiver's queue

A frame is missed when it was published and did not arrive, for one of two reasons, told apart by the worker's counts:

    skipped  a newer performance of the actor waited when the worker came to it: only the newest is sent. That is what a
             worker does that the machine does not let run for longer than a frame
    lost     all others: on the bus, not taken by the system, or not arrived. There is no good reason for that
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from benchmarks._performers import RATE, WARM_UP_S
from benchmarks._receiver import Receiver
from benchmarks.report import Figure, percentiles_ms, progress, report
from protocols.bus import Subscriber
from protocols.clock import ClockFile, StageClock, write_clock
from protocols.histogram import Histogram
from protocols.messages import Heartbeat
from stage.config import (
    ActorSection,
    AnyOutputSection,
    Config,
    LiveLinkSection,
    OscSection,
    StageSection,
    VmcSection,
)

ACTORS = 16
SECONDS = 20.0
OUTPUTS = 4
PATIENCE_S = 30.0
_ROOT = Path(__file__).resolve().parents[1]


class Way(NamedTuple):
    """One way of arrival, measured."""

    published: int
    missed: int
    """Of the frames published, those that did not arrive whole."""
    skipped: int
    """Of these, those that gave way to newer ones."""
    lost_on_bus: int
    """Messages that the worker lost on the bus."""
    added: Histogram
    arrival_ns: list[int]
    core_percent: float


def outputs(actor: str, ports: list[int]) -> list[AnyOutputSection]:
    """The four outputs of an actor."""
    vmc, vrm0, livelink, osc = ports
    return [
        VmcSection(id=f"vmc-{actor}", actor=actor, port=vmc, blends=("arkit",)),
        VmcSection(id=f"vrm0-{actor}", actor=actor, port=vrm0, blends=("vrm0",)),
        LiveLinkSection(id=f"livelink-{actor}", actor=actor, port=livelink),
        OscSection(id=f"osc-{actor}", actor=actor, port=osc),
    ]


class Rig:
    """A run folder, a broadcast worker on a core of its own and its receiver."""

    def __init__(self, run_dir: Path, actors: int) -> None:
        self._run_dir = run_dir
        self.receiver = Receiver(actors * OUTPUTS)
        names = [f"actor{number}" for number in range(actors)]
        ports = [self.receiver.ports[OUTPUTS * number : OUTPUTS * (number + 1)] for number in range(actors)]
        sections = [section for name, four in zip(names, ports, strict=True) for section in outputs(name, four)]
        self.ids = [section.id for section in sections]
        config = Config(
            stage=StageSection(rate=RATE),
            actors=tuple(ActorSection(id=name) for name in names),
            outputs=tuple(sections),
        )
        (run_dir / "config.json").write_bytes(msgspec.json.encode(config))
        clock = StageClock.start()
        write_clock(run_dir, ClockFile(offset_ns=clock.offset_ns, epoch_ns=clock.now_ns()))
        self._heartbeats = Subscriber(run_dir, {"broadcast": ["heartbeat."]})
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[:1])  # children inherit it, with all their threads
        self.worker = self._start("workers.broadcast", "--run-dir", str(run_dir), "--name", "broadcast")
        os.sched_setaffinity(0, cores[1:] or cores)

    def publisher(self, *arguments: str) -> subprocess.Popen[str]:
        """The publishing process."""
        return self._start("benchmarks._performers", str(self._run_dir), *arguments)

    def _start(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def heartbeat(self, ready: Callable[[Heartbeat], bool] = lambda _: True) -> Heartbeat:
        """The next heartbeat that fulfils a condition."""
        deadline_s = time.monotonic() + PATIENCE_S
        self._heartbeats.drain_all()
        while time.monotonic() < deadline_s:
            self.receiver.drain()
            message = self._heartbeats.receive(10)
            if message is not None and isinstance(message.record, Heartbeat) and ready(message.record):
                return message.record
        raise SystemExit("benchmarks: error: the broadcast worker does not do what it should; see above")

    def processor_s(self) -> float:
        """Processor time of the worker so far, all its threads."""
        fields = Path(f"/proc/{self.worker.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """Ends the worker."""
        self.worker.send_signal(signal.SIGTERM)
        self.worker.communicate(timeout=PATIENCE_S)
        self._heartbeats.close()
        self.receiver.close()


def measure(actors: int, seconds: float, *, burst: bool) -> Way:
    """Runs one way of arrival."""
    with tempfile.TemporaryDirectory(prefix="stage-load-") as folder:
        rig = Rig(Path(folder), actors)
        publisher = rig.publisher(str(actors), str(seconds), str(int(burst)))
        assert publisher.stdin is not None and publisher.stdout is not None
        try:
            rig.heartbeat(lambda beat: beat.counters.get("items", 0) >= actors)
            publisher.stdin.write("go\n")
            publisher.stdin.flush()
            expect(publisher, "go")
            before = rig.heartbeat()
            rig.receiver.arrived[:] = [[] for _ in rig.ids]
            publisher.stdin.write("go\n")
            publisher.stdin.flush()
            deadline_s = time.monotonic() + 0.1 + WARM_UP_S
            while time.monotonic() < deadline_s:
                rig.receiver.drain()
                time.sleep(0.002)
            warm, began_s, used_s = rig.heartbeat(), time.monotonic(), rig.processor_s()
            while time.monotonic() < began_s + seconds - 0.5:
                rig.receiver.drain()
                time.sleep(0.002)
            core_percent = 100.0 * (rig.processor_s() - used_s) / (time.monotonic() - began_s)
            expect(publisher, "done")
            rig.heartbeat()
            after = rig.heartbeat()
            published = np.load(Path(folder) / "published.npy")
            return evaluate(rig, published, before, warm, after, core_percent)
        finally:
            publisher.kill()
            publisher.communicate()
            rig.close()


def expect(process: subprocess.Popen[str], word: str) -> None:
    """Waits until a process says so."""
    assert process.stdout is not None
    while (line := process.stdout.readline()) and line.strip() != word:
        pass
    if not line:
        raise SystemExit(f"benchmarks: error: the publisher ended before it said {word!r}")


def evaluate(
    rig: Rig, published: np.ndarray, before: Heartbeat, warm: Heartbeat, after: Heartbeat, core_percent: float
) -> Way:
    """Compares what was published, what the worker says it sent, and what came.

    Args:
        rig: With all that has come.
        published: (frames, actors) stage time at which each performance was published.
        before: Heartbeat before the first of them.
        warm: Heartbeat at the end of the warm-up.
        after: Heartbeat after the last one.
        core_percent: Processor time per time.
    """
    frames, actors = published.shape
    missed, last_ns = 0, np.zeros((frames, actors), np.int64)
    whole = True
    for index, (name, arrived) in enumerate(zip(rig.ids, rig.receiver.arrived, strict=True)):
        sent = {
            key: after.counters[f"{name}.{key}"] - before.counters[f"{name}.{key}"] for key in ("frames", "datagrams")
        }
        per_frame = max(1, sent["datagrams"] // max(1, sent["frames"]))
        missed += frames - sent["frames"] + -(-(sent["datagrams"] - len(arrived)) // per_frame)
        complete = len(arrived) == per_frame * frames and sent == {"frames": frames, "datagrams": len(arrived)}
        whole &= complete
        if complete:
            ends = np.array(arrived, np.int64)[per_frame - 1 :: per_frame]
            np.maximum(last_ns[:, index // OUTPUTS], ends, out=last_ns[:, index // OUTPUTS])
    measured = slice(round(WARM_UP_S * RATE), None)
    added = Histogram.from_bytes(after.legs["send"]).since(Histogram.from_bytes(warm.legs["send"]))
    counted = {
        key: after.counters.get(key, 0) - before.counters.get(key, 0) for key in ("drops", "gaps", "decode_errors")
    }
    return Way(
        published=frames * actors * OUTPUTS,
        missed=missed,
        skipped=OUTPUTS * counted["drops"],
        lost_on_bus=counted["gaps"] + counted["decode_errors"],
        added=added,
        arrival_ns=(last_ns - published)[measured].ravel().tolist() if whole else [],
        core_percent=core_percent,
    )


def figures_of(name: str, way: Way) -> dict[str, Figure]:
    """The figures of one way."""
    found: dict[str, Figure] = {
        f"{name}_frames": way.published,
        f"{name}_missed_frames": way.missed,
        f"{name}_skipped_frames": way.skipped,
        f"{name}_lost_frames": way.missed - way.skipped,
        f"{name}_lost_on_bus": way.lost_on_bus,
        f"{name}_core_percent": way.core_percent,
    }
    for percent in (50, 99, 99.9, 100):
        found[f"{name}_added_{'max' if percent == 100 else f'p{percent:g}'}_ms"] = way.added.percentile(percent) / 1e6
    if way.arrival_ns:
        found |= percentiles_ms(f"{name}_arrival", way.arrival_ns)
        found[f"{name}_arrival_max_ms"] = max(way.arrival_ns) / 1e6
    return found


def main() -> bool:
    """Measures and prints the line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--actors", type=int, default=ACTORS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    arguments = parser.parse_args()
    figures: dict[str, Figure] = {"actors": arguments.actors, "outputs": OUTPUTS * arguments.actors, "rate_hz": RATE}
    targets: dict[str, str] = {}
    for name, burst in (("staggered", False), ("burst", True)):
        progress(f"{name}: {arguments.actors} actors for {arguments.seconds:g} s")
        figures |= figures_of(name, measure(arguments.actors, arguments.seconds, burst=burst))
        targets |= {f"{name}_{count}": "== 0" for count in ("missed_frames", "lost_frames", "lost_on_bus")}
    targets |= {f"{way}_added_p99_ms": "<= 2" for way in ("staggered", "burst")}
    return report("broadcast_load", figures, targets)


if __name__ == "__main__":
    main()
