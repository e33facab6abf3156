"""The supervisor with small workers in real processes: `tests/workers/sample_worker.py`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from stage.config import Config, MetricsSection, StageSection, VmcSection
from stage.errors import AvatarError, SupervisionError
from stage.supervision import supervisor as supervisor_module
from stage.supervision.keeper import patience
from stage.supervision.plan import WorkerPlan
from stage.supervision.report import Report
from stage.supervision.supervisor import Supervisor
from stage.supervisor import run_live, write_report

ROOT = Path(__file__).resolve().parents[2]
MODULE = "tests.workers.sample_worker"
BACK_S = 2.0
"""On a machine with more work than cores everything takes longer, in proportion to its load."""
CONFIG = Config(stage=StageSection(name="test"), metrics=MetricsSection(enabled=False))


class Ear:
    """A display that remembers."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str, str]] = []
        self.closed = False

    def say(self, kind: str, worker: str, text: str) -> None:
        self.messages.append((kind, worker, text))

    def show(self, report: Callable[[], Report]) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def heard(self, worker: str, pattern: str) -> list[str]:
        return [text for _, who, text in self.messages if who == worker and re.search(pattern, text)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(supervisor_module, "EPOCH_LEAD_S", 0.0)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def worker(name: str, *, vital: bool = False, spare: bool = False) -> WorkerPlan:
    kind = name.partition(".")[0]
    return WorkerPlan(name, MODULE, vital_group=kind if vital else "", source=kind == "capture", spare=spare)


def run_stage(
    plans: Sequence[WorkerPlan], script: Callable[[Supervisor, Ear], Coroutine[Any, Any, None]], config: Config = CONFIG
) -> tuple[int, Supervisor, Ear]:
    """Run a stage for as long as the script lasts, or until it ends by itself."""
    ear = Ear()

    async def live() -> tuple[int, Supervisor]:
        supervisor = Supervisor(config, plans, ear)
        running = asyncio.create_task(supervisor.run())
        scripted = asyncio.create_task(script(supervisor, ear))
        await asyncio.wait([running, scripted], return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            os.kill(os.getpid(), signal.SIGINT)  # as Ctrl-C would
        status = await running
        await scripted
        return status, supervisor

    status, supervisor = asyncio.run(live())
    assert ear.closed
    assert workers_of(os.getpid()) == []
    return status, supervisor, ear


async def until(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.01)


def workers_of(pid: int) -> list[psutil.Process]:
    return [child for child in psutil.Process(pid).children() if MODULE in child.cmdline()]


def state(supervisor: Supervisor, name: str) -> str:
    return supervisor.board.report().workers[name].state


def test_a_stage_runs_and_ends_cleanly_on_ctrl_c(tmp_path: Path) -> None:
    async def script(supervisor: Supervisor, _: Ear) -> None:
        await until(lambda: supervisor.board.report().framesets.solved >= 20)

    status, supervisor, ear = run_stage([worker("solve"), worker("capture.left")], script)
    report = supervisor.board.report()
    assert status == 0
    assert 0.8 < report.framesets.solved_fraction < 1.0
    assert report.legs["total"].p50_ms == pytest.approx(5.0, rel=0.05)
    assert ear.heard("solve", "^engine sample, reported yes$")
    assert list(tmp_path.iterdir()) == []


def test_sources_start_when_the_others_are_up() -> None:
    async def script(supervisor: Supervisor, _: Ear) -> None:
        await until(lambda: state(supervisor, "solve.slow") == "running")
        assert supervisor.board.report().workers["capture.left"].counters == {}
        await until(lambda: state(supervisor, "capture.left") == "running")

    status, _, _ = run_stage([worker("solve.slow", vital=True), worker("capture.left")], script)
    assert status == 0


def test_a_killed_worker_is_back_at_once_and_the_others_do_not_notice() -> None:
    async def script(supervisor: Supervisor, ear: Ear) -> None:
        await until(lambda: state(supervisor, "broadcast") == "running" and state(supervisor, "solve") == "running")
        victim = supervisor._keepers["broadcast"].active
        assert victim is not None
        os.kill(victim.pid, signal.SIGKILL)
        await until(lambda: ear.heard("broadcast", "back after"))
        await until(lambda: supervisor.board.report().workers["broadcast"].restarts == 1)

    _, supervisor, ear = run_stage([worker("solve"), worker("broadcast")], script)
    assert ear.heard("broadcast", "killed by SIGKILL")
    assert float(ear.heard("broadcast", "back after")[0].split()[2]) < BACK_S * patience()
    assert supervisor.board.report().workers["broadcast"].restarts == 1
    assert supervisor.board.report().workers["solve"].restarts == 0


def test_a_spare_takes_over_and_is_replaced() -> None:
    async def script(supervisor: Supervisor, ear: Ear) -> None:
        keeper = supervisor._keepers["solve.slow"]
        for life in (1, 2):
            await until(lambda: keeper.spare.process is not None and keeper.spare.process.prepared.is_set())
            await until(lambda: state(supervisor, "solve.slow") == "running" and keeper.active is not None)
            assert keeper.active is not None and keeper.spare.process is not None
            successor = keeper.spare.process.pid
            os.kill(keeper.active.pid, signal.SIGKILL)
            await until(lambda life=life: len(ear.heard("solve.slow", "back after")) == life)
            assert keeper.active.pid == successor

    _, _, ear = run_stage([worker("solve.slow", spare=True)], script)
    assert ear.heard("solve.slow", "its spare takes over")
    assert all(float(text.split()[2]) < BACK_S * patience() for text in ear.heard("solve.slow", "back after"))


def test_a_worker_can_stand_back() -> None:
    async def script(supervisor: Supervisor, _: Ear) -> None:
        await until(lambda: state(supervisor, "console") == "running")
        nice = {child.cmdline()[-1]: child.nice() for child in workers_of(os.getpid())}
        assert nice == {"solve": os.nice(0), "console": 10}

    run_stage([worker("solve"), WorkerPlan("console", MODULE, niceness=10)], script)


def test_a_worker_that_hangs_is_killed_and_started_again() -> None:
    async def script(_: Supervisor, ear: Ear) -> None:
        await until(lambda: ear.heard("broadcast.hang", "back after"))

    _, _, ear = run_stage([worker("broadcast.hang")], script)
    assert ear.heard("broadcast.hang", r"silent for \d\.\d s, killed")


def test_a_worker_that_refuses_says_why_once_and_is_tried_again() -> None:
    async def script(supervisor: Supervisor, _: Ear) -> None:
        await until(lambda: supervisor._keepers["console.refuse"].restarts >= 3)
        assert state(supervisor, "solve") == "running"

    status, _, ear = run_stage([worker("solve"), worker("console.refuse")], script)
    assert status == 0
    assert len(ear.heard("console.refuse", "no such file take.mp4")) == 1
    assert not ear.heard("console.refuse", "Traceback")


def test_a_worker_that_crashes_shows_its_traceback_once() -> None:
    async def script(supervisor: Supervisor, _: Ear) -> None:
        await until(lambda: supervisor._keepers["console.crash"].restarts >= 3)

    _, _, ear = run_stage([worker("console.crash")], script)
    assert len(ear.heard("console.crash", "Traceback")) == 1
    assert len(ear.heard("console.crash", r"^exit status 1: ValueError: a defect \(again in 0 s\)$")) == 1


def test_a_worker_that_cannot_be_started_is_an_error_line_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    async def script(_: Supervisor, ear: Ear) -> None:
        await until(lambda: ear.heard("solve", "cannot be started"))
        monkeypatch.undo()
        await until(lambda: ear.heard("solve", "engine sample"))

    status, _, _ = run_stage([worker("solve", spare=True)], script)
    assert status == 0


def test_without_any_usable_camera_the_stage_is_impossible() -> None:
    plans = [worker("solve"), worker("capture.refuse", vital=True)]
    ear = Ear()
    status = asyncio.run(Supervisor(CONFIG, plans, ear).run())
    assert status == 2
    assert ear.messages[-1][2].startswith("no camera can be used: camera front: no such file take.mp4")
    assert workers_of(os.getpid()) == []


def test_a_vital_worker_that_cannot_live_makes_the_stage_impossible() -> None:
    ear = Ear()
    status = asyncio.run(Supervisor(CONFIG, [worker("solve.crash", vital=True), worker("capture.left")], ear).run())
    assert status == 2
    assert ear.messages[-1] == ("error", "", "there is no stage without solve: exit status 1: ValueError: a defect")


def test_one_usable_camera_is_enough() -> None:
    async def script(supervisor: Supervisor, _: Ear) -> None:
        await until(lambda: supervisor._keepers["capture.refuse"].restarts >= 2)

    plans = [worker("solve"), worker("capture.refuse", vital=True), worker("capture.left", vital=True)]
    status, _, _ = run_stage(plans, script)
    assert status == 0


def test_a_stage_whose_recordings_have_ended_ends() -> None:
    ear = Ear()
    plans = [worker("solve"), worker("capture.a.brief"), worker("capture.b.brief")]
    status = asyncio.run(Supervisor(CONFIG, plans, ear).run())
    assert status == 0
    assert ear.heard("capture.a.brief", "take.mp4 has ended")


def test_a_broken_avatar_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "junk.vrm").write_bytes(b"junk")
    config = Config(outputs=(VmcSection(id="engine", actor="anna", avatar=str(tmp_path / "junk.vrm")),))
    with pytest.raises(AvatarError, match=r"junk\.vrm"):
        run_live(config)


def test_a_stage_ends_after_its_time() -> None:
    supervisor = Supervisor(CONFIG, [worker("solve"), worker("capture.left")], Ear())
    assert asyncio.run(supervisor.run(seconds=0.5)) == 0
    assert 0.5 <= supervisor.board.report().seconds < 5.0


def test_metrics_without_a_port_are_an_error_line_and_the_stage_goes_on() -> None:
    async def script(supervisor: Supervisor, _: Ear) -> None:
        await until(lambda: state(supervisor, "solve") == "running")

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = Config(metrics=MetricsSection(port=port))
        status, _, ear = run_stage([worker("solve")], script, config)
    assert status == 0
    assert ("error", "") == ear.messages[0][:2] and f"port {port}" in ear.messages[0][2]


def test_the_supervisor_is_small_and_carries_no_torch(tmp_path: Path) -> None:
    script = (
        "import sys, psutil, stage.supervisor, stage.supervision.metrics\n"
        "assert not {'torch', 'cv2', 'av', 'openvino', 'scipy'} & set(sys.modules)\n"
        "print(psutil.Process().memory_info().rss)\n"
    )
    output = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert int(output) < 80_000_000


LIVE_SCRIPT = """
import asyncio, sys
from tests.stage.test_supervisor import CONFIG, worker
from stage.supervision.display import PlainDisplay
from stage.supervision.supervisor import Supervisor
from rich.console import Console
plans = [worker("solve", spare=True), worker("capture.left"), worker("broadcast.hang")]
sys.exit(asyncio.run(Supervisor(CONFIG, plans, PlainDisplay(Console())).run()))
"""


@contextmanager
def live_stage(tmp_path: Path, script: str) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor in a process of its own, which does not outlive a test that fails."""
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_ctrl_c_ends_a_stage_that_is_still_starting(tmp_path: Path) -> None:
    with live_stage(tmp_path, LIVE_SCRIPT.replace('"solve"', '"solve.slow", vital=True')) as process:
        wait_for(lambda: any(tmp_path.glob("stage-*/solve.slow.ipc")))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20.0)
        assert (process.returncode, errors) == (0, b"")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_every_end_of_the_supervisor_ends_all_workers(tmp_path: Path, number: signal.Signals) -> None:
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip(f"{number.name} is ignored here, as under nohup, and children inherit that")
    with live_stage(tmp_path, LIVE_SCRIPT) as process:
        wait_for(lambda: _set_up(tmp_path) == {"solve", "capture", "broadcast"})
        workers = workers_of(process.pid)
        assert len(workers) == 4
        process.send_signal(number)
        _, errors = process.communicate(timeout=20.0)
        returncode = process.returncode
    _, alive = psutil.wait_procs(workers, timeout=10.0)
    assert alive == []
    if number != signal.SIGKILL:
        assert returncode == 0
        assert errors == b""
        assert list(tmp_path.iterdir()) == []


def _set_up(tmp_path: Path) -> set[str]:
    """Kinds of workers that have been through `setup`."""
    return {path.name.split(".")[0] for path in tmp_path.glob("stage-*/*.setup")}


def wait_for(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_the_report_is_readable_json(tmp_path: Path) -> None:
    supervisor = Supervisor(CONFIG, [worker("solve")], Ear())
    write_report(tmp_path / "report.json", supervisor.board.report())
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["stage"] == "test"
    assert set(report) >= {"rate_hz", "framesets", "legs", "workers", "restarts", "drops", "gaps"}


def test_a_report_that_cannot_be_written_is_an_error_with_its_path(tmp_path: Path) -> None:
    supervisor = Supervisor(CONFIG, [], Ear())
    with pytest.raises(SupervisionError, match="absent"):
        write_report(tmp_path / "absent" / "report.json", supervisor.board.report())
