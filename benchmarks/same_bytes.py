"""The same landmarks give the same performances, byte for byte: live, solved again offline, and replayed.

A live demo stage records a take that begins some seconds after the solver did, while body and face are still being
measured. Then

    offline    `stage.resolve` follows the take's steps
    replayed   `stage replay TAKE --resolve landmarks`; what it publishes, its times shifted back
    keyframe   milliseconds and bytes of a solver's state, at every state in the take
    step       microseconds to tell one step, as the solve worker does
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.report import progress, report
from protocols import osc
from protocols.bus import Publisher, Subscriber
from protocols.messages import CameraLandmarks, FacePerformance, Performance
from protocols.solve_log import SolverKeyframe
from protocols.takefile import TakeReader
from stage.replay.item import moved
from stage.resolve import resolve
from stage.resolve.compare import compare, without_times
from stage.solving.framesets import Frameset
from stage.solving.memento import Memento
from stage.solving.step_log import StepLog
from stage.takes.contents import unpack

DEMO = Path(__file__).resolve().parents[1] / "recordings" / "demo"
BEFORE_S, SECONDS = 4.0, 12.0
_STARTING_S = 120.0
_STEPS = 2000

Made = Performance | FacePerformance


def main() -> None:
    """Record, solve again, replay, compare."""
    with tempfile.TemporaryDirectory(prefix="same-") as scratch:
        folder = Path(scratch)
        progress("same_bytes: live")
        path = _record(folder)
        take = TakeReader(path)
        (folder / "unpacked").mkdir()
        config = unpack(take, folder / "unpacked")
        progress("same_bytes: offline")
        offline = compare(take, config)
        progress("same_bytes: replayed")
        replayed = _replayed(folder, path)
        recorded = [entry.decoded().record for entry in take.records("performance.", "face.")]
        figures: dict[str, float] = {
            "recorded": offline.recorded,
            "offline_identical": offline.identical,
            "offline_before_first_state": offline.unknown,
            "offline_share": offline.identical / max(offline.recorded - offline.unknown, 1),
            "replayed": len(replayed),
            "replayed_identical": _identical([one for one in recorded if isinstance(one, Made)], replayed),
        }
        figures["replayed_share"] = figures["replayed_identical"] / max(offline.recorded, 1)
        figures |= _keyframes(take, resolve(take, config, as_live=True).solver) | _steps(folder)
    targets = {"offline_share": "== 1", "replayed_share": "== 1", "keyframe_p50_ms": "<= 5", "recorded": "> 100"}
    report("same_bytes", figures, targets)


def _record(folder: Path) -> Path:
    """The take of a live demo stage."""
    demo = folder / "demo"
    shutil.copytree(DEMO, demo, ignore=shutil.ignore_patterns("actors", "takes"))
    ports = [_free_port() for _ in range(3)]
    text = (demo / "stage.toml").read_text().replace("port = 39539", f"port = {ports[0]}")
    text += (
        f"\n[control]\nenabled = true\nport = {ports[1]}\n[console]\nenabled = false\n[metrics]\nport = {ports[2]}\n"
    )
    (demo / "stage.toml").write_text(text)
    with _stage(folder, "live", str(demo / "stage.toml")) as run_dir, Subscriber(run_dir, {"solve": [""]}) as ear:
        _await(ear, Made)
        time.sleep(BEFORE_S)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as remote:
            remote.sendto(osc.message("/stage/record/start", ""), ("127.0.0.1", ports[1]))
            time.sleep(SECONDS)
            remote.sendto(osc.message("/stage/record/stop", ""), ("127.0.0.1", ports[1]))
        time.sleep(1.0)
    return next((demo / "takes").glob("*.mcap"))


def _replayed(folder: Path, path: Path) -> list[Made]:
    """What a replaying stage publishes that solves the take's landmarks again."""
    heard: list[Made] = []
    options = ["--resolve", "landmarks", "--no-console"]
    with (
        _stage(folder, "replay", str(path), *options) as run_dir,
        Subscriber(run_dir, {"solve": ["performance.", "face."]}, 4096) as ear,
    ):
        limit_s = time.monotonic() + _STARTING_S
        while time.monotonic() < limit_s:
            message = ear.receive(500)
            if message is not None and isinstance(message.record, Made):
                heard.append(message.record)
                limit_s = time.monotonic() + 3.0
    return heard


def _identical(recorded: list[Made], replayed: list[Made]) -> int:
    """How many of the replayed are the recorded ones at other times."""
    by_number = {(type(one), one.actor, one.number): one for one in recorded}
    count = 0
    for one in replayed:
        then = by_number.get((type(one), one.actor, one.number))
        if then is not None:
            now = moved(then, one.capture_ns - then.capture_ns)
            assert isinstance(now, Made)
            count += without_times(now) == without_times(one)
    return count


def _keyframes(take: TakeReader, solver) -> dict[str, float]:
    memento = Memento(solver)
    durations_ms, sizes = [], []
    for entry in take.records("keyframe."):
        state = entry.decoded().record
        assert isinstance(state, SolverKeyframe)
        memento.restore(state.state)
        for _ in range(5):
            begin_ns = time.perf_counter_ns()
            memento.state()
            durations_ms.append((time.perf_counter_ns() - begin_ns) / 1e6)
        sizes.append(len(state.state))
    return {
        "keyframes": len(sizes),
        "keyframe_p50_ms": float(np.median(durations_ms)),
        "keyframe_max_ms": max(durations_ms),
        "keyframe_largest_kb": max(sizes) / 1e3,
    }


def _steps(folder: Path) -> dict[str, float]:
    """What telling a step of four cameras costs, over the bus."""
    seen = {f"cam{i}": CameraLandmarks(f"cam{i}", 1, 1, 1, 1, 1, 640, 480, ()) for i in range(4)}
    with Publisher(folder, "bench") as publisher:
        log = StepLog.__new__(StepLog)
        log._send, log._run_ns, log._number, log._at_ns = publisher.send, 0, 0, 0
        begin_ns = time.perf_counter_ns()
        for number in range(_STEPS):
            log.bodies(Frameset(number, seen))
        return {"step_us": (time.perf_counter_ns() - begin_ns) / 1e3 / _STEPS}


@contextmanager
def _stage(folder: Path, *arguments: str) -> Iterator[Path]:
    """A stage of its own process; its run dir."""
    runs = folder / arguments[0]
    runs.mkdir()
    environment = {**os.environ, "TMPDIR": str(runs), "XDG_RUNTIME_DIR": str(runs)}
    command = [sys.executable, "-m", "stage.cli", *arguments]
    with (folder / f"{arguments[0]}.txt").open("w") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    try:
        yield _run_dir(runs, process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def _run_dir(runs: Path, process: subprocess.Popen) -> Path:
    limit_s = time.monotonic() + _STARTING_S
    while time.monotonic() < limit_s and process.poll() is None:
        found = [path.parent for path in runs.rglob("clock.json")]
        if found:
            return found[0]
        time.sleep(0.05)
    raise RuntimeError(f"the stage has not come up: {(runs.parent / f'{runs.name}.txt').read_text()[-500:]}")


def _await(ear: Subscriber, kind) -> None:
    limit_s = time.monotonic() + _STARTING_S
    while time.monotonic() < limit_s:
        message = ear.receive(500)
        if message is not None and isinstance(message.record, kind):
            return
    raise RuntimeError("the stage solves nothing")


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
