from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from protocols.clock import StageClock
from protocols.histogram import Histogram
from stage.outputs.mqtt_output import MqttOutput
from tests.mqtt_broker import BrokerForTests, Listener, free_port
from tests.sections import output_section
from tests.stage.outputs.faces import any_face, face, face_performance
from tests.stage.outputs.performers import random_pose

pytest.importorskip("amqtt")

START_NS = 1_700_000_000_000_000_000


@pytest.fixture
def broker() -> Iterator[BrokerForTests]:
    started = BrokerForTests()
    yield started
    started.stop()


@pytest.fixture
def listener(broker: BrokerForTests) -> Iterator[Listener]:
    started = Listener(broker.port)
    yield started
    started.stop()


def open_output(port: int, **options: Any) -> MqttOutput:
    section = output_section("mqtt", id="house", port=port, prefix="stage/demo", **options)
    return MqttOutput(section, 30.0, StageClock.start())


def test_what_a_stage_tells(broker: BrokerForTests, listener: Listener) -> None:
    output = open_output(broker.port)
    session = listener.wait_for("stage/demo/$state", state="ready")["session"]
    assert len(listener.wait_for("stage/demo/rig")["bones"]) == 53
    for number, state in enumerate(["tracking", "tracking", "holding"]):
        capture_ns = START_NS + number * 33_333_333
        posed = random_pose(number, actor="anna", number=number, state=state, capture_ns=capture_ns)
        output.send(posed.performance, capture_ns + 5)
        assert listener.wait_for("stage/demo/actor/anna/pose", number=number)["state"] == state
        listener.wait_for("stage/demo/actor/anna/state", state=state)
    assert [topic for topic, _, _ in listener.heard].count("stage/demo/actor/anna/state") == 2
    output.close()
    assert listener.wait_for("stage/demo/$state", state="disconnected")["session"] == session
    assert "stage/demo" in output.fact


def test_faces_with_the_body_and_by_a_stream_of_their_own(broker: BrokerForTests, listener: Listener) -> None:
    output = open_output(broker.port)
    listener.wait_for("stage/demo/rig")
    with_face = replace(random_pose(1, number=3, capture_ns=START_NS).performance, face=face(JawOpen=0.25))
    output.send(with_face, START_NS)
    assert listener.wait_for("stage/demo/actor/anna/face", number=3)["shapes"]["JawOpen"] == 0.25
    listener.wait_for("stage/demo/actor/anna/face_state", state="tracking")
    output.send(face_performance(face("holding"), 100, capture_ns=START_NS + 1), START_NS + 1)
    listener.wait_for("stage/demo/actor/anna/face", number=100)
    listener.wait_for("stage/demo/actor/anna/face_state", state="holding")
    output.send(replace(with_face, number=4), START_NS + 2)  # its face is older than the stream's
    listener.wait_for("stage/demo/actor/anna/pose", number=4)
    output.send(face_performance(face(JawOpen=float("nan")), 101), START_NS + 3)
    output.send(face_performance(any_face(), 102), START_NS + 4)
    listener.wait_for("stage/demo/actor/anna/face", number=102)
    sent = [payload["number"] for topic, payload, _ in listener.heard if topic == "stage/demo/actor/anna/face"]
    assert sent == [3, 100, 102]
    assert output.counters["refused"] == 1
    output.close()


def test_latency_is_that_of_the_last_second(broker: BrokerForTests, listener: Listener) -> None:
    output, histogram = open_output(broker.port), Histogram()
    listener.wait_for("stage/demo/$state", state="ready")
    listener.wait_for("stage/demo/rig")
    for value_ms, now_s in ((10, 1), (50, 1.5), (20, 2.6), (20, 3.7)):
        histogram.record(value_ms * 1_000_000)
        output.send_latency({"solve": histogram}, int(now_s * 1e9))
        if now_s != 1.5:
            listener.wait_for("stage/demo/latency/solve", count={1: 1, 2.6: 2, 3.7: 3}[now_s])
    counts = [payload["count"] for topic, payload, _ in listener.heard if topic == "stage/demo/latency/solve"]
    assert counts == [1, 2, 1]
    output.close()


def test_only_its_actor_at_its_rate(broker: BrokerForTests, listener: Listener) -> None:
    output = open_output(broker.port, actor="anna", rate=10.0)
    listener.wait_for("stage/demo/rig")
    for number in range(31):
        for actor in ("anna", "ben"):
            capture_ns = START_NS + number * 33_333_333
            posed = random_pose(1, actor=actor, number=number, capture_ns=capture_ns)
            output.send(posed.performance, 0)
            if actor == "anna" and number % 3 == 0:
                listener.wait_for("stage/demo/actor/anna/pose", number=number)
    topics = [topic for topic, _, _ in listener.heard]
    assert topics.count("stage/demo/actor/anna/pose") == 11
    assert not [topic for topic in topics if "ben" in topic]
    output.close()


def test_no_broker_is_said_and_costs_nothing() -> None:
    output = open_output(free_port())
    deadline_s = time.monotonic() + 20.0
    while not output.fault:
        assert time.monotonic() < deadline_s
        time.sleep(0.005)
    assert "is away" in output.fault
    posed = random_pose(1)
    began_s = time.monotonic()
    for _ in range(1000):
        output.send(posed.performance, 0)
    assert time.monotonic() - began_s < 2.0
    assert output.counters["dropped"] == 1000
    output.close()
