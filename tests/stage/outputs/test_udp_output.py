from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from protocols import osc
from protocols.udp import UdpReceiver
from stage.outputs.udp_output import UdpOutput
from tests.sections import output_section
from tests.stage.outputs.faces import any_face, face, face_performance
from tests.stage.outputs.performers import random_pose

START_NS = 1_700_000_000_000_000_000


@pytest.fixture
def receiver() -> Iterator[UdpReceiver]:
    with UdpReceiver("127.0.0.1", 0, timeout_s=0.2) as opened:
        yield opened


def open_output(receiver: UdpReceiver, **options: Any) -> UdpOutput:
    section = output_section("vmc", id="engine", actor="anna", port=receiver.port, **options)
    return UdpOutput(section, stage_rate_hz=30.0)


def frames(receiver: UdpReceiver) -> list[float]:
    """The time of every frame that has arrived."""
    times = []
    while (received := receiver.receive()) is not None:
        times += [m.arguments[0] for m in osc.messages(osc.parse(received[0])) if m.address == "/VMC/Ext/T"]
    return [float(str(time)) for time in times]


def test_sends_its_actors_performances_and_no_others(receiver: UdpReceiver) -> None:
    output = open_output(receiver)
    for number in range(6):
        posed = random_pose(number, actor="anna" if number % 2 == 0 else "ben", capture_ns=START_NS + number * 10**9)
        output.send(posed.performance, 0)
    assert frames(receiver) == [0.0, 2.0, 4.0]
    assert output.counters["frames"] == 3
    assert output.counters["datagrams"] == 15
    assert output.fault == ""
    assert f"127.0.0.1:{receiver.port} from port" in output.fact
    output.close()


def test_rate_limit(receiver: UdpReceiver) -> None:
    output = open_output(receiver, rate=10.0)
    for number in range(30):
        output.send(random_pose(1, capture_ns=START_NS + number * 33_333_333).performance, 0)
    assert len(frames(receiver)) == 10
    assert (output.counters["frames"], output.counters["skipped"]) == (10, 20)
    output.close()


def test_nonsense_is_counted_and_said_until_sense_returns(receiver: UdpReceiver) -> None:
    output, posed = open_output(receiver), random_pose(1)
    output.send(replace(posed.performance, joints=np.full((53, 3), np.inf, "<f4").tobytes()), 0)
    output.send(replace(posed.performance, rotations=b"short"), 0)
    assert output.counters["refused"] == 2
    assert "expected" in output.fault
    output.send(posed.performance, 0)
    assert output.fault == ""
    assert frames(receiver) == [0.0]
    output.close()


def test_a_host_that_is_not_found_is_said(receiver: UdpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise OSError("not found")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    output = open_output(receiver, host="no.such.host")
    output.send(random_pose(1).performance, 0)
    assert "no.such.host is not found" in output.fault
    assert output.counters["unresolved"] == 1
    output.close()


def names(receiver: UdpReceiver) -> list[str]:
    """The addresses of everything that has arrived, runs of one address as one."""
    found: list[str] = []
    while (received := receiver.receive()) is not None:
        for message in osc.messages(osc.parse(received[0])):
            if found[-1:] != [message.address]:
                found.append(message.address)
    return found


FACE = ["/VMC/Ext/Bone/Pos", "/VMC/Ext/Blend/Val", "/VMC/Ext/Blend/Apply"]
CLOSING = ["/VMC/Ext/OK", "/VMC/Ext/T"]
BODY = ["/VMC/Ext/Root/Pos", "/VMC/Ext/Bone/Pos", *CLOSING]


def test_a_body_beside_a_live_stream_of_faces_carries_no_stale_face(receiver: UdpReceiver) -> None:
    output, ms = open_output(receiver), 1_000_000
    performance = replace(random_pose(1, capture_ns=START_NS).performance, face=any_face())
    output.send(face_performance(any_face()), START_NS)
    output.send(performance, START_NS + 5 * ms)
    output.send(face_performance(any_face()), START_NS + 16 * ms)
    output.send(performance, START_NS + 300 * ms)
    assert names(receiver) == [*FACE, *CLOSING, *BODY, *FACE, "/VMC/Ext/Root/Pos", *FACE, *CLOSING]
    assert (output.counters["frames"], output.counters["faces"]) == (2, 2)
    output.close()


def test_the_rate_holds_for_faces_and_bodies_each(receiver: UdpReceiver) -> None:
    output = open_output(receiver, rate=10.0)
    for number in range(58):
        now_ns = START_NS + number * 16_666_667
        output.send(face_performance(any_face(), number, capture_ns=now_ns), now_ns)
        if number % 2 == 0:
            output.send(random_pose(1, capture_ns=now_ns).performance, now_ns)
    assert (output.counters["frames"], output.counters["faces"], output.counters["skipped"]) == (10, 10, 67)
    output.close()


def test_faces_of_a_fast_camera_are_not_held_to_the_rate_of_the_stage(receiver: UdpReceiver) -> None:
    output = open_output(receiver)
    for number in range(60):
        output.send(face_performance(face(), number, capture_ns=START_NS + number * 16_666_667), START_NS)
    assert output.counters["faces"] == 60
    output.send(face_performance(face(), actor="ben"), START_NS)
    assert output.counters["faces"] == 60
    output.close()
