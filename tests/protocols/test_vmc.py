"""VMC: bytes as others build them, accepted by strict parsers, and digested by models of the real receivers."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from osc4py3 import oscbuildparse
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from protocols import osc, vmc
from protocols.errors import EncodeError
from protocols.names import ARKIT_SHAPES, HUMAN_BODY_BONES
from protocols.vmc import VmcEncoder
from tests.receivers import Evmc4u, UOscReader, Vrm4u

RNG = np.random.default_rng(3)
ROOT = np.array([0.1, 0.0, -0.2, 0.0, 0.0, 0.0, 1.0], np.float32)
BONES = RNG.normal(size=(len(HUMAN_BODY_BONES), 7)).astype(np.float32)
BLENDS = RNG.random(len(ARKIT_SHAPES)).astype(np.float32)
CAPTURE_NS, SENT_NS = 1_700_000_000_123_456_789, 1_700_000_000_150_000_000


def whole_frame(bundled: bool = True, traced: bool = True) -> list[bytes]:
    encoder = VmcEncoder(HUMAN_BODY_BONES, ARKIT_SHAPES, bundled=bundled, trace=vmc.TRACE if traced else "")
    datagrams = encoder.encode(ROOT, BONES, time_s=1.5, blends=BLENDS, capture_ns=CAPTURE_NS, sent_ns=SENT_NS)
    return [bytes(datagram) for datagram in datagrams]


def flat(datagrams: Sequence[bytes]) -> list[osc.Message]:
    return [message for datagram in datagrams for message in osc.messages(osc.parse(datagram))]


VARIANTS = pytest.mark.parametrize("bundled", [True, False], ids=["bundled", "unbundled"])


@VARIANTS
def test_frame_is_complete_and_in_order(bundled: bool) -> None:
    messages = flat(whole_frame(bundled))
    assert [message.address for message in messages] == [
        vmc.ROOT,
        *[vmc.BONE] * 55,
        *[vmc.BLEND] * 52,
        vmc.APPLY,
        vmc.TRACE,
        vmc.OK,
        vmc.TIME,
    ]
    assert [message.arguments[0] for message in messages[1:56]] == list(HUMAN_BODY_BONES)
    assert [message.arguments[0] for message in messages[56:108]] == list(ARKIT_SHAPES)
    sent = np.array([message.arguments[1:] for message in messages[:56]], np.float32)
    np.testing.assert_array_equal(sent, np.vstack([ROOT, BONES]))
    np.testing.assert_array_equal(np.array([m.arguments[1] for m in messages[56:108]], np.float32), BLENDS)
    assert messages[-2] == osc.Message(vmc.OK, "iiii", (1, 3, 0, 1))
    assert messages[-1] == osc.Message(vmc.TIME, "f", (1.5,))


def test_datagrams_keep_the_rules() -> None:
    for datagram in whole_frame():
        packet = osc.parse(datagram)
        assert len(datagram) <= 1200
        assert isinstance(packet, osc.Bundle)
        assert packet.timetag == osc.IMMEDIATELY
        assert all(isinstance(element, osc.Message) for element in packet.elements)  # no bundle in a bundle
        addresses = [message.address for message in osc.messages(packet)]
        assert addresses.count(vmc.BONE) <= 13
        assert addresses.count(vmc.BLEND) <= 22


def test_only_tags_that_everybody_reads_and_floats_in_poses() -> None:
    tags = {message.address: message.tags for message in flat(whole_frame())}
    assert tags == {
        vmc.ROOT: "sfffffff",
        vmc.BONE: "sfffffff",
        vmc.BLEND: "sf",
        vmc.APPLY: "",
        vmc.TRACE: "s",
        vmc.OK: "iiii",
        vmc.TIME: "f",
    }


def python_osc(messages: Sequence[osc.Message]) -> bytes:
    builder = OscBundleBuilder(IMMEDIATELY)
    for message in messages:
        content = OscMessageBuilder(address=message.address)
        for tag, value in zip(message.tags, message.arguments, strict=True):
            content.add_arg(value, tag)  # type: ignore[arg-type]
        builder.add_content(content.build())
    return builder.build().dgram


def test_bytes_are_those_of_python_osc() -> None:
    for datagram in whole_frame():
        assert python_osc(list(osc.messages(osc.parse(datagram)))) == datagram


def test_golden_bone_in_the_stream() -> None:
    pose = np.array([[0, 1, 0, 0, 0, 0, 1]], np.float32)
    datagrams = VmcEncoder(["Hips"], bundled=False).encode(ROOT, pose, time_s=1.5)
    golden = [
        "2f564d432f4578742f426f6e652f506f730000002c736666666666666600000048697073000000000000"
        "00003f800000000000000000000000000000000000003f800000",
        "2f564d432f4578742f4f4b002c6969696900000000000001000000030000000000000001",
        "2f564d432f4578742f5400002c6600003fc00000",
    ]
    assert [bytes(datagram).hex() for datagram in datagrams[1:]] == golden


def test_golden_expression_and_apply_in_the_stream() -> None:
    encoder = VmcEncoder((), ["Joy"], bundled=False, rooted=False, closed=False)
    datagrams = encoder.encode(None, np.zeros((0, 7)), blends=np.ones(1, np.float32))
    golden = [
        "2f564d432f4578742f426c656e642f56616c00002c7366004a6f79003f800000",
        "2f564d432f4578742f426c656e642f4170706c79000000002c000000",
    ]
    assert [bytes(datagram).hex() for datagram in datagrams] == golden


@VARIANTS
def test_liblo_accepts_every_datagram(bundled: bool) -> None:
    liblo = pytest.importorskip("pyliblo3")
    server = liblo.Server(None, proto=liblo.LO_UDP)
    received: list[tuple[str, str, list[object]]] = []
    server.add_method(None, None, lambda path, args, types: received.append((path, types, list(args))))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in whole_frame(bundled):
            before = len(received)
            sender.sendto(datagram, ("127.0.0.1", server.port))
            assert server.recv(2000)
            assert len(received) - before == len(list(osc.messages(osc.parse(datagram))))
    server.free()
    expected = [(m.address, m.tags, list(m.arguments)) for m in flat(whole_frame(bundled))]
    assert received == expected


@VARIANTS
def test_osc4py3_accepts_every_datagram(bundled: bool) -> None:
    for datagram in whole_frame(bundled):
        decoded: Any = oscbuildparse.decode_packet(datagram)
        elements = decoded.elements if bundled else [decoded]
        ours = osc.messages(osc.parse(datagram))
        assert [(e.addrpattern, tuple(e.arguments)) for e in elements] == [(m.address, m.arguments) for m in ours]


@VARIANTS
def test_evmc4u_takes_everything_and_stays_alive(bundled: bool) -> None:
    reader, receiver = UOscReader(), Evmc4u()
    for _ in range(3):
        receiver.render_frame()
        for datagram in whole_frame(bundled, traced=False):
            for message in reader.read(datagram):
                receiver.take(message)
        assert receiver.times_in_render_frame == 1
    assert reader.errors == []
    assert not receiver.shutdown
    assert receiver.ignored == 0
    assert (receiver.available, receiver.calibrated, receiver.time_s) == (1, True, 1.5)
    np.testing.assert_array_equal(np.array([receiver.bones[b] for b in HUMAN_BODY_BONES], np.float32), BONES)
    np.testing.assert_array_equal(np.array([receiver.blends[s.lower()] for s in ARKIT_SHAPES], np.float32), BLENDS)


def test_the_trace_disturbs_nobody() -> None:
    reader, receiver = UOscReader(), Evmc4u()
    for datagram in whole_frame(traced=True):
        for message in reader.read(datagram):
            receiver.take(message)
    assert reader.errors == []
    assert not receiver.shutdown
    assert receiver.ignored == 1


def test_vrm4u_never_shows_a_mixed_frame() -> None:
    encoder = VmcEncoder(HUMAN_BODY_BONES, ARKIT_SHAPES)
    reader, receiver = UOscReader(), Vrm4u()
    for number in range(4):
        bones = np.full((55, 7), number, np.float32)
        for datagram in encoder.encode(bones[0], bones, time_s=float(number), blends=BLENDS):
            for message in reader.read(bytes(datagram)):
                receiver.take(message)
    shown = [pose for pose in receiver.shown if pose]
    assert len(shown) == 4
    for number, pose in enumerate(shown):
        assert set(pose) == {"root", *HUMAN_BODY_BONES}
        assert {abs(value) for place in pose.values() for value in place[3:]} == {number}


def test_receiver_models_are_as_strict_as_the_originals() -> None:
    """The models would notice: what section 0 of the protocol notes forbids does trip them."""
    reader = UOscReader()
    for address, tags, values in [("/VMC/Ext/OK", "", ()), (vmc.BONE, "sfff", ("Hips", 0.0, 0.0, 0.0))]:
        receiver = Evmc4u()
        receiver.take(reader.read(osc.message(address, tags, *values))[0])
        assert receiver.shutdown
    receiver = Evmc4u()
    receiver.take(reader.read(osc.message(vmc.BONE, "sfififff", "Hips", 0.0, 1, 0.0, 0, 0.0, 0.0, 1.0))[0])
    assert receiver.bones == {} and not receiver.shutdown
    receiver = Evmc4u()
    for _ in range(31):
        receiver.take(reader.read(osc.message(vmc.TIME, "f", 0.0))[0])
    receiver.render_frame()
    receiver.take(reader.read(osc.message(vmc.TIME, "f", 1.0))[0])
    assert receiver.dropped == 1
    assert reader.errors == []
    reader.read(osc.message("/a", "h", 1))
    assert reader.errors


def test_tracking_status() -> None:
    encoder = VmcEncoder()
    for tracking in (True, False, True):
        last = flat([bytes(d) for d in encoder.encode(ROOT, BONES, time_s=0.0, tracking=tracking)])[-2]
        assert last.arguments == (1, 3, 0, int(tracking))


def test_trace_carries_capture_and_sending_time() -> None:
    trace = next(message for message in flat(whole_frame()) if message.address == vmc.TRACE)
    assert vmc.read_trace(trace) == (CAPTURE_NS, SENT_NS)


@pytest.mark.parametrize("text", ["", "1 2", "x" * 39, "0" * 39, f"{'٣' * 19} {'1' * 19}", f"{'1' * 19} {'1' * 19} "])
def test_other_peoples_traces_are_not_read(text: str) -> None:
    assert vmc.read_trace(osc.Message(vmc.TRACE, "s", (text,))) is None


def test_trace_of_another_type_is_not_read() -> None:
    assert vmc.read_trace(osc.Message(vmc.TRACE, "f", (1.0,))) is None
    assert vmc.read_trace(osc.Message("/VMC/Thru/other/trace", "s", ("1" * 39,))) is None


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_not_sent(bad: float) -> None:
    encoder = VmcEncoder(HUMAN_BODY_BONES, ARKIT_SHAPES)
    before = [bytes(datagram) for datagram in encoder.encode(ROOT, BONES, time_s=0.0, blends=BLENDS)]
    bones, root, blends = BONES.copy(), ROOT.copy(), BLENDS.copy()
    bones[7, 3] = root[2] = blends[4] = bad
    for arguments in ((root, BONES, BLENDS), (ROOT, bones, BLENDS), (ROOT, BONES, blends)):
        with pytest.raises(EncodeError, match="not finite"):
            encoder.encode(arguments[0], arguments[1], time_s=1.0, blends=arguments[2])
    after = encoder.encode(ROOT, BONES, time_s=0.0, blends=BLENDS)
    assert [bytes(datagram) for datagram in after] == before


def test_the_sentinel_is_no_bone() -> None:
    with pytest.raises(EncodeError, match="LastBone"):
        VmcEncoder(["Hips", "LastBone"])


def test_a_frame_without_root_and_end_is_bones_and_blends_only() -> None:
    encoder = VmcEncoder(("LeftEye",), ARKIT_SHAPES[:30], trace=vmc.FACE_TRACE, rooted=False, closed=False)
    blends = np.linspace(0.0, 1.0, 30, dtype=np.float32)
    sent = flat([bytes(d) for d in encoder.encode(None, BONES[:1], blends=blends, capture_ns=CAPTURE_NS)])
    assert [m.address for m in sent] == [vmc.BONE, *[vmc.BLEND] * 30, vmc.APPLY, vmc.FACE_TRACE]
    assert [m.arguments[1] for m in sent if m.address == vmc.BLEND] == blends.tolist()
    assert vmc.read_trace(sent[-1], vmc.FACE_TRACE) == (CAPTURE_NS, 0)
    assert vmc.read_trace(sent[-1]) is None
