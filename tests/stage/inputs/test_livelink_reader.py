from __future__ import annotations

import gzip
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.arrays import from_bytes
from protocols.codec import decode, encode
from protocols.external import ExternalFace
from protocols.livelink import LiveLinkPacket
from protocols.livelink import decode as decode_packet
from protocols.livelink_face import write_face
from stage.config import TimecodeSection
from stage.inputs.livelink_reader import LiveLinkReader
from stage.outputs.livelink_stream import LiveLinkStream
from stage.timecode import TimecodeClock
from tests.sections import output_section
from tests.shared_data import shared_data
from tests.stage.inputs.sections import input_section
from tests.stage.outputs.faces import any_face, face_performance

HERE = ("127.0.0.1", 50_000)
NOW_NS = 1_700_000_000_000_000_000
TICK_NS = 1_000_000_000 // 60
DEVICE = "00000000-0000-0000-0000-000000000000"


def reader(**options: Any) -> LiveLinkReader:
    return LiveLinkReader(input_section("livelink", **options))


def packet(frame: float, subject: str = "iPhone", jaw: float = 0.5, face: bool = True) -> bytes:
    values = np.zeros(61, np.float32)
    values[17] = jaw
    whole = int(frame)
    return LiveLinkPacket(DEVICE, subject, whole, frame - whole, 60, 1, values if face else None).encode()


def take(into: LiveLinkReader, datagram: bytes, at_ns: int = NOW_NS) -> ExternalFace | None:
    records = into.take(datagram, HERE, at_ns)
    assert len(records) <= 1
    for record in records:
        assert isinstance(record, ExternalFace)
        decode(encode(record, 0, 0))  # it can travel
        return record
    return None


def test_our_own_stream_comes_back():
    sent = any_face()
    stream = LiveLinkStream(output_section("livelink", actor="anna"), "anna", None)
    into = reader(take=("face", "eyes", "head"))
    (datagram,) = stream.face(face_performance(sent), NOW_NS, alone=True)
    face = take(into, bytes(datagram))
    assert face is not None and face.tracked
    assert np.allclose(from_bytes(face.shapes, (52,)), from_bytes(sent.shapes, (52,)), atol=1e-6)
    assert np.allclose(from_bytes(face.gaze, (2, 2)), from_bytes(sent.gaze, (2, 2)), atol=1e-4)
    assert np.allclose(np.abs(from_bytes(face.head, (4,)) @ from_bytes(sent.head, (4,))), 1.0, atol=1e-6)


def test_our_own_timecode_gives_back_the_times_of_capture():
    clock = TimecodeClock(TimecodeSection(rate="60"), NOW_NS)
    stream = LiveLinkStream(output_section("livelink", actor="anna"), "anna", clock)
    into = reader()
    captured, told = [], []
    for tick in range(30):
        capture_ns = NOW_NS + tick * TICK_NS
        (datagram,) = stream.face(face_performance(any_face(tick), capture_ns=capture_ns), capture_ns, alone=True)
        face = take(into, bytes(datagram), capture_ns + 5_000_000)
        assert face is not None
        captured.append(capture_ns)
        told.append(face.capture_ns)
    assert np.ptp(np.array(told) - np.array(captured)) < 20_000  # the sub-frame is a float32


def test_what_the_app_has_sent_is_read():
    raw = gzip.decompress((shared_data("livelink_udp") / "dao.gesichter").read_bytes())
    (count,) = struct.unpack_from(">I", raw, 1)
    offset, into, faces = 5, reader(take=("face", "eyes", "head")), []
    for _ in range(count):
        (size,) = struct.unpack_from(">I", raw, offset)
        datagram = raw[offset + 4 : offset + 4 + size]
        offset += 4 + size
        stamp = decode_packet(datagram)
        at_ns = NOW_NS + round((stamp.frame + stamp.subframe - 5_375_735) / 60 * 1e9)
        face = take(into, datagram, at_ns)
        assert face is not None
        assert abs(face.capture_ns - at_ns) < 1_000_000
        faces.append(face)
    assert (count, into.counters["faces"], into.counters["gaps"]) == (180, 180, 1)
    assert into.fact == "LLV Default Device at 60 Hz"
    gaze = np.stack([from_bytes(face.gaze, (2, 2)) for face in faces])
    shapes = np.stack([from_bytes(face.shapes, (52,)) for face in faces])
    # Each eye looks down (index 1) as its shape says; what the app counts as 1 is 35 degrees.
    assert np.allclose(-gaze[:, 0, 1], 0.61 * (shapes[:, 1] - shapes[:, 4]), atol=0.05)


