"""The inspectors find nothing in our streams, and name what is wrong with others'."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from protocols import osc, vmc
from stage.outputs.open_stream import open_stream
from stage.probing.inspector import InspectionReport, Inspector
from stage.probing.osc_inspector import OscInspector
from stage.probing.vmc_inspector import VmcInspector
from tests.sections import output_section
from tests.stage.outputs.faces import any_face, face, face_performance
from tests.stage.outputs.performers import random_pose

START_NS = 1_700_000_000_000_000_000
SOURCE = ("127.0.0.1", 50000)


def stage_stream(kind: str, frames: int = 30, **options: Any) -> list[tuple[bytes, int]]:
    """Datagrams of a stage with the times of their arrival: 40 ms after the capture, 1 ms after sending."""
    stream = open_stream(output_section(kind, actor="anna", **options))
    arrivals = []
    for number in range(frames):
        capture_ns = START_NS + number * 33_333_333
        posed = random_pose(number, capture_ns=capture_ns)
        for datagram in stream.frame(posed.performance, capture_ns + 39_000_000):
            arrivals.append((bytes(datagram), capture_ns + 40_000_000))
    return arrivals


def inspect(inspector: Inspector, arrivals: list[tuple[bytes, int]]) -> InspectionReport:
    for datagram, arrival_ns in arrivals:
        inspector.take(datagram, SOURCE, arrival_ns)
    return inspector.report()


@pytest.mark.parametrize("bundle", [True, False])
def test_nothing_is_wrong_with_our_vmc(bundle: bool) -> None:
    report = inspect(VmcInspector(), stage_stream("vmc", bundle=bundle))
    assert report.findings == []
    assert report.timing.frames == 29  # the first T only says where frames end
    assert report.timing.rate_hz == pytest.approx(30.0, rel=0.01)
    assert report.timing.jitter_ms < 0.01
    assert report.timing.gaps == 0
    assert report.timing.latency is None
    assert report.facts == {
        "bones": "53",
        "expressions": "none",
        "eyes": "LeftEye and RightEye",
        "OK": "1 3 0 1",
        "incomplete frames": "0",
    }
    assert report.sources == ["127.0.0.1:50000"]


def test_vmc_latency_with_the_trace() -> None:
    report = inspect(VmcInspector(), stage_stream("vmc", trace=True))
    assert report.findings == []
    assert report.timing.latency is not None and report.timing.network is not None
    assert report.timing.latency.p50_ms == pytest.approx(40.0, rel=0.05)
    assert report.timing.network.p50_ms == pytest.approx(1.0, rel=0.05)


def test_nothing_is_wrong_with_our_plain_osc() -> None:
    report = inspect(OscInspector(), stage_stream("osc"))
    assert report.findings == []
    assert report.timing.frames == 30
    assert report.timing.rate_hz == pytest.approx(30.0, rel=0.01)
    assert report.timing.latency is not None
    assert report.timing.latency.p50_ms == pytest.approx(40.0, rel=0.05)
    assert report.facts == {"addresses": "57", "actors": "anna (tracking)"}


def test_lost_datagrams_are_incomplete_frames_and_lost_frames_are_gaps() -> None:
    arrivals = stage_stream("vmc")
    per_frame = len(arrivals) // 30
    lost_bones = 10 * per_frame + 1
    lost_frame = range(20 * per_frame, 21 * per_frame)
    kept = [arrival for index, arrival in enumerate(arrivals) if index != lost_bones and index not in lost_frame]
    report = inspect(VmcInspector(), kept)
    assert report.facts["incomplete frames"] == "1"
    assert (report.timing.gaps, report.timing.missing) == (1, 1)


# -- what is wrong with others ----------------------------------------------------------------------------------------

ZEROS = (0.0, 0.0, 0.0)
UNIT = (0.0, 0.0, 0.0, 1.0)


def bone(
    name: str = "Hips", position: tuple[float, ...] = (0.0, 1.0, 0.0), rotation: tuple[float, ...] = UNIT
) -> bytes:
    return osc.message(vmc.BONE, "sfffffff", name, *position, *rotation)


OK = osc.message(vmc.OK, "i", 1)
T = [osc.message(vmc.TIME, "f", number / 10) for number in range(4)]
Frame = Callable[[int], list[bytes]]

BAD_VMC: dict[str, tuple[str, Frame]] = {
    "ints": (
        "int where a float",
        lambda n: [osc.message(vmc.BONE, "sfififff", "Hips", 0.0, 1, 0.0, 0, *UNIT[:3]), OK, T[n]],
    ),
    "short": ("stops for good", lambda n: [osc.message(vmc.BONE, "sfff", "Hips", *ZEROS), OK, T[n]]),
    "empty OK": ("stops for good", lambda n: [bone(), osc.message(vmc.OK, ""), T[n]]),
    "wrong type": ("wrong type", lambda n: [bone(), OK, osc.message(vmc.TIME, "s", "now")]),
    "no T": ("no T", lambda n: [bone(), OK]),
    "neither OK nor T": ("neither OK nor T", lambda n: [bone(), bone("Head")]),
    "no OK": ("OK never", lambda n: [bone(), T[n]]),
    "two OK": ("OK more than once", lambda n: [OK, bone(), OK, T[n]]),
    "bones after OK": ("mixed frame", lambda n: [bone(), OK, bone("Head"), T[n]]),
    "unknown bone": ("HumanBodyBones", lambda n: [bone("Pelvis"), bone(), OK, T[n]]),
    "sentinel": ("HumanBodyBones", lambda n: [bone("LastBone"), bone(), OK, T[n]]),
    "case": ("wrong case", lambda n: [bone("hips"), OK, T[n]]),
    "zeros": ("positions are zero", lambda n: [bone(position=ZEROS), bone("Head", ZEROS), OK, T[n]]),
    "quaternion": ("unit quaternion", lambda n: [bone(rotation=(1.0, 1.0, 0.0, 1.0)), OK, T[n]]),
    "nan": ("not finite", lambda n: [bone(rotation=(float("nan"), 0.0, 0.0, 1.0)), OK, T[n]]),
    "future": ("timetag", lambda n: [osc.bundle([bone(), OK, T[n]], timetag=2**62)]),
    "nested": ("bundle within a bundle", lambda n: [osc.bundle([bone(), osc.bundle([OK, T[n]])])]),
    "large": ("over 1200 bytes", lambda n: [osc.bundle([bone()] * 40 + [OK, T[n]])]),
    "tags": ("garbage", lambda n: [bone() + b"", osc.message(vmc.OK, "ih", 1, 2), T[n]]),
    "garbage": ("not well-formed", lambda n: [b"hello", bone(), OK, T[n]]),
    "something else": ("not VMC", lambda n: [osc.message("/composition/tempo", "f", 0.5), bone(), OK, T[n]]),
    "text": ("ANSI", lambda n: [osc.message(vmc.BLEND, "sf", "まばたき", 1.0), bone(), OK, T[n]]),
    "time": ("jumps back", lambda n: [bone(), OK, T[3 - n]]),
}


@pytest.mark.parametrize(("fault", "frame"), BAD_VMC.values(), ids=BAD_VMC.keys())
def test_faults_of_vmc_senders_are_named(fault: str, frame: Frame) -> None:
    arrivals = [(datagram, START_NS + number * 33_333_333) for number in range(4) for datagram in frame(number)]
    report = inspect(VmcInspector(), arrivals)
    named = [finding.fault for finding in report.findings]
    assert [text for text in named if fault in text], named
    assert len(named) <= 2


def test_a_sender_without_time_still_has_a_rate() -> None:
    for tail in ([OK], []):
        arrivals = [
            (datagram, START_NS + number * 50_000_000)
            for number in range(20)
            for datagram in [bone(), bone("Head"), *tail]
        ]
        assert inspect(VmcInspector(), arrivals).timing.rate_hz == pytest.approx(20.0, rel=0.01)


def test_changing_source_ports() -> None:
    inspector = VmcInspector()
    for port in range(50000, 50100):
        inspector.take(OK, ("10.0.0.1", port), START_NS)
    report = inspector.report()
    assert "more than one source port" in report.findings[0].fault
    assert len(report.sources) <= 16


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("cannot bind", osc.message("/single", "f", 1.0)),
        ("cannot bind", osc.message("/a/b*", "f", 1.0)),
        ("no float", osc.message("/a/b", "i", 1)),
        ("ANSI", osc.message("/a/b", "s", "ü")),
        ("not finite", osc.message("/a/b", "f", float("inf"))),
    ],
)
def test_faults_of_osc_senders_are_named(fault: str, message: bytes) -> None:
    report = inspect(OscInspector(), [(message, START_NS)])
    assert [finding for finding in report.findings if fault in finding.fault]


def test_any_osc_sender_has_a_rate() -> None:
    message = osc.message("/ball/height", "f", 1.0)
    report = inspect(OscInspector(), [(message, START_NS + number * 10_000_000) for number in range(100)])
    assert report.timing.rate_hz == pytest.approx(100.0)
    assert report.findings == []


# -- anything at all --------------------------------------------------------------------------------------------------

numbers = st.floats(width=32)
addresses = st.sampled_from(
    [vmc.OK, vmc.TIME, vmc.ROOT, vmc.BONE, vmc.BLEND, vmc.APPLY, vmc.TRACE, "/a/time", "/a/state"]
)
values = st.one_of(
    st.tuples(st.just("f"), numbers),
    st.tuples(st.just("s"), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50)),
    st.tuples(st.just("i"), st.integers(-(2**31), 2**31 - 1)),
)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    address = draw(addresses)
    usual = {vmc.ROOT: "sfffffff", vmc.BONE: "sfffffff", vmc.TIME: "f", "/a/time": "ffff", "/a/state": "f"}.get(address)
    if usual is not None and draw(st.booleans()):
        arguments = ["Hips" if tag == "s" else draw(numbers) for tag in usual]
        return osc.message(address, usual, *arguments)
    parts = draw(st.lists(values, max_size=9))
    return osc.message(address, "".join(tag for tag, _ in parts), *(value for _, value in parts))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(messages(), messages().map(lambda m: osc.bundle([m])), st.binary(max_size=40)), max_size=20))
def test_no_bytes_upset_an_inspector(datagrams: list[bytes]) -> None:
    for inspector in (VmcInspector(), OscInspector()):
        report = inspect(inspector, [(datagram, START_NS + n * 10**7) for n, datagram in enumerate(datagrams)])
        assert report.datagrams == len(datagrams)


def face_stream(kind: str, frames: int = 60, **options: Any) -> list[tuple[bytes, int]]:
    """A body of 30 Hz and a face of 60 Hz, the face 10 ms after its capture."""
    stream = open_stream(output_section(kind, actor="anna", **options))
    arrivals = []
    for number in range(frames):
        capture_ns = START_NS + number * 16_666_667
        record = face_performance(any_face(number), number, capture_ns=capture_ns)
        datagrams = [bytes(d) for d in stream.face(record, capture_ns + 9_000_000, alone=False)]
        arrivals += [(datagram, capture_ns + 10_000_000) for datagram in datagrams]
        if number % 2 == 0:
            body = random_pose(number, capture_ns=capture_ns).performance
            datagrams = [bytes(d) for d in stream.frame(body, capture_ns + 9_000_000)]
            arrivals += [(datagram, capture_ns + 10_000_000) for datagram in datagrams]
    return arrivals


def test_nothing_is_wrong_with_a_face_faster_than_its_body() -> None:
    report = inspect(VmcInspector(), face_stream("vmc", trace=True))
    assert report.findings == []
    assert report.timing.rate_hz == pytest.approx(30.0, rel=0.01)
    assert report.facts["expressions"] == "52 of 52 ARKit, 18 of 18 VRM 0"
    assert report.facts["eyes"] == "LeftEye and RightEye"
    assert report.facts["incomplete frames"] == "0"
    rate, latency = report.facts["faces"].split(", ", 1)
    assert rate.startswith("60 at ") and float(rate.split()[2]) == pytest.approx(60.0, rel=0.01)
    assert latency.startswith("latency p50 10.")


def test_faces_of_our_plain_osc_have_a_rate_of_their_own() -> None:
    report = inspect(OscInspector(), face_stream("osc"))
    assert report.findings == []
    assert report.timing.rate_hz == pytest.approx(30.0, rel=0.01)
    assert report.facts["faces"].startswith("60 at ")


def test_a_whole_performance_has_nothing_wrong_with_it() -> None:
    stream, arrivals = open_stream(output_section("vmc", blends=("arkit", "vrm0", "vrm1"))), []
    for number in range(10):
        body = random_pose(number, capture_ns=START_NS + number * 33_333_333).performance
        arrivals += [(bytes(d), body.capture_ns) for d in stream.frame(replace(body, face=face(JawOpen=0.7)), 0)]
    report = inspect(VmcInspector(), arrivals)
    assert report.findings == []
    assert report.facts["expressions"] == "52 of 52 ARKit, 18 of 18 VRM 0, 18 of 18 VRM 1"
    assert report.facts["strongest now"].startswith("A 1.00")


def expressions(*values: tuple[str, float], apply: bool = True) -> list[tuple[bytes, int]]:
    elements = [osc.message(vmc.BLEND, "sf", name, value) for name, value in values]
    return [(osc.bundle([*elements, osc.message(vmc.APPLY, "")] if apply else elements), START_NS)]


def test_missing_and_misspelled_expressions_are_named() -> None:
    sent = expressions(("JawOpen", 0.5), ("eyeBlinkLeft", 0.1), ("Fancy", 0.2), ("A", 1.5))
    report = inspect(VmcInspector(), sent)
    assert report.facts["expressions"] == "1 of 52 ARKit, 1 of 18 VRM 0, 2 others"
    assert report.facts["missing of ARKit"].startswith("EyeBlinkLeft, EyeLookDownLeft")
    assert report.facts["missing of ARKit"].endswith("and 43 more")
    assert "missing of VRM 1" not in report.facts
    faults = {finding.fault: finding.example for finding in report.findings}
    assert [example for fault, example in faults.items() if "case" in fault] == ["eyeBlinkLeft: EyeBlinkLeft"]
    assert [example for fault, example in faults.items() if "beyond" in fault] == ["A: 1.50"]


def test_expressions_that_are_never_applied_are_a_fault() -> None:
    closing = [(osc.bundle([osc.message(vmc.OK, "i", 1), osc.message(vmc.TIME, "f", 0.0)]), START_NS)]
    sent = (expressions(("JawOpen", 0.5), apply=False) + closing) * 5
    assert any("without Apply" in finding.fault for finding in inspect(VmcInspector(), sent).findings)
