"""Publishes what a solve worker of many actors does: `python -m benchmarks._performers RUN_DIR ACTORS SECONDS BURST`.

It says "go" as soon as somebody who listens has written a line, begins at the next line, and says "done". The times at
which it published lie in RUN_DIR/published.npy then, (frames, actors) of stage time.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from benchmarks.broadcast import a_face, a_performance
from protocols.bus import Publisher
from protocols.clock import StageClock, read_clock
from protocols.messages import Trace

RATE = 60.0
WARM_UP_S = 2.0


def publish(run_dir: Path, actors: int, seconds: float, burst: bool) -> None:
    """Publishes the performances of a solve worker; prints the times at which it did."""
    clock = read_clock(run_dir).clock
    rng = np.random.default_rng(0)
    still = replace(a_performance(), face=a_face())
    quaternions = np.frombuffer(still.rotations, "<f4").reshape(-1, 4)
    moving = []
    for _ in range(32):
        turned = quaternions + 0.05 * rng.normal(size=quaternions.shape)
        turned /= np.linalg.norm(turned, axis=1, keepdims=True)
        moving.append(replace(still, rotations=turned.astype("<f4").tobytes()))
    names = [f"actor{number}" for number in range(actors)]
    published = np.zeros((round((WARM_UP_S + seconds) * RATE), actors), np.int64)
    with Publisher(run_dir, "solve", clock) as publisher:
        told = threading.Event()
        threading.Thread(target=lambda: (sys.stdin.readline(), told.set()), daemon=True).start()
        while not told.wait(0.05):  # PUB sockets lose what is sent before a subscriber has connected
            for name in names:
                publisher.send(f"performance.{name}", replace(still, actor=name, capture_ns=clock.now_ns()))
        time.sleep(0.5)
        print("go", flush=True)
        sys.stdin.readline()
        start_ns = clock.now_ns() + 100_000_000
        for frame in range(len(published)):
            due_ns = start_ns + round(frame * 1e9 / RATE)
            for number, name in enumerate(names):
                wait_until(clock, due_ns if burst else due_ns + round(number * 1e9 / RATE / actors))
                pose = moving[(frame + number) % len(moving)]
                now_ns = clock.now_ns()
                trace = Trace(due_ns - 20_000_000, due_ns, due_ns, due_ns, due_ns, now_ns)
                published[frame, number] = now_ns
                record = replace(pose, actor=name, number=frame, capture_ns=due_ns - 20_000_000, trace=trace)
                publisher.send(f"performance.{name}", record)
        time.sleep(0.5)
    np.save(run_dir / "published.npy", published)
    print("done", flush=True)


def wait_until(clock: StageClock, due_ns: int) -> None:
    """Sleeps, as a spinning process would take the core from the receiver."""
    while (left_ns := due_ns - clock.now_ns()) > 0:
        time.sleep(max(left_ns - 20_000, 0) / 1e9)


if __name__ == "__main__":
    _, _run_dir, _actors, _seconds, _burst = sys.argv
    publish(Path(_run_dir), int(_actors), float(_seconds), _burst == "1")
