"""The inspector finds nothing in our Live Link stream, and names what is wrong with others'."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.livelink import VALUES, LiveLinkPacket
from protocols.livelink_face import eye_angles
from stage.config import TimecodeSection
from stage.outputs.livelink_stream import LiveLinkStream
from stage.probing.inspector import InspectionReport
from stage.probing.livelink_inspector import LiveLinkInspector
from stage.timecode import TimecodeClock
from tests.protocols.test_livelink import ID, recorded
from tests.sections import output_section
from tests.shared_data import shared_data
from tests.stage.outputs.faces import any_face, face, face_performance

START_NS = 1_700_000_000_000_000_000
SOURCE = ("192.168.1.20", 50000)
STEP_NS = 16_666_667


def inspect(datagrams: Iterable[bytes], step_ns: int = STEP_NS) -> InspectionReport:
    inspector = LiveLinkInspector()
    for number, datagram in enumerate(datagrams):
        inspector.take(datagram, SOURCE, START_NS + number * step_ns)
    return inspector.report()


def faults(report: InspectionReport) -> str:
    return "\n".join(finding.fault for finding in report.findings)


def moving(number: int, scale: float = 1.0) -> np.ndarray:
    """Eyes that look about, with shapes as ARKit has them for that."""
    yaw = 0.3 * np.sin(number / 10.0)
    values = np.zeros(61, np.float32)
    values[52:] = (0.0, 0.0, 0.0, *eye_angles(yaw, 0.0), *eye_angles(yaw, 0.0))
    values[55:] *= scale
    look = abs(yaw) / 0.61
    names = ("EyeLookOutLeft", "EyeLookInRight") if yaw > 0.0 else ("EyeLookInLeft", "EyeLookOutRight")
    for name in names:
        values[VALUES.index(name)] = look
    return values


def packet(number: int, values: np.ndarray | None = None) -> LiveLinkPacket:
    return LiveLinkPacket(ID, "iPhone", 1000 + number, 0.25, 60, 1, moving(number) if values is None else values)


def test_nothing_is_wrong_with_our_stream() -> None:
    timecode = TimecodeClock(TimecodeSection(rate="60"), START_NS)
    stream = LiveLinkStream(output_section("livelink", actor="anna"), "anna", timecode)
    sent = []
    for number in range(120):
        of = face_performance(any_face(number), capture_ns=START_NS + number * STEP_NS)
        sent += [bytes(datagram) for datagram in stream.face(of, 0, alone=True)]
    report = inspect(sent)
    assert report.findings == []
    assert report.timing.frames == 120
    assert report.timing.rate_hz == pytest.approx(60.0, rel=0.01)
    assert report.timing.gaps == 0
    assert report.timing.latency is None
    assert report.facts["subject"].startswith("anna (")
    assert report.facts["packets"] == "120 at 60.00 Hz, 0 without a face"


def test_only_the_id_is_wrong_with_a_recording_that_another_tool_has_sent() -> None:
    report = inspect(recorded(shared_data("livelink_udp") / "dao.gesichter"))
    assert [finding.count for finding in report.findings] == [180]
    assert "other than 36 bytes" in faults(report)
    assert report.facts["angles"] == "head and eyes"


def test_faces_that_go_are_what_unreal_drops() -> None:
    stream = LiveLinkStream(output_section("livelink", actor="anna"), "anna")
    (datagram,) = stream.face(face_performance(face("absent")), 0, alone=True)
    report = inspect([bytes(datagram)])
    assert "Unreal drops it by its size and keeps the last face" in faults(report)
    assert "1 without a face" in report.facts["packets"]


Make = Callable[[int], bytes]


def with_values(change: Callable[[np.ndarray], object]) -> Make:
    def make(number: int) -> bytes:
        values = moving(number)
        change(values)
        return packet(number, values).encode()

    return make


BAD: dict[str, tuple[str, Make]] = {
    "version": ("version other than 6", lambda n: b"\x05" + packet(n).encode()[1:]),
    "little-endian": ("does not fit its length", lambda n: b"\x06" + (36).to_bytes(4, "little") + ID.encode()),
    "count": ("other than 61 values", lambda n: packet(n, np.zeros(52, np.float32)).encode()),
    "rate 0": ("receivers divide by it", lambda n: packet(n)._replace(denominator=0).encode()),
    "rate": ("timecode does not have", lambda n: packet(n)._replace(numerator=37).encode()),
    "rate changes": ("frame rate changes", lambda n: packet(n)._replace(numerator=(30, 60)[n % 2]).encode()),
    "sub-frame": ("timecode that cannot be", lambda n: packet(n)._replace(subframe=1.5).encode()),
    "id": ("other than 36 bytes", lambda n: packet(n)._replace(device_id="phone").encode()),
    "too long": ("Unreal drops it", lambda n: packet(n)._replace(subject="x" * 600).encode()),
    "not ASCII": ("beyond ASCII", lambda n: packet(n)._replace(subject="Bjørn").encode()),
    "subject": ("Unreal removes the old subject", lambda n: packet(n)._replace(subject=f"{n % 2}").encode()),
    "two devices": ("both move the same", lambda n: packet(n)._replace(device_id=f"{n % 2}" * 36).encode()),
    "still": ("stands still", lambda n: packet(n)._replace(frame=0).encode()),
    "twice": ("sent twice", lambda n: packet(n // 2).encode()),
    "back": ("jumps back", lambda n: packet(n if n < 50 else n - 40).encode()),
    "ahead": ("jumps ahead", lambda n: packet(n if n < 50 else n + 600).encode()),
    "beyond 1": ("beyond 0 to 1", with_values(lambda values: values.__setitem__(17, 1.2))),
    "below 0": ("beyond 0 to 1", with_values(lambda values: values.__setitem__(17, -0.2))),
    "percent": ("percent instead", with_values(lambda values: values.__setitem__(17, 80.0))),
    "NaN": ("not finite", with_values(lambda values: values.__setitem__(17, np.nan))),
    "degrees": ("degrees instead of radians", lambda n: packet(n, moving(n, 57.3)).encode()),
    "parts of 180": ("parts of 180 degrees", lambda n: packet(n, moving(n, 1.0 / np.pi)).encode()),
    "eyes reversed": ("with the wrong sign", lambda n: packet(n, moving(n, -1.0)).encode()),
    "no face": ("no shape has moved", with_values(lambda values: values.fill(0.0))),
}


@pytest.mark.parametrize("name", BAD)
def test_it_says_what_is_wrong(name: str) -> None:
    fault, make = BAD[name]
    assert fault in faults(inspect(make(number) for number in range(130)))


def test_little_endian_senders_are_told_so() -> None:
    (finding,) = inspect([BAD["little-endian"][1](0)]).findings
    assert "little-endian" in finding.example


def test_several_phones_are_told_apart() -> None:
    inspector = LiveLinkInspector()
    for number in range(60):
        for device, subject in (("a", "anna"), ("b", "ben")):
            datagram = packet(number)._replace(device_id=device * 36, subject=subject).encode()
            inspector.take(datagram, (f"10.0.0.{device}", 1), START_NS + number * STEP_NS)
    report = inspector.report()
    assert report.findings == []
    assert report.timing.frames == 60
    assert report.facts["devices"] == "2"
    assert report.facts["1: subject"].startswith("anna") and report.facts["2: subject"].startswith("ben")


@given(
    st.lists(st.binary(max_size=120) | st.binary(max_size=60).map(lambda b: packet(1).encode()[:60] + b), max_size=9)
)
def test_no_datagram_breaks_it(datagrams: list[bytes]) -> None:
    assert inspect(datagrams).datagrams == len(datagrams)


def test_many_devices_are_bounded() -> None:
    report = inspect(packet(0)._replace(device_id=f"{number:036}").encode() for number in range(200))
    assert report.facts["devices"] == "16"
