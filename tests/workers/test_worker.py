from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from protocols.bus import Message, Publisher, Subscriber
from protocols.histogram import Histogram
from protocols.messages import Event, Heartbeat
from protocols.show import StopRecording, TimecodeSync
from stage.command_book import OBEYED_S
from stage.config import Config
from tests.run_folder import prepare
from tests.waiting import until
from workers.worker import Worker

ROOT = Path(__file__).resolve().parents[2]
MODULE = "tests.workers.sample_worker"

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    prepare(tmp_path, Config())
    return tmp_path


@pytest.fixture
def start(run_dir: Path) -> Iterator[Start]:
    processes: list[subprocess.Popen[str]] = []

    def start_worker(name: str, *options: str, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE, "--run-dir", str(run_dir), "--name", name, *options],
            cwd=ROOT,
            env={**os.environ, **variables},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        processes.append(process)
        return process

    yield start_worker
    for process in processes:
        process.kill()
        process.communicate()


def heartbeats(run_dir: Path, name: str, state: str, timeout_s: float = 20.0) -> tuple[Heartbeat, list[Event]]:
    """Listen until a heartbeat with this state arrives, and keep the events on the way."""
    events: list[Event] = []
    deadline_s = time.monotonic() + timeout_s
    with Subscriber(run_dir, {name: ["heartbeat.", "event."]}) as subscriber:
        while time.monotonic() < deadline_s:
            message = subscriber.receive(100)
            if message is not None and isinstance(message.record, Event):
                events.append(message.record)
            if message is not None and isinstance(message.record, Heartbeat) and message.record.state == state:
                return message.record, events
    raise AssertionError(f"no heartbeat in state {state}")


def test_heartbeat_tells_what_the_worker_does(run_dir: Path, start: Start) -> None:
    process = start("sample.tick")
    heartbeats(run_dir, "sample.tick", "running")
    with Subscriber(run_dir, {"sample.tick": ["heartbeat."]}) as subscriber:
        seen = [subscriber.receive(5000) for _ in range(8)]
    records = [message.record for message in seen if message is not None and isinstance(message.record, Heartbeat)]
    last = records[-1]
    assert last.pid == process.pid
    assert last.age_ms == 2.0
    assert 5.0 < last.rate_hz <= 51.0
    assert last.resident_bytes > 5_000_000
    assert last.facts == {"engine": "sample", "reported": "yes"}
    assert Histogram.from_bytes(last.legs["total"]).count == last.counters["items"]
    assert all(0.15e9 < b.at_ns - a.at_ns for a, b in itertools.pairwise(records))


def test_sigterm_ends_after_teardown_with_status_0(run_dir: Path, start: Start) -> None:
    process = start("sample.tick")
    heartbeats(run_dir, "sample.tick", "running")
    process.terminate()
    assert process.wait(5.0) == 0
    assert list(run_dir.glob(f"sample.tick.{process.pid}.teardown"))


def test_sigterm_ends_even_a_worker_that_is_still_starting(run_dir: Path, start: Start) -> None:
    process = start("sample.slow")
    until((run_dir / "sample.slow.ipc").exists)
    process.terminate()
    assert process.wait(5.0) == 0
    assert not list(run_dir.glob("*.setup"))


def test_sigint_is_left_to_the_supervisor(run_dir: Path, start: Start) -> None:
    process = start("sample.tick")
    heartbeats(run_dir, "sample.tick", "running")
    process.send_signal(signal.SIGINT)
    heartbeats(run_dir, "sample.tick", "running")
    assert process.poll() is None


def test_a_stage_error_is_one_line_and_status_2(start: Start) -> None:
    process = start("sample.refuse")
    _, errors = process.communicate(timeout=20.0)
    assert process.returncode == 2
    assert errors == "stage: error: camera front: no such file take.mp4; check [[cameras]] source\n"


def test_a_missing_clock_is_a_stage_error_too(run_dir: Path, start: Start) -> None:
    (run_dir / "clock.json").unlink()
    process = start("sample.tick")
    _, errors = process.communicate(timeout=20.0)
    assert process.returncode == 2
    assert errors.startswith("stage: error: ") and errors.count("\n") == 1


def test_a_finished_source_stays_and_says_so_once(run_dir: Path, start: Start) -> None:
    process = start("sample.brief")
    last, events = heartbeats(run_dir, "sample.brief", "finished")
    assert last.counters["items"] == 20
    assert [event.text for event in events] in ([], ["take.mp4 has ended"])  # none when it was quicker than we
    assert process.poll() is None


def test_a_standby_prepares_and_waits_silently(run_dir: Path, start: Start) -> None:
    process = start("sample.tick", "--standby")
    assert process.stdout is not None and process.stdin is not None
    assert process.stdout.readline() == "standby\n"
    assert not list(run_dir.glob("*.setup")) and not (run_dir / "sample.tick.ipc").exists()
    process.stdin.write("go\n")
    process.stdin.flush()
    last, _ = heartbeats(run_dir, "sample.tick", "running")
    assert last.pid == process.pid


@pytest.mark.parametrize("how", ["terminate", "close"])
def test_a_standby_ends_when_asked_or_forgotten(start: Start, how: str) -> None:
    process = start("sample.tick", "--standby")
    assert process.stdout is not None and process.stdin is not None
    assert process.stdout.readline() == "standby\n"
    if how == "terminate":
        process.terminate()
    else:
        process.stdin.close()
        process.stdin = None
    assert process.wait(5.0) == 0


def test_a_worker_whose_supervisor_was_killed_ends(run_dir: Path) -> None:
    script = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-m', '{MODULE}', '--run-dir', r'{run_dir}', "
        "'--name', 'sample.tick'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(3600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, text=True, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        worker_pid = int(parent.stdout.readline())
        heartbeats(run_dir, "sample.tick", "running")
        parent.kill()
    # The worker has been adopted by another process, which reaps it; its teardown is its last act.
    until(lambda: any(run_dir.glob(f"sample.tick.{worker_pid}.teardown")))


def test_a_worker_started_for_another_supervisor_ends(start: Start) -> None:
    process = start("sample.tick", STAGE_SUPERVISOR_PID="1")
    assert process.wait(20.0) == 0


def test_a_worker_that_was_held_up_does_not_obey_what_was_given_up_meanwhile(run_dir: Path) -> None:
    worker = Worker(run_dir, "late")
    now_ns = worker.clock.now_ns()
    late_ns = now_ns - round(OBEYED_S * 1e9) - 1
    sync = Message("timecode", TimecodeSync(late_ns, "01:00:00:00", "machine"), 0, late_ns)
    given = [Message("command.control", StopRecording("a", "control"), n, at) for n, at in ((0, late_ns), (1, now_ns))]
    with Subscriber(run_dir, {}) as subscriber:
        subscriber.drain_all = lambda: [sync, *given]  # type: ignore[method-assign]
        assert list(worker.commanded(subscriber)) == [sync, given[1]]
    assert worker.counters["commands late"] == 1


def test_a_name_of_a_file_that_is_no_text_can_be_told(run_dir: Path) -> None:
    worker = Worker(run_dir, "teller")
    heard: list[Message] = []
    with Publisher(run_dir, "teller") as worker.publisher, Subscriber(run_dir, {"teller": ["event."]}) as subscriber:
        until(lambda: worker.event("warning", "scene\udcff.mcap") or heard.extend(subscriber.drain_all()) or heard)
    assert [message.record.text for message in heard[:1] if isinstance(message.record, Event)] == ["scene?.mcap"]
