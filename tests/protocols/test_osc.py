"""OSC: golden bytes, other implementations' bytes, and a parser that nothing from outside can surprise."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from osc4py3 import oscbuildparse
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from protocols import osc
from protocols.errors import EncodeError

GOLDEN = {
    "2f564d432f4578742f4f4b002c6969696900000000000001000000030000000000000001": ("/VMC/Ext/OK", "iiii", 1, 3, 0, 1),
    "2f564d432f4578742f5400002c6600003fc00000": ("/VMC/Ext/T", "f", 1.5),
    "2f564d432f4578742f426f6e652f506f730000002c73666666666666660000004869707300000000"
    "000000003f800000000000000000000000000000000000003f800000": (
        ("/VMC/Ext/Bone/Pos", "sfffffff", "Hips", 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    ),
    "2f564d432f4578742f426c656e642f56616c00002c7366004a6f79003f800000": ("/VMC/Ext/Blend/Val", "sf", "Joy", 1.0),
    "2f564d432f4578742f426c656e642f4170706c79000000002c000000": ("/VMC/Ext/Blend/Apply", ""),
}
GOLDEN_BUNDLE = "2362756e646c65000000000000000001000000142f564d432f4578742f5400002c6600003fc00000"


@pytest.mark.parametrize(("golden", "parts"), GOLDEN.items(), ids=[parts[0] for parts in GOLDEN.values()])
def test_golden_messages(golden: str, parts: tuple[Any, ...]) -> None:
    assert osc.message(*parts).hex() == golden
    assert osc.parse(bytes.fromhex(golden)) == osc.Message(parts[0], parts[1], tuple(parts[2:]))


def test_golden_bundle() -> None:
    assert osc.bundle([osc.message("/VMC/Ext/T", "f", 1.5)]).hex() == GOLDEN_BUNDLE
    parsed = osc.parse(bytes.fromhex(GOLDEN_BUNDLE))
    assert parsed == osc.Bundle(osc.IMMEDIATELY, (osc.Message("/VMC/Ext/T", "f", (1.5,)),))


# -- laws -------------------------------------------------------------------------------------------------------------

addresses = st.from_regex(r"(/[A-Za-z0-9_.\-]{1,12}){1,4}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
typed_arguments = st.one_of(
    st.tuples(st.just("i"), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just("f"), st.floats(width=32, allow_nan=False)),
    st.tuples(st.just("s"), texts),
    st.tuples(st.just("b"), st.binary(max_size=20)),
    st.tuples(st.just("h"), st.integers(-(2**63), 2**63 - 1)),
)
argument_lists = st.lists(typed_arguments, max_size=10)


@settings(deadline=None)
@given(addresses, argument_lists)
def test_what_is_packed_is_parsed(address: str, arguments: list[tuple[str, Any]]) -> None:
    tags, values = "".join(tag for tag, _ in arguments), tuple(value for _, value in arguments)
    packed = osc.message(address, tags, *values)
    assert len(packed) % 4 == 0
    assert osc.parse(packed) == osc.Message(address, tags, values)


@settings(deadline=None)
@given(addresses, argument_lists)
def test_messages_are_those_of_python_osc(address: str, arguments: list[tuple[str, Any]]) -> None:
    builder = OscMessageBuilder(address=address)
    arguments = [(tag, value) for tag, value in arguments if value != b""]  # it refuses empty blobs
    for tag, value in arguments:
        builder.add_arg(value, tag)
    assert (
        osc.message(address, "".join(tag for tag, _ in arguments), *(v for _, v in arguments)) == builder.build().dgram
    )


@settings(deadline=None)
@given(st.lists(st.tuples(addresses, st.floats(width=32, allow_nan=False)), max_size=5))
def test_bundles_are_those_of_python_osc(contents: list[tuple[str, float]]) -> None:
    builder = OscBundleBuilder(IMMEDIATELY)
    for address, value in contents:
        message = OscMessageBuilder(address=address)
        message.add_arg(value, "f")
        builder.add_content(message.build())
    ours = osc.bundle([osc.message(address, "f", value) for address, value in contents])
    assert ours == builder.build().dgram
    assert [m.address for m in osc.messages(osc.parse(ours))] == [address for address, _ in contents]


# -- the rest of the standard, and its extensions ---------------------------------------------------------------------


def raw(address: str, tags: str, payload: bytes = b"") -> bytes:
    return osc.message(address, "")[:-4] + osc.message("/x", "s", tags)[8:] + payload if tags else b""


def test_extended_tags() -> None:
    payload = struct.pack(">dQIIi", 0.5, 7, ord("c"), 0x11223344, 9)
    parsed = osc.parse(raw("/a", ",dtcrTFNI[iS]", payload + b"sym\0"))
    assert isinstance(parsed, osc.Message)
    assert parsed.arguments == (0.5, 7, 99, 0x11223344, True, False, None, float("inf"), (9, "sym"))


def test_nested_bundles_are_opened_in_order() -> None:
    first, second, third = (osc.message(f"/m/{name}", "") for name in "abc")
    packet = osc.parse(osc.bundle([first, osc.bundle([second]), third]))
    assert [message.address for message in osc.messages(packet)] == ["/m/a", "/m/b", "/m/c"]


def nested(depth: int) -> bytes:
    packet = osc.message("/m", "")
    for _ in range(depth):
        packet = osc.bundle([packet])
    return packet


def test_depth_is_bounded() -> None:
    osc.parse(nested(osc.MAX_DEPTH))
    with pytest.raises(osc.OscError, match="nested deeper"):
        osc.parse(nested(osc.MAX_DEPTH + 1))
    with pytest.raises(osc.OscError):
        osc.parse(nested(3000))
    with pytest.raises(osc.OscError):
        osc.parse(raw("/a", "," + "[" * 500 + "]" * 500))


T = osc.message("/VMC/Ext/T", "f", 1.5)
HEAD = osc.bundle([])

REFUSED = {
    "nothing": b"",
    "no type tags": b"/VMC/Ext/T\0\0",
    "type tags without comma": b"/VMC/Ext/T\0\0f\0\0\0" + T[-4:],
    "length not a multiple of four": T + b"\0",
    "truncated float": T[:-1],
    "missing float": T[:-4],
    "four bytes too many": T + bytes(4),
    "unknown tag": T.replace(b",f", b",q"),
    "address without slash": osc.message("/VMC/Ext/T", "f", 1.5).replace(b"/VMC", b"xVMC"),
    "address with a space": T.replace(b"/Ext", b"/E t"),
    "padding that is not zero": T.replace(b"T\0\0", b"T\0x"),
    "string without end": b"/VMC/Ext/Tee",
    "text that is not UTF-8": osc.message("/a", "s", "abc").replace(b"abc", b"\xff\xfe\xfd"),
    "bundle without timetag": b"#bundle\0\0\0\0\0",
    "element larger than the rest": HEAD + struct.pack(">i", len(T) + 4) + T,
    "element smaller than its message": HEAD + struct.pack(">i", len(T) - 4) + T,
    "element size not a multiple of four": HEAD + struct.pack(">i", len(T) - 1) + T,
    "element of no size": HEAD + struct.pack(">i", 0),
    "element of negative size": HEAD + struct.pack(">i", -4) + T,
    "blob longer than the rest": osc.message("/a", "b", b"abcd").replace(struct.pack(">i", 4), struct.pack(">i", 400)),
    "blob of negative size": osc.message("/a", "b", b"abcd").replace(struct.pack(">i", 4), struct.pack(">i", -4)),
    "blob padding that is not zero": osc.message("/a", "b", b"abc").replace(b"abc\0", b"abcd"),
    "array without end": raw("/a", ",[i", bytes(4)),
    "array without begin": raw("/a", ",i]", bytes(4)),
}


@pytest.mark.parametrize("packet", REFUSED.values(), ids=REFUSED.keys())
def test_malformed_packets_are_refused(packet: bytes) -> None:
    with pytest.raises(osc.OscError):
        osc.parse(packet)
    with pytest.raises(osc.OscError):
        osc.parse(osc.bundle([packet]))


def test_a_future_timetag_is_data() -> None:
    packet = osc.parse(osc.bundle([T], timetag=2**40))
    assert isinstance(packet, osc.Bundle)
    assert packet.timetag == 2**40


# -- outside bytes ----------------------------------------------------------------------------------------------------

VALID = [
    T,
    osc.message("/a/b", "sfib", "text", 1.0, 2, b"blob"),
    osc.bundle([T, osc.bundle([T]), osc.message("/x/y", "s", "ü")]),
    raw("/a", ",d[if]TFN", bytes(16)),
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good packet with some bytes changed, cut out or put in."""
    packet = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(packet) - 1)) if packet else 0
        match draw(st.integers(0, 2)):
            case 0:
                packet[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case 1:
                del packet[at : at + draw(st.sampled_from([1, 4, 8]))]
            case _:
                packet[at:at] = draw(st.binary(min_size=4, max_size=4))
    return bytes(packet)


def parse_or_refuse(packet: bytes) -> osc.Message | osc.Bundle | None:
    try:
        return osc.parse(packet)
    except osc.OscError:
        return None


@settings(max_examples=1000, deadline=None)
@given(st.one_of(damaged(), st.binary(max_size=200), st.binary(max_size=80).map(lambda b: b"#bundle\0" + b)))
def test_any_bytes_are_a_packet_or_refused(packet: bytes) -> None:
    parse_or_refuse(packet)


@settings(max_examples=500, deadline=None)
@given(damaged())
def test_accepted_packets_are_accepted_by_a_second_strict_parser(packet: bytes) -> None:
    parsed = parse_or_refuse(packet)
    if parsed is None or not packet.isascii() or b"," not in packet:
        return
    if any(set(message.tags) - set("ifs") for message in osc.messages(parsed)):
        return
    oscbuildparse.decode_packet(packet)


# -- what cannot be sent ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parts",
    [
        ("no/slash", "f", 1.0),
        ("/with space", "f", 1.0),
        ("/hash#", "f", 1.0),
        ("/ümlaut", "f", 1.0),
        ("/a", "ff", 1.0),
        ("/a", "i", 2**31),
        ("/a", "f", 1e300),
        ("/a", "s", "nul\0"),
        ("/a", "f", "text"),
        ("/a", "s", 1.0),
        ("/a", "q", 1.0),
    ],
)
def test_what_osc_cannot_carry_is_refused(parts: tuple[Any, ...]) -> None:
    with pytest.raises(EncodeError):
        osc.message(*parts)
