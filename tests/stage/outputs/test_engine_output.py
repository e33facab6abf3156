from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from protocols import osc
from protocols.messages import FacePerformance, Performance
from protocols.show import SetOutput
from protocols.udp import UdpReceiver
from stage.config import TimecodeSection
from stage.errors import OutputError
from stage.outputs.engine_output import EngineOutput
from stage.outputs.wardrobe import Wardrobe
from stage.timecode import TimecodeClock
from tests.sections import output_section
from tests.stage.outputs.faces import any_face, face, face_performance
from tests.stage.outputs.performers import random_pose

START_NS = 1_700_000_000_000_000_000
ACTORS = ("anna", "ben")


@pytest.fixture
def receiver() -> Iterator[UdpReceiver]:
    with UdpReceiver("127.0.0.1", 0, timeout_s=0.2) as opened:
        yield opened


@pytest.fixture
def open_output(receiver: UdpReceiver) -> Iterator[Any]:
    opened: list[EngineOutput] = []

    def make(kind: str = "vmc", **options: Any) -> EngineOutput:
        section = output_section(kind, **{"id": "engine", "actor": "anna", "port": receiver.port} | options)
        opened.append(EngineOutput(section, ACTORS, 30.0, TimecodeClock(TimecodeSection(), START_NS), Wardrobe()))
        return opened[-1]

    yield make
    for output in opened:
        output.close()


def send(output: EngineOutput, record: Performance | FacePerformance, alone: bool = True) -> None:
    """As the switchboard does."""
    lane = output.lanes.get(record.actor)
    if lane is None:
        return
    if isinstance(record, FacePerformance):
        output.send_face(lane, record, record.capture_ns, alone=alone)
    else:
        output.send_body(lane, record, record.capture_ns)


def perform(output: EngineOutput, number: int, actor: str = "anna", step_ms: float = 1000.0) -> None:
    capture_ns = START_NS + round(number * step_ms * 1e6)
    send(output, random_pose(number, actor=actor, capture_ns=capture_ns).performance)


def change(output: EngineOutput, **wishes: Any) -> None:
    output.change(SetOutput("1", "console", output.id, **wishes))


def frames(receiver: UdpReceiver) -> list[float]:
    """The time of every frame that has arrived."""
    times = []
    while (received := receiver.receive()) is not None:
        times += [m.arguments[0] for m in osc.messages(osc.parse(received[0])) if m.address == "/VMC/Ext/T"]
    return [float(str(time)) for time in times]


def test_sends_its_actors_performances_and_no_others(receiver: UdpReceiver, open_output: Any) -> None:
    output = open_output()
    for number in range(6):
        perform(output, number, "anna" if number % 2 == 0 else "ben")
    assert frames(receiver) == [0.0, 2.0, 4.0]
    assert output.counters["frames"] == 3
    assert output.counters["datagrams"] == 18
    assert output.fault == ""
    assert f"127.0.0.1:{receiver.port} from port" in output.fact


def test_rate_limit(receiver: UdpReceiver, open_output: Any) -> None:
    output = open_output(rate=10.0)
    for number in range(30):
        perform(output, number, step_ms=100.0 / 3.0)
    assert len(frames(receiver)) == 10
    assert (output.counters["frames"], output.counters["skipped"]) == (10, 20)


def test_nonsense_is_counted_and_said_until_sense_returns(receiver: UdpReceiver, open_output: Any) -> None:
    output, posed = open_output(), random_pose(1)
    send(output, replace(posed.performance, joints=np.full((53, 3), np.inf, "<f4").tobytes()))
    send(output, replace(posed.performance, rotations=b"short"))
    assert output.counters["refused"] == 2
    assert "expected" in output.fault
    send(output, posed.performance)
    assert output.fault == ""
    assert frames(receiver) == [0.0]