def test_a_packet_without_a_face_says_that_it_is_lost():
    into = reader()
    face = take(into, packet(0.0, face=False))
    assert face is not None and not face.tracked
    assert (face.shapes, face.head, face.gaze) == (b"", b"", b"")
    assert into.counters["without a face"] == 1


def test_only_what_is_configured_is_given():
    face = take(reader(take=("eyes",)), packet(0.0))
    assert face is not None and face.head == b"" and face.gaze
    face = take(reader(take=("head",)), packet(0.0))
    assert face is not None and (face.shapes, face.gaze) == (b"", b"") and face.head


def test_the_first_subject_is_followed_or_the_one_that_is_named():
    into = reader()
    assert take(into, packet(0.0)) and take(into, packet(1.0, "other")) is None
    into = reader(subject="other")
    assert take(into, packet(0.0)) is None and take(into, packet(1.0, "other"))
    assert into.counters["other subjects"] == 1


def test_a_burst_is_spread_out_as_it_was_captured():
    into, told = reader(latency_ms=10.0), []
    for tick in range(60):
        bundle = tick // 6 * 6 + 5  # Wi-Fi delivers six at a time
        face = take(into, packet(1000.0 + tick), NOW_NS + bundle * TICK_NS + tick * 1000)
        assert face is not None
        told.append(face.capture_ns)
    steady = np.diff(told[12:])
    assert np.all(np.abs(steady - TICK_NS) < 50_000)
    assert told[-1] == pytest.approx(NOW_NS + 59 * TICK_NS - 10_000_000, abs=1_000_000)


def test_packets_twice_or_late_are_left_out():
    into = reader()
    assert take(into, packet(10.0))
    assert take(into, packet(10.0), NOW_NS + 1000) is None
    assert take(into, packet(12.0), NOW_NS + 2 * TICK_NS)
    assert take(into, packet(11.0), NOW_NS + 2 * TICK_NS + 1000) is None
    assert take(into, packet(13.0), NOW_NS + 3 * TICK_NS)
    assert (into.counters["repeats"], into.counters["late"], into.counters["faces"]) == (1, 1, 3)


@pytest.mark.parametrize("jump", [-5_184_000.0, -600.0, -90.0, 90.0, 600.0])
def test_a_timecode_that_jumps_is_followed(jump):
    into = reader()
    last_ns = 0
    for tick in range(40):
        at_ns = NOW_NS + tick * TICK_NS
        face = take(into, packet(6_000_000.0 + tick + (jump if tick >= 20 else 0.0)), at_ns)
        assert face is not None
        assert face.capture_ns > last_ns
        assert abs(face.capture_ns - at_ns) < 1_000_000
        last_ns = face.capture_ns
    assert into.counters["jumps"] == 1


def test_a_timecode_that_stands_still_leaves_the_time_of_arrival():
    into = reader()
    for tick in range(10):
        at_ns = NOW_NS + tick * TICK_NS
        face = take(into, packet(0.0, jaw=0.01 * tick), at_ns)
        assert face is not None and face.capture_ns == at_ns


def test_a_pause_of_the_sender_leaves_the_times_right():
    into = reader()
    take(into, packet(0.0))
    face = take(into, packet(600.0), NOW_NS + 600 * TICK_NS)
    assert face is not None and abs(face.capture_ns - NOW_NS - 600 * TICK_NS) < 1_000_000
    assert into.counters["jumps"] == 0


def test_strangers_are_dropped_and_counted():
    into = reader()
    assert into.take(packet(0.0), ("10.0.0.7", 1), NOW_NS) == []
    assert into.counters["strangers"] == 1


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 319))
def test_no_bytes_are_an_error(data, at):
    into = reader()
    take(into, data)
    whole = bytearray(packet(3.0))
    whole[at : at + len(data)] = data
    take(into, bytes(whole))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-(2**31), 2**31 - 1), st.integers(1, 2**31 - 1), st.integers(1, 2**31 - 1)), max_size=20
    )
)
def test_any_timecode_gives_times_in_order_and_never_in_the_future(stamps):
    into, last_ns = reader(), 0
    for tick, (frame, numerator, denominator) in enumerate(stamps):
        at_ns = NOW_NS + tick * TICK_NS
        values = write_face(np.zeros(52), np.array([0.0, 0.0, 0.0, 1.0]), np.zeros((2, 2)))
        face = take(into, LiveLinkPacket(DEVICE, "x", frame, 0.0, numerator, denominator, values).encode(), at_ns)
        if face is not None:
            assert last_ns < face.capture_ns <= at_ns
            last_ns = face.capture_ns
