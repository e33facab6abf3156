from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from protocols.clock import StageClock
from protocols.mqtt_payloads import TimecodeReport
from protocols.show import SetOutput
from stage.config import ActorSection, Config
from stage.errors import OutputError
from stage.mqtt.news import News
from stage.mqtt.output import MqttOutput
from tests.mqtt_broker import BrokerForTests, Listener
from tests.ports import free_port
from tests.sections import output_section
from tests.stage.outputs.faces import any_face, face, face_performance
from tests.stage.outputs.performers import random_pose
from tests.waiting import until

START_NS = 1_700_000_000_000_000_000
CONFIG = Config(actors=(ActorSection(id="anna"), ActorSection(id="ben")))


Open = Callable[..., MqttOutput]


@pytest.fixture
def open_output() -> Iterator[Open]:
    outputs: list[MqttOutput] = []

    def start(port: int, **options: Any) -> MqttOutput:
        options = {"id": "house", "prefix": "stage/demo", "poses": True} | options
        section = output_section("mqtt", port=port, actors=("anna", "ben"), **options)
        outputs.append(MqttOutput(section, CONFIG, StageClock.start(), START_NS))
        return outputs[-1]

    yield start
    for output in outputs:
        output.close()


def counted(listener: Listener, topic: str) -> int:
    return [name for name, _, _ in list(listener.heard)].count(topic)


def test_what_a_stage_tells(broker: BrokerForTests, listener: Listener, open_output: Open) -> None:
    output = open_output(broker.port)
    session = listener.wait_for("stage/demo/$state", state="ready")["session"]
    assert len(listener.wait_for("stage/demo/rig")["bones"]) == 53
    assert listener.wait_for("stage/demo/stage", session=session)["began_ns"] == START_NS
    for number, state in enumerate(["tracking", "tracking", "holding"]):
        capture_ns = START_NS + number * 33_333_333
        posed = random_pose(number, actor="anna", number=number, state=state, capture_ns=capture_ns)
        output.send(posed.performance, capture_ns + 5)
        assert listener.wait_for("stage/demo/actor/anna/pose", number=number)["state"] == state
        listener.wait_for("stage/demo/actor/anna/state", state=state)
    assert counted(listener, "stage/demo/actor/anna/state") == 2
    output.tell(News(timecode=TimecodeReport("01:00:00:00", "25", 5)))
    listener.wait_for("stage/demo/timecode", text="01:00:00:00")
    output.close()
    assert listener.wait_for("stage/demo/$state", state="disconnected")["session"] == session
    assert "stage/demo" in output.target


def test_poses_only_on_request(broker: BrokerForTests, listener: Listener, open_output: Open) -> None:
    output = open_output(broker.port, poses=False)
    listener.wait_for("stage/demo/rig")
    with_face = replace(random_pose(1, actor="anna").performance, face=face())
    output.send(with_face, 0)
    output.send(face_performance(any_face(), 1), 0)
    listener.wait_for("stage/demo/actor/anna/state")
    listener.wait_for("stage/demo/actor/anna/face_state")
    output.close()
    listener.wait_for("stage/demo/$state", state="disconnected")
    assert counted(listener, "stage/demo/actor/anna/pose") == counted(listener, "stage/demo/actor/anna/face") == 0


def test_faces_with_the_body_and_by_a_stream_of_their_own(
    broker: BrokerForTests, listener: Listener, open_output: Open
) -> None:
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
    assert output.counters["unfit"] == 1


def test_only_its_actor_at_its_rate(broker: BrokerForTests, listener: Listener, open_output: Open) -> None:
    output = open_output(broker.port, actor="anna", rate=10.0)
    listener.wait_for("stage/demo/rig")
    for number in range(31):
        for actor in ("anna", "ben"):
            capture_ns = START_NS + number * 33_333_333
            posed = random_pose(1, actor=actor, number=number, capture_ns=capture_ns)
            output.send(posed.performance, 0)
            if actor == "anna" and number % 3 == 0:
                listener.wait_for("stage/demo/actor/anna/pose", number=number)
    assert counted(listener, "stage/demo/actor/anna/pose") == 11
    assert not [topic for topic, _, _ in listener.heard if "ben" in topic]


def test_another_actor_live_and_nothing_stale_stays_behind(
    broker: BrokerForTests, listener: Listener, open_output: Open
) -> None:
    output = open_output(broker.port)
    listener.wait_for("stage/demo/rig")
    for actor in ("anna", "ben"):
        output.send(random_pose(1, actor=actor).performance, 0)
        listener.wait_for(f"stage/demo/actor/{actor}/state")
    output.change(SetOutput("1", "mqtt", "house", actor="ben"))
    until(lambda: ("stage/demo/actor/anna/state", None, False) in listener.heard)
    late = Listener(broker.port)
    late.wait_for("stage/demo/actor/ben/state")
    assert counted(late, "stage/demo/actor/anna/state") == 0
    late.stop()
    with pytest.raises(OutputError, match="nobody"):
        output.change(SetOutput("2", "mqtt", "house", actor="nobody"))
    output.change(SetOutput("3", "mqtt", "house", enabled=False))
    until(lambda: ("stage/demo/actor/ben/state", None, False) in listener.heard)
    output.change(SetOutput("4", "mqtt", "house", enabled=True))
    output.send(random_pose(1, actor="ben").performance, 0)
    listener.wait_for("stage/demo/actor/ben/state", count=2)  # said anew


def test_the_state_on_the_bus(broker: BrokerForTests, listener: Listener, open_output: Open) -> None:
    output = open_output(broker.port)
    listener.wait_for("stage/demo/stage")
    first = output.news(START_NS)
    assert first is not None and (first.kind, first.worker, first.fault) == ("mqtt", "mqtt", "")
    assert first.target.endswith("below stage/demo: connected")
    assert output.news(START_NS + 1) is None
    output.change(SetOutput("1", "mqtt", "house", rate=25.0))
    changed = output.news(START_NS + 2)
    assert changed is not None and changed.rate == 25.0


def test_a_late_last_will_of_an_earlier_session_is_put_right(
    broker: BrokerForTests, listener: Listener, open_output: Open
) -> None:
    output = open_output(broker.port)
    session = listener.wait_for("stage/demo/$state", state="ready")["session"]
    listener.wait_for("stage/demo/stage")
    listener.say("stage/demo/$state", {"state": "lost", "session": "earlier", "at_ns": 1}, retain=True)
    until(lambda: output.received() or counted(listener, "stage/demo/$state") == 3)
    assert listener.wait_for("stage/demo/$state", count=2, state="ready")["session"] == session
    late = Listener(broker.port)
    assert late.wait_for("stage/demo/$state")["session"] == session
    late.stop()


def test_two_stages_below_one_prefix_are_told(broker: BrokerForTests, listener: Listener, open_output: Open) -> None:
    one = open_output(broker.port)
    listener.wait_for("stage/demo/stage")
    other = open_output(broker.port)
    until(lambda: one.received() or "somebody else publishes" in one.fault)
    other.close()
    until(lambda: one.received() or one.fault == "")


def test_no_broker_is_said_and_costs_nothing(open_output: Open) -> None:
    output = open_output(free_port())
    until(lambda: output.fault)
    assert "is away" in output.fault
    posed = random_pose(1)
    began_s = time.monotonic()
    for _ in range(1000):
        output.send(posed.performance, 0)
    assert time.monotonic() - began_s < 2.0
    state = output.news(START_NS)
    assert state is not None and (state.frames, state.lost) == (0, 1000)
