"""The mqtt worker as a process: from the bus to a real broker, and from the broker's commands to the bus and back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from jsonschema import Draft202012Validator

from protocols.bus import Publisher, Subscriber
from protocols.histogram import Histogram
from protocols.messages import Event, Heartbeat
from protocols.mqtt_schemas import FOLDER, schema_of_topic
from protocols.show import CommandReply, OutputState, RecorderState, SetOutput, StartRecording
from stage.config import ActorSection, AnyOutputSection, CameraSection, Config, LatencySection
from tests.mqtt_broker import PATIENCE_S, BrokerForTests, Listener
from tests.ports import free_port
from tests.run_folder import prepare
from tests.sections import output_section
from tests.stage.outputs.faces import any_face, face_performance
from tests.stage.outputs.performers import random_pose

ROOT = Path(__file__).resolve().parents[2]
MS = 1_000_000
PREFIX = "stage/test"
Kind = TypeVar("Kind")


class Stage:
    """A run folder with a clock, the mqtt worker under test, and whoever else has something to say on the bus."""

    def __init__(self, run_dir: Path, *outputs: AnyOutputSection) -> None:
        self.run_dir = run_dir
        config = Config(
            actors=(ActorSection(id="anna"), ActorSection(id="ben")),
            cameras=(CameraSection(id="left", source="device:0"),),
            outputs=outputs,
            latency=LatencySection(solve_ms=5.0),
        )
        self.clock = prepare(run_dir, config)
        self.others = {
            name: Publisher(run_dir, name, self.clock)
            for name in ("solve", "record", "broadcast", "capture.left", "console", "landmarks", "receive")
        }
        self.bus = Subscriber(run_dir, {"mqtt": ["command.", "reply.", "output.", "heartbeat.", "event."]})
        self.process = self.start()

    def start(self) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workers.mqtt", "--run-dir", str(self.run_dir), "--name", "mqtt"],
            cwd=ROOT,
            env=dict(os.environ),
            text=True,
            stderr=subprocess.PIPE,
        )
        return self.process

    def heard(self, kind: type[Kind], ready: Callable[[Kind], bool] = lambda _: True) -> Kind:
        """The next record of a kind on the worker's bus that fulfils a condition."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            message = self.bus.receive(100)
            if message is not None and isinstance(message.record, kind) and ready(message.record):
                return message.record
        raise AssertionError(f"no such {kind.__name__}")

    def perform(self, number: int, actor: str = "anna") -> None:
        now_ns = self.clock.now_ns()
        posed = random_pose(number, actor=actor, number=number, capture_ns=now_ns - 40 * MS)
        self.others["solve"].send(f"performance.{actor}", posed.performance)

    def beat(self, worker: str, state: str = "running", **legs_ms: float) -> None:
        legs = {leg: Histogram() for leg in legs_ms}
        for leg, ms in legs_ms.items():
            legs[leg].record(int(ms * MS))
        encoded = {leg: histogram.to_bytes() for leg, histogram in legs.items()}
        beat = Heartbeat(worker, 1, self.clock.now_ns(), state, 30.0, 4.0, 1, {"items": 90, "drops": 2}, encoded, {})
        self.others[worker].send(f"heartbeat.{worker}", beat)

    def stop(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        _, complaints = self.process.communicate(timeout=PATIENCE_S)
        return complaints

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.bus.close()
        for publisher in self.others.values():
            publisher.close()


Open = Callable[..., Stage]


@pytest.fixture
def open_stage(tmp_path: Path) -> Iterator[Open]:
    stages: list[Stage] = []

    def start(port: int, *others: AnyOutputSection, **options: Any) -> Stage:
        section = output_section("mqtt", id="house", port=port, prefix=PREFIX, **options)
        stages.append(Stage(tmp_path, section, *others))
        return stages[-1]

    yield start
    for stage in stages:
        stage.close()


@pytest.fixture
def listener(broker: BrokerForTests) -> Iterator[Listener]:
    started = Listener(broker.port, five=True)
    yield started
    started.stop()


def again_until_heard(
    say: Callable[[], None], listener: Listener, topic: str, timeout_s: float = PATIENCE_S, **fields: Any
) -> Any:
    """Says something on the bus until it is published: PUB sockets lose what is sent before a subscriber is there."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        say()
        time.sleep(0.02)
        for name, payload, _ in list(listener.heard):
            if name == f"{PREFIX}/{topic}" and all((payload or {}).get(key) == fields[key] for key in fields):
                return payload
    raise AssertionError((topic, fields, sorted({name for name, _, _ in listener.heard})))


def recorder_state(stage: Stage, fault: str = "") -> RecorderState:
    return RecorderState(stage.clock.now_ns(), True, "scene", 3, stage.clock.now_ns(), "scene_003", 9, 0, 10, fault)


def output_state(stage: Stage, fault: str = "") -> OutputState:
    now_ns = stage.clock.now_ns()
    return OutputState("engine", "vmc", "broadcast", now_ns, True, "anna", 0.0, "udp", 30.0, 5, 0, fault)


def test_what_a_stage_tells_fits_the_schemas(broker: BrokerForTests, open_stage: Open, listener: Listener) -> None:
    stage = open_stage(broker.port, version="5", poses=True)
    session = listener.wait_for(f"{PREFIX}/$state", state="ready")["session"]
    told = listener.wait_for(f"{PREFIX}/stage")
    assert (told["session"], told["actors"], told["cameras"], told["commands"]) == (
        session, ["anna", "ben"], ["left"], False,
    )  # fmt: skip
    again_until_heard(lambda: stage.perform(1), listener, "actor/anna/pose")
    listener.wait_for(f"{PREFIX}/actor/anna/state", state="tracking")
    stage.others["solve"].send("face.anna", face_performance(any_face(), 3))
    listener.wait_for(f"{PREFIX}/actor/anna/face", number=3)

    def everything() -> None:
        stage.beat("capture.left")
        stage.beat("solve", solve=20.0)
        stage.others["record"].send("recorder", recorder_state(stage))
        stage.others["broadcast"].send("output.engine", output_state(stage, "no route"))
        stage.others["solve"].send("event.solve", Event("solve", stage.clock.now_ns(), "warning", "hot"))

    latency = again_until_heard(everything, listener, "latency/solve")
    assert latency["over"] and latency["budget_ms"] == 5.0
    assert again_until_heard(everything, listener, "camera/left", state="running")["drops"] == 2
    assert again_until_heard(everything, listener, "recorder", recording=True)["name"] == "scene_003"
    assert again_until_heard(everything, listener, "output/engine")["fault"] == "no route"
    assert again_until_heard(everything, listener, "alarm/solve")["text"] == "hot"
    assert again_until_heard(everything, listener, "timecode")["text"].count(":") == 3
    listener.wait_for(f"{PREFIX}/output/house", fault="")
    deadline_s = time.monotonic() + PATIENCE_S
    wrong: set[str] = set()
    while not {"output/engine", "latency/solve"} <= wrong:
        assert time.monotonic() < deadline_s, wrong
        everything()
        time.sleep(0.02)
        lists = [payload["alarms"] for name, payload, _ in list(listener.heard) if name == f"{PREFIX}/alarms"]
        wrong = {alarm["about"] for alarms in lists for alarm in alarms}
    assert stage.stop() == ""
    listener.wait_for(f"{PREFIX}/$state", state="disconnected", session=session)
    kinds = set()
    for topic, payload, _ in listener.heard:
        kind = schema_of_topic(topic.removeprefix(f"{PREFIX}/"))
        Draft202012Validator(msgspec.json.decode((FOLDER / f"{kind}.json").read_bytes())).validate(payload)
        kinds.add(kind)
    assert kinds == {
        "state", "stage", "rig", "actor-state", "pose", "face", "camera", "output", "recorder", "timecode", "latency",
        "alarm", "alarms",
    }  # fmt: skip


def test_a_worker_that_falls_silent_is_an_alarm_until_it_speaks_again(
    broker: BrokerForTests, open_stage: Open, listener: Listener
) -> None:
    stage = open_stage(broker.port)
    again_until_heard(lambda: stage.beat("capture.left"), listener, "camera/left", state="running")
    listener.wait_for(f"{PREFIX}/camera/left", state="silent")

    def about() -> list[set[str]]:
        return [
            {alarm["about"] for alarm in payload["alarms"]}
            for name, payload, _ in list(listener.heard)
            if name == f"{PREFIX}/alarms"
        ]

    deadline_s = time.monotonic() + PATIENCE_S
    while not any("worker/capture.left" in alarms for alarms in about()):
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    while "worker/capture.left" in about()[-1]:
        assert time.monotonic() < deadline_s
        stage.beat("capture.left")
        time.sleep(0.02)


def test_commands_go_to_the_bus_and_replies_come_back(
    broker: BrokerForTests, open_stage: Open, listener: Listener
) -> None:
    stage = open_stage(broker.port, version="5", commands=True)
    listener.wait_for(f"{PREFIX}/$state", state="ready")
    command = None
    deadline_s = time.monotonic() + PATIENCE_S
    while command is None and time.monotonic() < deadline_s:
        listener.say(f"{PREFIX}/command/record/start", {"id": "a", "slate": "../x", "take": 7})
        while (message := stage.bus.receive(200)) is not None and command is None:
            command = message.record if isinstance(message.record, StartRecording) else None
    assert command is not None
    assert (command.slate, command.take, command.surface) == ("../x", 7, "mqtt")
    listener.say(f"{PREFIX}/command/record/start", {"slate": "b"}, answer_to="my/answers", correlation=b"\x07\xff")
    second = stage.heard(StartRecording, lambda record: record.slate == "b")
    for number in range(200):  # until the worker has connected to the recorder
        for one in (command, second):
            reply = CommandReply(one.id, "mqtt", "record", True, f"recording {number}", {"name": "x"})
            stage.others["record"].send("reply.record", reply)
        time.sleep(0.02)
        if any(name == "my/answers" for name, _, _ in listener.heard):
            break
    answer = listener.wait_for("my/answers")
    assert answer == {"id": "", "command": "record/start", "ok": True, "text": answer["text"], "facts": {"name": "x"}}
    assert listener.correlations[-1] == b"\x07\xff"
    assert listener.wait_for(f"{PREFIX}/reply", id="a", ok=True)["facts"] == {"name": "x"}
    assert [name for name, _, _ in listener.heard].count("my/answers") == 1


def test_an_output_is_switched_by_its_own_broker_and_by_others(
    broker: BrokerForTests, open_stage: Open, listener: Listener
) -> None:
    stage = open_stage(broker.port, commands=True, poses=True)
    again_until_heard(lambda: stage.perform(1), listener, "actor/anna/pose")
    listener.say(f"{PREFIX}/command/output/house/enable", {"id": "1", "enabled": False})
    assert listener.wait_for(f"{PREFIX}/reply", id="1")["ok"]
    listener.wait_for(f"{PREFIX}/output/house", enabled=False)
    assert (f"{PREFIX}/actor/anna/state", None, False) in listener.heard  # deleted
    poses = [name for name, _, _ in listener.heard].count(f"{PREFIX}/actor/anna/pose")
    for number in range(5):
        stage.perform(100 + number)
    listener.say(f"{PREFIX}/command/output/house/set", {"id": "2", "rate": 10, "enabled": True, "actor": "ben"})
    reply = listener.wait_for(f"{PREFIX}/reply", id="2")
    assert reply["ok"] and reply["facts"] == {"enabled": "true", "actor": "ben", "rate": "10"}
    again_until_heard(lambda: stage.perform(1, "ben"), listener, "actor/ben/pose")
    assert [name for name, _, _ in listener.heard].count(f"{PREFIX}/actor/anna/pose") == poses
    listener.say(f"{PREFIX}/command/output/house/set", {"id": "3", "actor": "nobody"})
    assert "nobody" in listener.wait_for(f"{PREFIX}/reply", id="3", ok=False)["text"]
    listener.say(f"{PREFIX}/command/output/engine/enable", b"")
    assert stage.heard(SetOutput, lambda command: command.output == "engine").enabled is True


def test_a_killed_worker_is_lost_and_its_successor_is_ready(
    broker: BrokerForTests, open_stage: Open, listener: Listener
) -> None:
    stage = open_stage(broker.port)
    session = listener.wait_for(f"{PREFIX}/$state", state="ready")["session"]
    stage.process.kill()
    stage.process.communicate()
    assert listener.wait_for(f"{PREFIX}/$state", state="lost")["session"] == session
    stage.start()
    assert listener.wait_for(f"{PREFIX}/$state", count=2, state="ready")["session"] != session


def test_a_broker_that_is_away_is_told_to_the_bus_and_costs_nothing(open_stage: Open) -> None:
    stage = open_stage(free_port())
    state = stage.heard(OutputState, lambda state: bool(state.fault))
    assert state.id == "house" and "is away" in state.fault and state.worker == "mqtt"
    assert "away" in stage.heard(Heartbeat).facts["house"]
    deadline_s = time.monotonic() + PATIENCE_S
    while stage.heard(Heartbeat).counters.get("items", 0) < 20:
        assert time.monotonic() < deadline_s
        for number in range(10):
            stage.perform(number)
    assert stage.stop() == ""
