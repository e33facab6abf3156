"""What the plain OSC inspector says of a stage's streams, and of those that are not right."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from protocols import osc
from stage.config import TimecodeSection
from stage.outputs.osc_stream import PlainOscStream
from stage.probing.inspector import InspectionReport
from stage.probing.osc_inspector import OscInspector
from stage.timecode import TimecodeClock
from tests.sections import output_section
from tests.stage.outputs.faces import any_face
from tests.stage.outputs.performers import random_pose

START_NS = 1_700_000_000_000_000_000
SOURCE = ("127.0.0.1", 50000)


def sent(*actors: str, frames: int = 30, **options: Any) -> list[tuple[bytes, int]]:
    """Datagrams with the times of their arrival, 40 ms after the capture."""
    clock = TimecodeClock(TimecodeSection(rate="29.97df", source="start", offset="01:00:00:00"), START_NS)
    section = output_section("osc", actors=actors, **options)
    streams = [PlainOscStream(section, actor, clock) for actor in actors]
    arrivals = []
    for number in range(frames):
        capture_ns = START_NS + number * 33_333_333
        performance = replace(random_pose(number, capture_ns=capture_ns).performance, face=any_face(number))
        for stream in streams:
            arrivals += [
                (bytes(d), capture_ns + 40_000_000) for d in stream.frame(performance, capture_ns + 39_000_000)
            ]
    return arrivals


def inspect(arrivals: list[tuple[bytes, int]]) -> InspectionReport:
    inspector = OscInspector()
    for datagram, arrival_ns in arrivals:
        inspector.take(datagram, SOURCE, arrival_ns)
    return inspector.report()


@pytest.mark.parametrize("options", [{}, {"axes": "unreal", "names": "manny"}, {"axes": "unity", "bundle": False}])
def test_nothing_is_wrong_with_ours(options: dict[str, Any]) -> None:
    report = inspect(sent("anna", **options))
    assert report.findings == []
    assert report.timing.rate_hz == pytest.approx(30.0, rel=0.01)
    assert report.timing.latency is not None and report.timing.latency.p50_ms == pytest.approx(40.0, rel=0.05)
    assert report.facts["timecode"] == "01:00:00:28 at 29.97 drop-frame"
    assert report.facts["faces"].startswith("30 at ")
    assert "incomplete" not in report.facts


def test_actors_of_one_output_are_told_apart() -> None:
    report = inspect(sent("anna", "ben"))
    assert report.findings == []
    assert report.timing.frames == 30
    assert report.facts["actors"] == "anna (tracking), ben (tracking)"
    assert report.facts["frames of ben"].startswith("30 at 30.")


def test_lost_datagrams_are_incomplete_frames() -> None:
    arrivals = sent("anna")
    per_frame = len(arrivals) // 30
    del arrivals[10 * per_frame + 1]  # bones
    del arrivals[20 * per_frame - 3]  # shapes
    assert inspect(arrivals).facts["incomplete"] == "2 frames: datagrams were lost"


@pytest.mark.parametrize(
    ("fault", "messages"),
    [
        ("arguments change", [osc.message("/a/b", "f", 1.0), osc.message("/a/b", "ff", 1.0, 2.0)]),
        ("no unit quaternion", [osc.message("/stage/anna/bone/head", "f" * 8, *[0.0] * 8)]),
        ("no unit quaternion", [osc.message("/stage/anna/eye/left", "f" * 6, *[0.5] * 3, 2.0, 0.0, 0.0)]),
        ("cannot bind", [osc.message("/head", "f", 1.0)]),
        ("cannot bind", [osc.message("/stage/a*/head", "f", 1.0)]),
        ("no float", [osc.message("/stage/anna/state", "i", 3)]),
    ],
)
def test_faults_are_named(fault: str, messages: list[bytes]) -> None:
    report = inspect([(message, START_NS) for message in messages])
    assert [fault in finding.fault for finding in report.findings] == [True]


def test_anybodys_addresses_are_held_in_bounds() -> None:
    arrivals = [(osc.message(f"/stage/a{number}/b{number}", "f", 0.0), START_NS) for number in range(5000)]
    report = inspect(arrivals)
    assert report.facts["addresses"] == "4000"
    assert report.facts["actors"].count("unknown") == 16
