from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc import slip as python_osc_slip

from protocols.osc_framing import DECODERS, ENCODERS, Framing, FramingError, LengthDecoder, SlipDecoder, slip

PACKETS = st.lists(
    st.lists(st.sampled_from([0xC0, 0xDB, 0xDC, 0xDD, 0x00, 0x2F]), min_size=1, max_size=12).map(
        lambda values: bytes(values * 4)
    ),
    max_size=6,
)
BOTH: Sequence[Framing] = ("slip", "length")


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[begin:end] for begin, end in pairwise(edges)]


@given(PACKETS, st.lists(st.integers(0, 10_000), max_size=8), st.sampled_from(BOTH))
def test_packets_survive_any_cutting_of_the_stream(packets: list[bytes], cuts: list[int], framing: Framing) -> None:
    decoder = DECODERS[framing]()
    found = [packet for piece in pieces(ENCODERS[framing](packets), cuts) for packet in decoder.feed(piece)]
    assert found == packets
    assert decoder.malformed == 0


@given(PACKETS)
def test_slip_is_that_of_python_osc(packets: list[bytes]) -> None:
    assert slip(packets) == b"".join(python_osc_slip.encode(packet) for packet in packets)


def test_slip_with_an_end_behind_only() -> None:
    assert SlipDecoder().feed(b"abcd\xc0efgh\xc0") == [b"abcd", b"efgh"]


@pytest.mark.parametrize("wrong", [b"ab\xdbcd", b"ab\xdb", b"\xdb\xdb\xdc"])
def test_slip_drops_a_wrong_packet_and_finds_the_next(wrong: bytes) -> None:
    decoder = SlipDecoder()
    assert decoder.feed(b"\xc0" + wrong + b"\xc0" + slip([b"good"])) == [b"good"]
    assert decoder.malformed == 1


def test_slip_without_an_end_is_dropped_once_and_not_held() -> None:
    decoder = SlipDecoder(most_bytes=100)
    for _ in range(50):
        assert decoder.feed(b"x" * 30) == []
    assert len(decoder._held) <= 200
    assert decoder.feed(b"\xc0" + slip([b"good"])) == [b"good"]
    assert decoder.feed(slip([b"y" * 101])) == []
    assert decoder.malformed == 2


@pytest.mark.parametrize("size", [0, -1, 6, 104, 1 << 30])
def test_an_impossible_length_is_refused_after_the_packets_before_it(size: int) -> None:
    decoder = LengthDecoder(most_bytes=100)
    good = struct.pack(">i", 4) + b"good"
    assert decoder.feed(good + struct.pack(">i", size) + b"rest") == [b"good"]
    with pytest.raises(FramingError, match="must start anew"):
        decoder.feed(b"")
    assert decoder.malformed == 1


def test_slip_read_as_lengths_is_named() -> None:
    with pytest.raises(FramingError, match="looks like SLIP"):
        LengthDecoder().feed(slip([b"/a/b"]))


@given(st.lists(st.binary(max_size=60), max_size=30))
def test_any_bytes_are_packets_or_counted_and_memory_is_bounded(stream: list[bytes]) -> None:
    slip_decoder, length_decoder = SlipDecoder(64), LengthDecoder(64)
    for piece in stream:
        assert all(0 < len(packet) <= 64 for packet in slip_decoder.feed(piece))
        assert len(slip_decoder._held) <= 128
        try:
            assert all(0 < len(packet) <= 64 for packet in length_decoder.feed(piece))
        except FramingError:
            length_decoder = LengthDecoder(64)
        assert len(length_decoder._held) <= 64 + 4 + 60
