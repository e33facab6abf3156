"""The broadcast worker as a process: from performances on the bus to what receivers get."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from protocols import osc
from protocols.bus import Publisher, Subscriber
from protocols.clock import ClockFile, StageClock, write_clock
from protocols.histogram import Histogram
from protocols.messages import Event, Heartbeat, Performance, Trace
from protocols.udp import UdpReceiver
from stage.config import ActorSection, AnyOutputSection, Config, VmcSection
from stage.outputs.humanoid import HUMANOID_BONES, Humanoid
from tests.mqtt_broker import BrokerForTests, Listener
from tests.receivers import Evmc4u, UOscReader
from tests.sections import output_section
from tests.stage.outputs.faces import any_face, face_performance
from tests.stage.outputs.performers import random_pose

ROOT = Path(__file__).resolve().parents[2]
MS = 1_000_000


class Stage:
    """A run folder with a clock, a solve worker to speak for, and the broadcast worker under test."""

    def __init__(self, run_dir: Path, outputs: tuple[AnyOutputSection, ...]) -> None:
        self.run_dir = run_dir
        self.clock = StageClock.start()
        config = Config(actors=(ActorSection(id="anna"), ActorSection(id="ben")), outputs=outputs)
        (run_dir / "config.json").write_bytes(msgspec.json.encode(config))
        write_clock(run_dir, ClockFile(offset_ns=self.clock.offset_ns, epoch_ns=self.clock.now_ns()))
        self.solve = Publisher(run_dir, "solve", self.clock)
        self.process = self.start()

    def start(self) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workers.broadcast", "--run-dir", str(self.run_dir), "--name", "broadcast"],
            cwd=ROOT,
            env=dict(os.environ),
            text=True,
            stderr=subprocess.PIPE,
        )
        return self.process

    def perform(self, number: int, actor: str = "anna", state: str = "tracking") -> Performance:
        """One performance onto the bus, solved just now from frames of 40 ms ago."""
        now_ns = self.clock.now_ns()
        capture_ns, published_ns, begin_ns, end_ns, solve_ns = (now_ns - ms * MS for ms in (40, 35, 33, 15, 10))
        trace = Trace(capture_ns, published_ns, begin_ns, end_ns, solve_ns, now_ns)
        performance = random_pose(
            number, actor=actor, number=number, state=state, capture_ns=capture_ns, trace=trace
        ).performance
        self.solve.send(f"performance.{actor}", performance)
        return performance

    def make_a_face(self, number: int, actor: str = "anna") -> None:
        """One face of a face camera onto the bus, solved just now from a frame of 12 ms ago."""
        now_ns = self.clock.now_ns()
        capture_ns, published_ns, begin_ns, end_ns, solve_ns = (now_ns - ms * MS for ms in (12, 10, 9, 4, 3))
        trace = Trace(capture_ns, published_ns, begin_ns, end_ns, solve_ns, now_ns)
        record = face_performance(any_face(), number, actor=actor, capture_ns=capture_ns, trace=trace)
        self.solve.send(f"face.{actor}", record)

    def heartbeat(self, ready: Callable[[Heartbeat], bool], events: list[Event] | None = None) -> Heartbeat:
        """The first heartbeat that fulfils a condition."""
        deadline_s = time.monotonic() + 20.0
        with Subscriber(self.run_dir, {"broadcast": ["heartbeat.", "event."]}) as subscriber:
            while time.monotonic() < deadline_s:
                message = subscriber.receive(100)
                record = message.record if message is not None else None
                if isinstance(record, Event) and events is not None:
                    events.append(record)
                if isinstance(record, Heartbeat) and ready(record):
                    return record
        raise AssertionError("no such heartbeat")

    def stop(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        _, complaints = self.process.communicate(timeout=20)
        return complaints

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.solve.close()


Open = Callable[..., Stage]


@pytest.fixture
def open_stage(tmp_path: Path) -> Iterator[Open]:
    stages: list[Stage] = []

    def start(*outputs: AnyOutputSection) -> Stage:
        stages.append(Stage(tmp_path, outputs))
        return stages[-1]

    yield start
    for stage in stages:
        stage.close()


@pytest.fixture
def engine() -> Iterator[UdpReceiver]:
    with UdpReceiver("127.0.0.1", 0, timeout_s=0.05) as receiver:
        yield receiver


@pytest.fixture
def blueprint() -> Iterator[UdpReceiver]:
    with UdpReceiver("127.0.0.1", 0, timeout_s=0.05) as receiver:
        yield receiver


def vmc(engine: UdpReceiver, actor: str = "anna", **options: Any) -> VmcSection:
    return output_section("vmc", id="engine", actor=actor, port=engine.port, **options)


def connected(stage: Stage, receiver: UdpReceiver) -> int:
    """Performs until the first datagram arrives: PUB sockets lose what is sent before a subscriber has connected."""
    deadline_s = time.monotonic() + 20.0
    for number in range(1_000_000):
        stage.perform(number)
        if receiver.receive() is not None:
            while receiver.receive() is not None:
                pass
            return number
        assert time.monotonic() < deadline_s
    raise AssertionError


def frame(receiver: UdpReceiver, count: int) -> list[bytes]:
    datagrams = []
    for _ in range(count):
        deadline_s = time.monotonic() + 10.0
        while (received := receiver.receive()) is None:
            assert time.monotonic() < deadline_s
        datagrams.append(received[0])
    return datagrams


def test_what_is_solved_arrives_in_the_engine(open_stage: Open, engine: UdpReceiver, blueprint: UdpReceiver) -> None:
    stage = open_stage(vmc(engine), output_section("osc", id="blueprint", actor="anna", port=blueprint.port))
    connected(stage, engine)
    while blueprint.receive() is not None:
        pass
    reader, receiver = UOscReader(), Evmc4u()
    for number in range(1000, 1005):
        performance = stage.perform(number)
        for datagram in frame(engine, 5):
            for message in reader.read(datagram):
                receiver.take(message)
        expected = np.abs(Humanoid().pose(performance))
        sent = np.abs(np.array([receiver.bones[name] for name in HUMANOID_BONES], np.float32))
        np.testing.assert_allclose(sent, expected, atol=1e-6)
        plain = [m for d in frame(blueprint, 4) for m in osc.messages(osc.parse(d))]
        assert len(plain) == 56
        assert plain[-1].address == "/anna/time"
    assert reader.errors == [] and not receiver.shutdown
    assert stage.stop() == ""
    assert stage.process.returncode == 0


def test_legs_and_counts(open_stage: Open, engine: UdpReceiver) -> None:
    stage = open_stage(vmc(engine, trace=True), output_section("vmc", id="other", actor="ben", port=engine.port))
    first = connected(stage, engine)
    for number in range(2000, 2010):
        stage.perform(number)
        frame(engine, 5)
    heartbeat = stage.heartbeat(lambda beat: beat.counters.get("engine.frames", 0) >= 10)
    legs = {leg: Histogram.from_bytes(data) for leg, data in heartbeat.legs.items()}
    assert list(legs) == ["capture", "queue", "landmarks", "assemble", "solve", "send", "total"]
    for leg, ms in {"capture": 5, "queue": 2, "landmarks": 18, "assemble": 5, "solve": 10}.items():
        assert legs[leg].percentile(50) == pytest.approx(ms * MS, rel=0.06)
    assert legs["send"].percentile(50) < 20 * MS
    assert legs["total"].percentile(50) > 40 * MS
    assert all(histogram.count == heartbeat.counters["items"] for histogram in legs.values())
    assert heartbeat.counters["items"] >= 10
    assert heartbeat.counters["engine.frames"] <= first + 11
    assert heartbeat.counters["other.frames"] == 0
    assert heartbeat.facts["engine"].startswith(f"vmc to 127.0.0.1:{engine.port} from port ")


def test_faces_go_out_at_once_and_their_way_is_counted_apart(open_stage: Open, engine: UdpReceiver) -> None:
    stage = open_stage(vmc(engine, blends=("arkit",)))
    connected(stage, engine)
    for number in range(20):
        stage.make_a_face(number)
        face = [m for d in frame(engine, 4) for m in osc.messages(osc.parse(d))]
        assert [m.address for m in face if m.address.startswith("/VMC/Ext/B")][-1] == "/VMC/Ext/Blend/Apply"
        assert sum(m.address == "/VMC/Ext/Blend/Val" for m in face) == 52
    heartbeat = stage.heartbeat(lambda beat: beat.counters.get("engine.faces", 0) >= 20)
    legs = {leg: Histogram.from_bytes(data) for leg, data in heartbeat.legs.items()}
    assert {leg for leg in legs if leg.startswith("face_")} == {
        f"face_{leg}" for leg in ("capture", "queue", "landmarks", "assemble", "solve", "send", "total")
    }
    assert legs["face_landmarks"].percentile(50) == pytest.approx(5 * MS, rel=0.06)
    assert legs["face_total"].count == 20
    assert legs["landmarks"].percentile(50) == pytest.approx(18 * MS, rel=0.06)
    assert stage.stop() == ""


def test_dead_and_unknown_receivers_delay_nobody(open_stage: Open, engine: UdpReceiver) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        dead_port = closed.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as silent_broker:
        stage = open_stage(
            output_section("vmc", id="dead", actor="anna", port=dead_port),
            output_section("vmc", id="unknown", actor="anna", host="no-such-host.invalid", port=39539),
            output_section("mqtt", id="silent", port=silent_broker.getsockname()[1], prefix="stage/test"),
            vmc(engine),
        )
        connected(stage, engine)
        events: list[Event] = []
        latencies = []
        for number in range(3000, 3030):
            began_ns = time.monotonic_ns()
            stage.perform(number)
            frame(engine, 5)
            latencies.append(time.monotonic_ns() - began_ns)
        assert np.median(latencies) < 50 * MS
        heartbeat = stage.heartbeat(lambda beat: beat.counters.get("engine.frames", 0) >= 30, events)
        assert heartbeat.counters["dead.frames"] == heartbeat.counters["engine.frames"]
        assert heartbeat.counters["unknown.unresolved"] > 0
        assert heartbeat.counters["unknown.frames"] == 0
        stage.stop()


def test_a_killed_worker_is_lost_for_mqtt(open_stage: Open) -> None:
    pytest.importorskip("amqtt")
    broker = BrokerForTests()
    listener = Listener(broker.port)
    stage = open_stage(output_section("mqtt", id="house", port=broker.port, prefix="stage/test"))
    session = listener.wait_for("stage/test/$state", state="ready")["session"]
    while stage.heartbeat(lambda beat: beat.state == "running").counters.get("items", 0) < 1:
        stage.perform(1)
    pose = listener.wait_for("stage/test/actor/anna/pose", number=1)
    assert pose["sent_ns"] - pose["capture_ns"] >= 40 * MS
    assert listener.wait_for("stage/test/latency/total")["p50_ms"] >= 40
    stage.process.kill()
    assert listener.wait_for("stage/test/$state", state="lost")["session"] == session
    listener.stop()
    broker.stop()


def test_a_restarted_worker_goes_on(open_stage: Open, engine: UdpReceiver) -> None:
    stage = open_stage(vmc(engine))
    connected(stage, engine)
    stage.process.kill()
    stage.process.communicate()
    stage.start()
    connected(stage, engine)
    times = [m for d in frame_of(stage, engine) for m in osc.messages(osc.parse(d)) if m.address == "/VMC/Ext/T"]
    assert len(times) == 1


def frame_of(stage: Stage, engine: UdpReceiver) -> list[bytes]:
    stage.perform(9999)
    return frame(engine, 5)


def test_no_outputs_is_no_error_and_nothing_of_mqtt_is_loaded(open_stage: Open) -> None:
    stage = open_stage()
    deadline_s = time.monotonic() + 20.0
    while stage.heartbeat(lambda beat: beat.state == "running").counters.get("items", 0) < 3:
        stage.perform(1)
        assert time.monotonic() < deadline_s
    maps = Path(f"/proc/{stage.process.pid}/maps")
    if maps.exists():
        assert "torch" not in maps.read_text() and "_ssl" not in maps.read_text()
    assert stage.stop() == ""
