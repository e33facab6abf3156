"""Datagrams of timecode machines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import osc
from protocols.timecode import TimecodeError
from protocols.timecode_packet import MOST_BYTES, read_timecode


@pytest.mark.parametrize(
    ("datagram", "text"),
    [
        (b"01:02:03:04", "01:02:03:04"),
        (b"01:02:03;04\r\n", "01:02:03;04"),
        (b"01:02:03.04\0", "01:02:03;04"),
        (b"01:02:03:04\n01:02:03:05\n", "01:02:03:05"),
        (b"00000000   10:00:00:23 |    11111   22222  ", "10:00:00:23"),
        (osc.message("/timecode", "s", "01:02:03:04"), "01:02:03:04"),
        (osc.message("/a/b", "sf", "01:02:03;04", 1.0), "01:02:03;04"),
        (osc.bundle([osc.message("/x", "f", 1.0), osc.message("/t", "s", "01:02:03:04")]), "01:02:03:04"),
    ],
)
def test_labels(datagram: bytes, text: str) -> None:
    assert read_timecode(datagram) == text


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"#User bits  Timecode   |    Pos. (samples)",
        b"/timecode",
        osc.message("/timecode", "f", 1.0),
        osc.message("/timecode", ""),
        b"2026-01:02:03:04:05",
        b"01:02:03",
        b"01:02:03:04" * 200,
        b" " * MOST_BYTES + b"01:02:03:04",
    ],
)
def test_no_label(datagram: bytes) -> None:
    with pytest.raises(TimecodeError):
        read_timecode(datagram)


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda tail: b"/t\0\0,s\0\0" + tail))
def test_any_bytes_are_a_label_or_refused(datagram: bytes) -> None:
    try:
        assert len(read_timecode(datagram)) == 11
    except TimecodeError:
        pass