def test_a_host_that_is_not_found_is_said(open_output: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise OSError("not found")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    output = open_output(host="no.such.host")
    perform(output, 1)
    assert "no.such.host is not found" in output.fault
    assert output.counters["unresolved"] == 1


def test_bodies_with_and_without_a_face(receiver: UdpReceiver, open_output: Any) -> None:
    output = open_output(rate=10.0)
    for number in range(58):
        now_ns = START_NS + number * 16_666_667
        send(output, face_performance(any_face(), number, capture_ns=now_ns))
        if number % 2 == 0:
            send(output, random_pose(1, capture_ns=now_ns).performance)
    assert (output.counters["frames"], output.counters["faces"], output.counters["skipped"]) == (10, 10, 67)


def test_faces_of_a_fast_camera_are_not_held_to_the_rate_of_the_stage(open_output: Any) -> None:
    output = open_output()
    for number in range(60):
        send(output, face_performance(face(), number, capture_ns=START_NS + number * 16_666_667))
    assert output.counters["faces"] == 60


def test_off_is_silent_and_on_starts_afresh_from_the_same_port(receiver: UdpReceiver, open_output: Any) -> None:
    output = open_output()
    target = output.fact
    perform(output, 0)
    perform(output, 1)
    change(output, enabled=False)
    perform(output, 2)
    change(output, enabled=True)
    perform(output, 3)
    perform(output, 4)
    assert frames(receiver) == [0.0, 1.0, 0.0, 1.0]
    assert output.fact == target


def test_what_is_off_at_the_start_can_be_switched_on(receiver: UdpReceiver, open_output: Any) -> None:
    output = open_output(enabled=False)
    perform(output, 0)
    change(output, enabled=True)
    perform(output, 1)
    assert frames(receiver) == [0.0]


def test_another_actor_starts_a_stream_of_its_own(receiver: UdpReceiver, open_output: Any) -> None:
    output = open_output()
    for number in range(4):
        perform(output, number, "anna")
        perform(output, number, "ben")
        if number == 1:
            change(output, actor="ben")
    assert frames(receiver) == [0.0, 1.0, 0.0, 1.0]


def test_the_rate_changes_and_the_stream_goes_on(receiver: UdpReceiver, open_output: Any) -> None:
    output = open_output()
    perform(output, 0, step_ms=33.0)
    change(output, rate=10.0)
    for number in range(1, 31):
        perform(output, number, step_ms=100.0 / 3.0)
    change(output, rate=0.0)
    for number in range(31, 41):
        perform(output, number, step_ms=100.0 / 3.0)
    times = frames(receiver)
    assert len(times) == 21
    assert times == sorted(times)


@pytest.mark.parametrize("kind", ["vmc", "livelink", "osc"])
def test_an_impossible_wish_changes_nothing(kind: str, open_output: Any) -> None:
    output = open_output(kind)
    before = output.facts
    with pytest.raises(OutputError, match='no actor "bem"; did you mean "ben"'):
        change(output, actor="bem", enabled=False, rate=5.0)
    with pytest.raises(OutputError, match="rate"):
        change(output, rate=float("nan"), enabled=False)
    assert output.facts == before


def test_one_socket_for_all_actors(receiver: UdpReceiver, open_output: Any) -> None:
    output = open_output("osc", actor="")
    sources, addresses = set(), set()
    for actor in ACTORS:
        perform(output, 1, actor)
    while (received := receiver.receive()) is not None:
        sources.add(received[1])
        addresses |= {message.address for message in osc.messages(osc.parse(received[0]))}
    assert len(sources) == 1
    assert all(any(f"/{actor}/" in address for address in addresses) for actor in ACTORS)
    assert output.counters["frames"] == 2


def test_what_a_protocol_has_no_place_for_is_no_frame(receiver: UdpReceiver, open_output: Any) -> None:
    output = open_output(blends=(), eyes=False)
    send(output, face_performance(any_face()), alone=False)
    assert output.counters["faces"] == 0
    assert receiver.receive() is None
