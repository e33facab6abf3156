"""The broadcast worker as a process: from performances on the bus to what receivers get."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protocols import osc
from protocols.histogram import Histogram
from protocols.names import HUMAN_BODY_BONES
from protocols.show import SetOutput, StartRecording
from protocols.udp import UdpReceiver
from stage.config import AnyOutputSection, VmcSection
from stage.outputs.humanoid import Humanoid
from tests.receivers import Evmc4u, UOscReader
from tests.sections import output_section
from tests.workers.broadcast_stage import MS, BroadcastStage

VMC_DATAGRAMS = 6
"""Of a body without a face: 55 bones in five, then OK and T."""


Open = Callable[..., BroadcastStage]


@pytest.fixture
def open_stage(tmp_path: Path) -> Iterator[Open]:
    stages: list[BroadcastStage] = []

    def start(*outputs: AnyOutputSection) -> BroadcastStage:
        stages.append(BroadcastStage(tmp_path, outputs))
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


def connected(stage: BroadcastStage, receiver: UdpReceiver) -> int:
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


def messages_until_silence(receiver: UdpReceiver) -> list[osc.Message]:
    """Waits for the first datagram; then everything that comes without a pause."""
    found = [*osc.messages(osc.parse(frame(receiver, 1)[0]))]
    while (received := receiver.receive()) is not None:
        found += osc.messages(osc.parse(received[0]))
    return found


def test_what_is_solved_arrives_in_the_engine(open_stage: Open, engine: UdpReceiver, blueprint: UdpReceiver) -> None:
    stage = open_stage(vmc(engine), output_section("osc", id="blueprint", actor="anna", port=blueprint.port))
    connected(stage, engine)
    while blueprint.receive() is not None:
        pass
    reader, receiver = UOscReader(), Evmc4u()
    for number in range(1000, 1005):
        performance = stage.perform(number)
        for datagram in frame(engine, VMC_DATAGRAMS):
            for message in reader.read(datagram):
                receiver.take(message)
        expected = np.abs(Humanoid().pose(performance))
        sent = np.abs(np.array([receiver.bones[name] for name in HUMAN_BODY_BONES], np.float32))
        np.testing.assert_allclose(sent, expected, atol=1e-6)
        plain: list[osc.Message] = []
        while not plain or not plain[-1].address.endswith("/anna/time"):
            plain += osc.messages(osc.parse(frame(blueprint, 1)[0]))
        assert sum("/anna/bone/" in message.address for message in plain) == 52
    assert reader.errors == [] and not receiver.shutdown
    assert stage.stop() == ""
    assert stage.process.returncode == 0


def test_legs_and_counts(open_stage: Open, engine: UdpReceiver) -> None:
    stage = open_stage(vmc(engine, trace=True), output_section("vmc", id="other", actor="ben", port=engine.port))
    first = connected(stage, engine)
    for number in range(2000, 2010):
        stage.perform(number)
        frame(engine, VMC_DATAGRAMS)
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


def test_dead_unknown_and_deaf_receivers_delay_nobody(open_stage: Open, engine: UdpReceiver) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        dead_port = closed.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as closed:
        refused_port = closed.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # connects, and never reads
        stage = open_stage(
            output_section("vmc", id="dead", actor="anna", port=dead_port),
            output_section("livelink", id="away", actor="anna", host="192.0.2.1"),
            output_section("vmc", id="unknown", actor="anna", host="no-such-host.invalid", port=39539),
            output_section("osc", id="deaf", port=deaf.getsockname()[1], transport="tcp"),
            output_section("osc", id="refused", port=refused_port, transport="tcp"),
            vmc(engine),
        )
        connected(stage, engine)
        latencies: list[int] = []
        full = 0
        while len(latencies) < 30 or full == 0:
            began_ns = time.monotonic_ns()
            stage.perform(3000 + len(latencies))
            frame(engine, VMC_DATAGRAMS)
            latencies.append(time.monotonic_ns() - began_ns)
            if len(latencies) % 30 == 0:
                full = stage.heartbeat(lambda beat: True).counters["deaf.full"]
        assert np.median(latencies) < 50 * MS
        heartbeat = stage.heartbeat(lambda beat: beat.counters["engine.frames"] >= len(latencies))
        counts = heartbeat.counters
        assert counts["dead.frames"] == counts["engine.frames"] == counts["items"]
        assert counts["deaf.frames"] + counts["deaf.full"] + counts["deaf.unreachable"] == counts["items"]
        assert counts["unknown.unresolved"] == counts["refused.unreachable"] == counts["items"]
        assert counts["unknown.frames"] == counts["refused.frames"] == 0
        assert (
            stage.state("unknown").fault
            == "host no-such-host.invalid is not found; check the name, or give its address"
        )
        assert stage.state("refused").lost >= 30
        stage.stop()


def test_outputs_are_switched_live(open_stage: Open, engine: UdpReceiver, blueprint: UdpReceiver) -> None:
    other = output_section("osc", id="blueprint", port=blueprint.port, enabled=False)
    stage = open_stage(vmc(engine), other)
    connected(stage, engine)
    stage.connect()

    assert stage.ask("engine", enabled=False).text == "engine is off: anna, every frame"
    assert not stage.state("engine").enabled
    stage.perform(1, "anna")
    assert stage.ask("blueprint", enabled=True, actor="ben").facts == {"enabled": "true", "actor": "ben", "rate": "0"}
    stage.perform(2, "ben")
    assert {m.address.split("/")[2] for m in messages_until_silence(blueprint)} == {"ben"}
    assert engine.receive() is None

    assert stage.ask("engine", enabled=True, actor="ben", rate=10.0).ok
    for number in range(3, 9):
        stage.perform(number, "ben")
    times = [m.arguments[0] for m in messages_until_silence(engine) if m.address == "/VMC/Ext/T"]
    assert times[0] == 0.0
    assert len(times) < 6
    state = stage.state("engine")
    assert (state.enabled, state.actor, state.rate, state.kind, state.worker) == (True, "ben", 10.0, "vmc", "broadcast")
    assert state.target.startswith(f"127.0.0.1:{engine.port} from port")
    assert (state.lost, state.fault) == (0, "")

    assert stage.ask("blueprint", actor="").ok
    stage.perform(9, "anna")
    stage.perform(10, "ben")
    assert {m.address.split("/")[2] for m in messages_until_silence(blueprint)} == {"anna", "ben"}
    assert stage.stop() == ""


def test_commands_that_cannot_be_are_refused_once(open_stage: Open, engine: UdpReceiver) -> None:
    stage = open_stage(vmc(engine), output_section("mqtt", id="house"))
    connected(stage, engine)
    stage.connect()
    for output, wishes, reason in (
        ("engin", {"enabled": False}, 'no output "engin"; did you mean "engine"?'),
        ("engine", {"actor": "bem"}, 'no actor "bem"; did you mean "ben"?'),
        ("engine", {"actor": "", "enabled": False}, "a VMC port is one avatar; name one actor of anna, ben"),
        ("engine", {"rate": -1.0}, "a rate of -1 Hz cannot be"),
    ):
        reply = stage.ask(output, **wishes)
        assert not reply.ok
        assert reason in reply.text
    stage.console.send("command.console", StartRecording("take", "console"))
    stage.console.send("command.console", SetOutput("theirs", "console", "house", enabled=False))
    assert stage.ask("engine", rate=0.0).id not in ("take", "theirs")
    assert stage.replies == []
    state = stage.state("engine")
    assert (state.enabled, state.actor, state.rate) == (True, "anna", 0.0)


def test_states_come_once_a_second(open_stage: Open, engine: UdpReceiver) -> None:
    stage = open_stage(vmc(engine))
    number = connected(stage, engine)
    stage.state("engine")
    begin = len(stage.heard) - 1
    while len(states := stage.heard[begin:]) < 3:
        number += 1
        stage.perform(number)
        frame(engine, VMC_DATAGRAMS)
        stage.listen(5)
    apart = np.diff([state.at_ns for state in states])
    assert np.all((apart > 900 * MS) & (apart < 2000 * MS))
    sent = np.diff([state.frames for state in states])
    assert [state.rate_hz for state in states[1:]] == pytest.approx(sent * 1e9 / apart, rel=0.01)


@pytest.mark.parametrize("kind", ["vmc", "livelink", "osc"])
def test_every_kind_sends_body_and_face(open_stage: Open, engine: UdpReceiver, kind: str) -> None:
    stage = open_stage(output_section(kind, id="out", actor="anna", port=engine.port))
    deadline_s = time.monotonic() + 20.0
    while engine.receive() is None:
        stage.make_a_face(1)
        assert time.monotonic() < deadline_s
    stage.perform(1, with_face=True)
    frames, faces = {"vmc": (1, 1), "livelink": (0, 1), "osc": (1, 1)}[kind]
    stage.heartbeat(lambda beat: beat.counters["out.frames"] >= frames and beat.counters["out.faces"] >= faces)
    assert stage.state("out").kind == kind


def test_a_restarted_worker_goes_on(open_stage: Open, engine: UdpReceiver) -> None:
    stage = open_stage(vmc(engine))
    connected(stage, engine)
    stage.process.kill()
    stage.process.communicate()
    stage.start()
    connected(stage, engine)
    times = [m for d in frame_of(stage, engine) for m in osc.messages(osc.parse(d)) if m.address == "/VMC/Ext/T"]
    assert len(times) == 1


def frame_of(stage: BroadcastStage, engine: UdpReceiver) -> list[bytes]:
    stage.perform(9999)
    return frame(engine, VMC_DATAGRAMS)


def test_no_outputs_is_no_error_and_nothing_heavy_is_loaded(open_stage: Open) -> None:
    stage = open_stage()
    deadline_s = time.monotonic() + 20.0
    while stage.heartbeat(lambda beat: beat.state == "running").counters.get("items", 0) < 3:
        stage.perform(1)
        assert time.monotonic() < deadline_s
    maps = Path(f"/proc/{stage.process.pid}/maps")
    if maps.exists():
        assert "torch" not in maps.read_text() and "_ssl" not in maps.read_text()
    assert stage.stop() == ""
