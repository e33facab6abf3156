"""Live Link Face packets: golden bytes, real recordings, and refusal of everything else."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import EncodeError
from protocols.livelink import (
    LEAST_BYTES,
    MOST_BYTES,
    MOST_SUBJECT_BYTES,
    VALUES,
    LiveLinkEncoder,
    LiveLinkError,
    LiveLinkPacket,
    check_device_id,
    check_subject,
    decode,
)
from protocols.timecode import FrameRate
from tests.shared_data import shared_data

ID = "00000000-0000-0000-0000-000000000000"
RATE = FrameRate.parse("60")
GOLDEN_HEAD = bytes.fromhex(
    "0600000024" + ID.encode().hex() + "000000066950686f6e65" + "00000e10" + "3e800000" + "0000003c" + "00000001" + "3d"
)
GOLDEN = GOLDEN_HEAD + bytes(17 * 4) + bytes.fromhex("3f000000") + bytes(43 * 4)


def half_open() -> np.ndarray:
    values = np.zeros(61, np.float32)
    values[VALUES.index("JawOpen")] = 0.5
    return values


def recorded(path: Path) -> Iterator[bytes]:
    """The packets of a recording: u8 version, u32 count, then u32 size and packet, gzipped."""
    data = gzip.decompress(path.read_bytes())
    offset = 5
    for _ in range(struct.unpack_from(">I", data, 1)[0]):
        size = struct.unpack_from(">I", data, offset)[0]
        yield data[offset + 4 : offset + 4 + size]
        offset += 4 + size
    assert offset == len(data)


def test_golden_bytes() -> None:
    assert len(GOLDEN) == 312
    (sent,) = LiveLinkEncoder(ID, "iPhone", RATE).encode(3600, 0.25, half_open())
    assert bytes(sent) == GOLDEN
    packet = decode(GOLDEN)
    assert packet[:6] == (ID, "iPhone", 3600, 0.25, 60, 1)
    assert packet.values is not None
    np.testing.assert_array_equal(packet.values, half_open())
    assert packet.encode() == GOLDEN


def test_packet_without_a_face() -> None:
    (sent,) = LiveLinkEncoder(ID, "iPhone", RATE).encode(3600, 0.25)
    assert bytes(sent) == GOLDEN_HEAD[:-1]
    assert len(sent) == 67
    packet = decode(bytes(sent))
    assert packet.values is None
    assert packet.encode() == bytes(sent)


def test_recorded_packets_are_read_and_written_alike() -> None:
    count = 0
    for datagram in recorded(shared_data("livelink_udp") / "dao.gesichter"):
        packet = decode(datagram)
        assert packet.encode() == datagram
        assert packet.values is not None
        assert (packet.numerator, packet.denominator) == (60, 1)
        count += 1
    assert count == 180


def test_a_packet_leaves_no_trace_in_the_next() -> None:
    encoder = LiveLinkEncoder(ID, "iPhone", RATE)
    encoder.encode(99, 0.5, np.ones(61, np.float32))
    encoder.encode(100, 0.5)
    assert bytes(encoder.encode(3600, 0.25, half_open())[0]) == GOLDEN


subjects = st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable())


@given(
    subjects,
    st.integers(-(2**31), 2**31 - 1),
    st.floats(0.0, 1.0, exclude_max=True),
    st.sampled_from(["23.976", "25", "29.97df", "60"]),
    st.none() | st.lists(st.floats(-4.0, 4.0, width=32), min_size=61, max_size=61),
)
def test_what_is_encoded_is_decoded(
    subject: str, frame: int, subframe: float, rate: str, values: list[float] | None
) -> None:
    array = None if values is None else np.array(values, np.float32)
    (sent,) = LiveLinkEncoder(ID, subject, FrameRate.parse(rate)).encode(frame, subframe, array)
    packet = decode(bytes(sent))
    assert (packet.device_id, packet.subject, packet.frame) == (ID, subject, frame)
    assert packet.subframe == pytest.approx(subframe, abs=1e-7)
    assert packet.subframe < 1.0
    assert packet[4:6] == FrameRate.parse(rate)[:2]
    if array is None:
        assert packet.values is None
    else:
        np.testing.assert_array_equal(packet.values, array)
    assert packet.encode() == bytes(sent)


def changed(offset: int, replacement: bytes) -> bytes:
    return GOLDEN[:offset] + replacement + GOLDEN[offset + len(replacement) :]


NAN, INF = struct.pack(">f", float("nan")), struct.pack(">f", float("inf"))
RATE_AT = len(GOLDEN_HEAD) - 9


@pytest.mark.parametrize(
    ("datagram", "part", "fault"),
    [
        (b"", "version", "empty"),
        (changed(0, b"\x05"), "version", "version 5"),
        (b"\x06\0\0", "device id", "end before"),
        (changed(1, b"\xff\xff\xff\xff"), "device id", "of -1 bytes"),
        (changed(1, b"\x00\x00\x00\x00"), "device id", "of 0 bytes"),
        (changed(1, b"\x7f\xff\xff\xff"), "device id", "of 2147483647 bytes"),
        (changed(5, b"\xff"), "device id", "not UTF-8 at byte 0"),
        (GOLDEN[:43], "subject name", "end before"),
        (changed(41, b"\x00\x00\xff\xff"), "subject name", "of 65535 bytes"),
        (changed(46, b"\xc3"), "subject name", "not UTF-8"),
        (GOLDEN[:60], "timecode", "end within"),
        (changed(RATE_AT - 4, struct.pack(">f", 1.0)), "timecode", "sub-frame 1"),
        (changed(RATE_AT - 4, struct.pack(">f", -0.1)), "timecode", "sub-frame -0.1"),
        (changed(RATE_AT - 4, NAN), "timecode", "sub-frame nan"),
        (changed(RATE_AT, bytes(4)), "rate", "0/1"),
        (changed(RATE_AT + 4, bytes(4)), "rate", "60/0"),
        (changed(RATE_AT + 4, b"\xff\xff\xff\xff"), "rate", "60/-1"),
        (changed(len(GOLDEN_HEAD) - 1, b"\x34"), "count", "52 values, not 61"),
        (GOLDEN[:-1], "count", "243 bytes of values"),
        (GOLDEN + b"\0", "count", "245 bytes of values"),
        (GOLDEN_HEAD, "count", "0 bytes of values"),
        (changed(len(GOLDEN_HEAD) + 4, NAN), "values", "EyeLookDownLeft"),
        (changed(len(GOLDEN) - 4, INF), "values", "RightEyeRoll"),
    ],
)
def test_faulty_packets(datagram: bytes, part: str, fault: str) -> None:
    with pytest.raises(LiveLinkError, match=fault) as caught:
        decode(datagram)
    assert caught.value.part == part


@given(st.binary(max_size=400) | st.binary(max_size=300).map(lambda tail: GOLDEN[:60] + tail))
def test_any_bytes_are_a_packet_or_refused(datagram: bytes) -> None:
    try:
        packet = decode(datagram)
    except LiveLinkError:
        return
    assert packet.encode() == datagram


@given(st.data())
def test_a_broken_packet_is_a_packet_or_refused(data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(GOLDEN) - 1))
    datagram = changed(offset, bytes([data.draw(st.integers(0, 255))]))[: data.draw(st.integers(offset, len(GOLDEN)))]
    try:
        decode(datagram)
    except LiveLinkError:
        pass


# -- names ------------------------------------------------------------------------------------------------------------


def test_the_longest_subject_just_passes_unreals_gate() -> None:
    (sent,) = LiveLinkEncoder(ID, "x" * MOST_SUBJECT_BYTES, RATE).encode(0, 0.0, half_open())
    assert len(sent) == MOST_BYTES
    (shortest,) = LiveLinkEncoder(ID, "x", RATE).encode(0, 0.0, half_open())
    assert len(shortest) >= LEAST_BYTES


@pytest.mark.parametrize("subject", ["", "x" * (MOST_SUBJECT_BYTES + 1), "é" * 235, "a\nb", "a\0", "\udc80" * 3])
def test_subjects_that_unreal_would_drop(subject: str) -> None:
    with pytest.raises(EncodeError, match="is no subject name"):
        check_subject(subject)


@pytest.mark.parametrize("device_id", ["", "iPhone", "0" * 35, "0" * 37, "é" * 18, "é" * 36])
def test_ids_that_receivers_misread(device_id: str) -> None:
    with pytest.raises(EncodeError, match="36 ASCII characters"):
        check_device_id(device_id)
    with pytest.raises(EncodeError):
        LiveLinkEncoder(device_id, "x", RATE)


def test_values_that_must_not_be_sent() -> None:
    encoder = LiveLinkEncoder(ID, "iPhone", RATE)
    for wrong in (float("nan"), float("inf"), -float("inf")):
        values = half_open()
        values[3] = wrong
        with pytest.raises(EncodeError, match="not finite"):
            encoder.encode(0, 0.0, values)
    assert bytes(encoder.encode(3600, 0.25, half_open())[0]) == GOLDEN


def test_a_packet_can_be_made_faulty_for_tests() -> None:
    packet = LiveLinkPacket("id", "é", 1, 0.0, 30, 0, np.zeros(52, np.float32))
    with pytest.raises(LiveLinkError, match="30/0"):
        decode(packet.encode())
