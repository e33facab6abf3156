"""Frames as other people's readers take them: four OSC libraries, vmcp, and the models of the engines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from msgspec.structs import replace

from protocols.names import ARKIT_SHAPES, HUMAN_BODY_BONES, VRM0_PRESETS
from stage.config import TimecodeSection
from stage.outputs.manny import MANNY_BONES
from stage.outputs.open_stream import open_stream
from stage.outputs.streams import Stream
from stage.timecode import TimecodeClock
from tests.osc_peers import JUDGES, Judge, Missing
from tests.receivers import Evmc4u, UnrealOsc, UOscReader, Vmc4ue, Vrm4u
from tests.sections import output_section
from tests.stage.outputs.faces import any_face, face_performance
from tests.stage.outputs.performers import random_pose

START_NS = 1_700_000_000_000_000_000
OUTPUTS = {
    "vmc": {"trace": True},
    "vmc unbundled": {"bundle": False, "blends": ("vrm1",)},
    "vmc hips only": {"receiver": "vrm4u", "jaw": "open"},
    "osc": {},
    "osc unreal unbundled": {"axes": "unreal", "names": "manny", "bundle": False},
    "livelink": {},
}
CASES = [(name, judge) for name in OUTPUTS for judge in JUDGES[name.partition(" ")[0]]]


def opened(name: str) -> Stream:
    section = output_section(name.partition(" ")[0], actor="anna", **OUTPUTS[name])
    return open_stream(section, "anna", TimecodeClock(TimecodeSection(rate="60", zone="utc"), START_NS))


def frames(name: str, count: int) -> Iterator[list[bytes]]:
    """Bodies with faces."""
    stream = opened(name)
    for number in range(count):
        whole = replace(random_pose(number, capture_ns=START_NS).performance, face=any_face(number))
        yield [bytes(datagram) for datagram in stream.frame(whole, START_NS)]


def sent(name: str) -> Iterator[list[bytes]]:
    """A body with its face, a face between bodies, a face alone."""
    yield from frames(name, 3)
    stream = opened(name)
    for alone in (False, True):
        yield [bytes(d) for d in stream.face(face_performance(any_face(2)), START_NS, alone=alone)]


@pytest.mark.parametrize(("name", "judge"), CASES)
def test_every_datagram_is_accepted(name: str, judge: str) -> None:
    try:
        peer: Judge = JUDGES[name.partition(" ")[0]][judge]()
    except Missing as missing:
        pytest.skip(f"not installed: {missing}")
    with closing(peer):
        for datagrams in sent(name):
            assert peer.judge(datagrams) == [""] * len(datagrams)
            assert all(len(datagram) <= 1200 for datagram in datagrams)


def test_vrm4u_shows_every_frame_once_and_whole() -> None:
    reader, receiver = UnrealOsc(), Vrm4u()
    for number, datagrams in enumerate(frames("vmc", 5)):
        for datagram in datagrams:
            for message in reader.read(datagram):
                receiver.take(message)
        assert len(receiver.shown) == number + 1
        assert set(receiver.shown[-1]) == {"root", *HUMAN_BODY_BONES}
        assert receiver.pending == {}
    assert reader.errors == []


def test_vmc4ue_has_every_curve_after_each_frame() -> None:
    reader, receiver = UnrealOsc(), Vmc4ue()
    for datagrams in frames("vmc", 3):
        for datagram in datagrams:
            for message in reader.read(datagram):
                receiver.take(message)
        assert set(receiver.curves) == {*ARKIT_SHAPES, *VRM0_PRESETS}
        assert set(receiver.bones) == set(HUMAN_BODY_BONES)


def test_evmc4u_lives_through_a_stall_of_the_engine() -> None:
    reader, receiver = UOscReader(), Evmc4u()
    for burst in (1, 40, 1, 1, 1):  # frames of the stage in a frame of the engine
        receiver.render_frame()
        for datagrams in frames("vmc", burst):
            for datagram in datagrams:
                for message in reader.read(datagram):
                    receiver.take(message)
    assert not receiver.shutdown
    assert receiver.dropped > 0 and receiver.times_before == 1  # one frame was dropped, then all is as before
    assert set(receiver.bones) == set(HUMAN_BODY_BONES)


def test_unreal_gets_all_bones_by_one_pattern() -> None:
    reader = UnrealOsc("/stage/anna/bone/*", "/stage/anna/shape/*", "/stage/anna/time")
    for datagrams in frames("osc unreal unbundled", 1):
        for datagram in datagrams:
            reader.read(datagram)
    bones, shapes, ends = reader.bound.values()
    assert [message.address.rsplit("/", 1)[1] for message in bones] == list(MANNY_BONES)
    assert [message.address.rsplit("/", 1)[1] for message in shapes] == list(ARKIT_SHAPES)
    assert len(ends) == 1
