"""Frames as other people's readers take them: four OSC libraries, vmcp, and the models of the engines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from msgspec.structs import replace

from stage.config import TimecodeSection
from stage.outputs.open_stream import open_stream
from stage.timecode import TimecodeClock
from tests.osc_peers import JUDGES, Judge, Missing
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


def sent(name: str) -> Iterator[list[bytes]]:
    """A body with its face, a face between bodies, a face alone."""
    section = output_section(name.partition(" ")[0], actor="anna", **OUTPUTS[name])
    stream = open_stream(section, "anna", TimecodeClock(TimecodeSection(rate="60", zone="utc"), START_NS))
    for number in range(3):
        whole = replace(random_pose(number, capture_ns=START_NS).performance, face=any_face(number))
        yield [bytes(datagram) for datagram in stream.frame(whole, START_NS)]
    for alone in (False, True):
        yield [bytes(d) for d in stream.face(face_performance(any_face(2)), START_NS, alone=alone)]


@pytest.mark.parametrize(("name", "judge"), CASES)
def test_every_datagram_is_accepted(name: str, judge: str) -> None:
    try:
        opened: Judge = JUDGES[name.partition(" ")[0]][judge]()
    except Missing as missing:
        pytest.skip(f"not installed: {missing}")
    with closing(opened):
        for datagrams in sent(name):
            assert opened.judge(datagrams) == [""] * len(datagrams)
            assert all(len(datagram) <= 1200 for datagram in datagrams)
