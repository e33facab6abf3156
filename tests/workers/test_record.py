"""The record worker as a process: from commands and data on the bus to takes on the disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from protocols.bus import Message, Publisher, Subscriber
from protocols.messages import Event, Heartbeat, MeshNote, Record
from protocols.show import (
    Command,
    CommandReply,
    Mark,
    RecorderState,
    SetSlate,
    StartRecording,
    StopRecording,
    TimecodeSync,
)
from protocols.takefile import TakeReader
from stage.config import ActorSection, CameraSection, Config, RecordSection, TimecodeSection
from tests.run_folder import prepare
from tests.stage.outputs.faces import any_face, face_performance
from tests.stage.outputs.performers import random_pose

ROOT = Path(__file__).resolve().parents[2]
Kind = TypeVar("Kind", bound=Record)


class Stage:
    """A run folder with a clock, a solver and a console to speak for, and the record worker under test."""

    def __init__(self, run_dir: Path, timecode: TimecodeSection, pre_roll_s: float) -> None:
        self.run_dir = run_dir
        self.takes = run_dir / "takes"
        config = Config(
            cameras=(CameraSection(id="left", source="device:0"),),
            actors=(ActorSection(id="anna"),),
            record=RecordSection(folder=str(self.takes), pre_roll_seconds=pre_roll_s),
            timecode=timecode,
        )
        self.clock = prepare(run_dir, config)
        self.solve = Publisher(run_dir, "solve", self.clock)
        self.console = Publisher(run_dir, "console", self.clock)
        self.receive = Publisher(run_dir, "receive", self.clock)
        self.ear = Subscriber(run_dir, {"record": ["reply.", "event.", "heartbeat.", "recorder"]}, queue_length=1000)
        self.said: list[Record] = []
        self.sent: list[Message] = []
        self.count = 0
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workers.record", "--run-dir", str(self.run_dir), "--name", "record"],
            cwd=ROOT,
            env=dict(os.environ),
            text=True,
            stderr=subprocess.PIPE,
        )

    def hear(
        self, kind: type[Kind], fits: Callable[[Kind], bool], meanwhile: Callable[[], object] | None = None
    ) -> Kind:
        """The first record of a kind, from now on, that fits; `meanwhile` is done again and again."""
        deadline_s = time.monotonic() + 30.0
        while time.monotonic() < deadline_s:
            message = self.ear.receive(10 if meanwhile else 200)
            if message is not None:
                self.said.append(message.record)
                if isinstance(message.record, kind) and fits(message.record):
                    return message.record
            elif meanwhile is not None:
                meanwhile()
        raise AssertionError(f"no such {kind.__name__}; heard {self.said[-5:]}")

    def state(self, fits: Callable[[RecorderState], bool]) -> RecorderState:
        return self.hear(RecorderState, fits)

    def order(self, kind: type[Command], **options: object) -> CommandReply:
        """Gives a command and waits for its reply; again when nobody listened yet."""
        self.count += 1
        command = kind(id=str(self.count), surface="console", **options)
        self.console.send("command.console", command)
        reply = self.hear(CommandReply, lambda reply: reply.id == command.id)
        assert reply.surface == "console" and reply.worker == "record"
        return reply

    def ready(self) -> None:
        """Waits until the worker hears the console."""
        self.hear(Heartbeat, lambda beat: beat.state == "waiting")
        ping = SetSlate(id="ping", surface="console")
        self.hear(CommandReply, lambda reply: reply.id == "ping", lambda: self.console.send("command.console", ping))

    def perform(self) -> None:
        """One performance with its mesh, and two faces, onto the bus."""
        number, now_ns = len(self.sent), self.clock.now_ns()
        self.sent.append(Message("", Event("", 0, "", ""), number, 0))
        self.solve.send("mesh.anna", MeshNote("anna", number, now_ns, bytes(36)))
        self.solve.send("performance.anna", random_pose(number, number=number, capture_ns=now_ns).performance)
        for half in (0, 1):
            capture_ns = now_ns + half * 8_000_000
            self.solve.send("face.anna", face_performance(any_face(number), 2 * number + half, capture_ns=capture_ns))

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        for end in (self.solve, self.console, self.receive, self.ear):
            end.close()


@pytest.fixture
def stage(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    timecode, pre_roll_s = getattr(request, "param", (TimecodeSection(rate="30"), 2.0))
    made = Stage(tmp_path, timecode, pre_roll_s)
    yield made
    made.close()


def recorded(stage: Stage, count: int = 10) -> RecorderState:
    """Performs until the take has so many records."""
    return stage.hear(RecorderState, lambda state: state.recording and state.records >= count, stage.perform)


@pytest.mark.parametrize("stage", [(TimecodeSection(rate="30"), 0.0)], indirect=True)
def test_a_take_from_command_to_files(stage: Stage) -> None:
    idle = stage.state(lambda state: state.free_bytes > 0)
    assert (idle.recording, idle.slate, idle.take, idle.name, idle.began_ns) == (False, "scene", 1, "", 0)
    stage.ready()
    stage.perform()  # nobody listens yet: not in the take
    begun = stage.order(StartRecording, slate="Scene 7/b")
    assert begun.ok, begun.text
    assert (
        begun.facts["take"] == "Scene_7_b_001" and begun.facts["slate"] == "Scene 7/b" and begun.facts["number"] == "1"
    )
    state = recorded(stage)
    assert state.name == "Scene_7_b_001" and state.began_ns > 0 and state.lost == 0
    assert not stage.order(StartRecording).ok
    ended = stage.order(StopRecording)
    assert ended.ok, ended.text
    mcap, csv = Path(ended.facts["mcap"]), Path(ended.facts["csv"])
    assert ended.facts["files"].split("\n") == [str(mcap), str(csv)]
    assert mcap == stage.takes / "Scene_7_b_001.mcap" and csv.name == "Scene_7_b_001_anna.csv"
    assert ended.facts["timecode"] > begun.facts["timecode"] or ended.facts["timecode"] == begun.facts["timecode"]
    take = TakeReader(mcap)
    entries = list(take.records())
    assert (entries[0].topic, entries[0].kind) == ("command.console", "StartRecording")
    topics = {entry.topic for entry in entries}
    assert topics >= {"performance.anna", "face.anna", "command.console"} and "mesh.anna" not in topics
    numbers = [entry.decoded().record.number for entry in entries if entry.topic == "performance.anna"]  # type: ignore[attr-defined]
    assert numbers == list(range(numbers[0], numbers[-1] + 1)) and numbers[0] > 0
    assert take.finished and len(csv.read_text().splitlines()) == 1 + sum(e.topic == "face.anna" for e in entries)
    after = stage.state(lambda state: not state.recording)
    assert (after.slate, after.take, after.name) == ("Scene 7/b", 2, "Scene_7_b_001")
    assert not stage.order(StopRecording).ok


def test_slate_and_take_are_set_and_nothing_is_overwritten(stage: Stage) -> None:
    stage.takes.mkdir()
    (stage.takes / "x_005.mcap").write_text("mine")
    stage.ready()
    assert stage.order(SetSlate, slate="x", take=5).ok
    assert stage.state(lambda state: state.slate == "x").take == 5
    reply = stage.order(StartRecording)
    assert reply.ok and reply.facts["number"] == "6"
    assert stage.order(StopRecording).ok
    assert stage.order(StartRecording).facts["number"] == "7"
    assert (stage.takes / "x_005.mcap").read_text() == "mine"


def test_sigterm_ends_the_take_properly(stage: Stage) -> None:
    stage.ready()
    name = stage.order(StartRecording).facts["mcap"]
    recorded(stage)
    stage.process.send_signal(signal.SIGTERM)
    _, complaints = stage.process.communicate(timeout=20)
    assert stage.process.returncode == 0 and complaints == ""
    take = TakeReader(Path(name))
    assert take.finished and len(list(take.records("performance."))) > 0
    assert (stage.takes / "scene_001_anna.csv").exists()


def test_what_a_crash_left_is_mended_told_and_kept(stage: Stage) -> None:
    stage.ready()
    name = Path(stage.order(StartRecording).facts["mcap"])
    state = recorded(stage)
    stage.process.kill()
    stage.process.communicate()
    left = name.read_bytes()
    assert len(list(TakeReader(name).records())) > 0 and state.records > 0
    stage.start()
    stage.ready()
    assert stage.order(StartRecording).facts["take"] == "scene_002"
    told = stage.hear(Event, lambda event: "mended: " in event.text)
    assert "scene_001.mcap" in told.text and told.kind == "warning"
    assert stage.order(StopRecording).ok and TakeReader(name).finished
    assert name.with_name("scene_001.mcap.unfinished").read_bytes() == left


def test_a_folder_that_cannot_be_is_a_reply_and_the_worker_lives(stage: Stage) -> None:
    stage.takes.write_text("a file where the folder should be")
    stage.ready()
    for _ in range(2):
        reply = stage.order(StartRecording)
        assert not reply.ok and "record.folder" in reply.text
    assert stage.state(lambda state: state.fault != "").recording is False
    stage.takes.unlink()
    assert stage.order(StartRecording).ok


@pytest.mark.parametrize(
    "stage", [(TimecodeSection(rate="25", source="network"), pre_roll_s) for pre_roll_s in (0.0, 2.0)], indirect=True
)
def test_a_timecode_from_before_the_take_is_in_it(stage: Stage) -> None:
    stage.ready()
    assert stage.order(StartRecording).facts["timecode"] == ""
    stage.order(StopRecording)

    def sync() -> None:
        stage.receive.send("timecode", TimecodeSync(stage.clock.now_ns(), "10:20:30:00", "ltc"))

    def timecode_is_known() -> bool:
        sync()
        begun = stage.order(StartRecording)
        if begun.facts["timecode"].startswith("10:20:"):
            return True
        stage.order(StopRecording)
        return False

    deadline_s = time.monotonic() + 20.0
    while not timecode_is_known():
        assert time.monotonic() < deadline_s
    recorded(stage)
    ended = stage.order(StopRecording)
    first = next(TakeReader(Path(ended.facts["mcap"])).records("timecode", "performance."))
    assert first.kind == "TimecodeSync"
    assert Path(ended.facts["csv"]).read_text().splitlines()[1].startswith("10:20:")


def test_what_was_before_the_start_and_the_marks_are_in_the_take(stage: Stage) -> None:
    stage.ready()
    assert not stage.order(Mark, text="nothing to mark yet").ok

    def perform_slowly() -> None:
        stage.perform()
        time.sleep(0.02)

    stage.hear(RecorderState, lambda state: state.pre_roll_s >= 0.5, perform_slowly)
    before = len(stage.sent)
    begun = stage.order(StartRecording)
    state = recorded(stage, 60)
    assert stage.order(Mark, text="he stumbles").ok and stage.order(Mark).ok
    assert stage.state(lambda state: state.marks == 2).minutes_left == -1.0 and state.pre_roll_s > 0.0
    assert stage.order(StopRecording).ok
    take = TakeReader(Path(begun.facts["mcap"]))
    records = [entry.decoded() for entry in take.records("performance.")]
    numbers = [envelope.record.number for envelope in records]  # type: ignore[attr-defined]
    assert numbers[0] < before - 10 and numbers == list(range(numbers[0], numbers[-1] + 1))
    began_ns, from_ns = (int(take.facts["take"][key]) for key in ("began_ns", "from_ns"))
    assert 0.5e9 <= began_ns - from_ns <= 2.0e9 and records[0].sent_ns >= from_ns
    commands = [entry.decoded().record for entry in take.records("command.")]
    assert [c.text for c in commands if isinstance(c, Mark)] == ["he stumbles", ""]
    assert sum(isinstance(c, StartRecording) for c in commands) == 1
    assert take.facts["end"]["marks"] == "2" and take.facts["end"]["lost"] == "0"
    received = [entry.received_ns for entry in take.records()]
    assert received == sorted(received) and sum(1 for _ in take.records("tf")) == len(numbers)
