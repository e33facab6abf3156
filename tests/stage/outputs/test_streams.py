"""Streams of performances: complete, in step with the capture, and the same from sender to receiver."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from protocols import osc, vmc
from protocols.errors import EncodeError
from protocols.names import ARKIT_SHAPES, HUMAN_BODY_BONES, VRM0_PRESETS, VRM1_PRESETS
from stage.outputs.avatar_face import AvatarFace
from stage.outputs.humanoid import Humanoid
from stage.outputs.open_stream import open_stream
from stage.outputs.streams import Stream
from tests.receivers import Evmc4u, UOscReader, Vrm4u
from tests.sections import output_section
from tests.stage.outputs.faces import any_face, face, face_performance
from tests.stage.outputs.performers import Posed, random_pose

START_NS = 1_700_000_000_000_000_000


def messages(stream: Stream, posed: Posed, now_ns: int = 0) -> list[osc.Message]:
    datagrams = stream.frame(posed.performance, now_ns)
    return [message for datagram in datagrams for message in osc.messages(osc.parse(bytes(datagram)))]


def test_vmc_frame_is_the_humanoid_pose() -> None:
    posed = random_pose(1)
    reader, receiver = UOscReader(), Evmc4u()
    datagrams = open_stream(output_section("vmc")).frame(posed.performance, 0)
    assert len(datagrams) == 6  # 55 bones in five bundles, then OK and T
    for datagram in datagrams:
        for message in reader.read(bytes(datagram)):
            receiver.take(message)
    sent = np.array([receiver.bones[name] for name in HUMAN_BODY_BONES], np.float32)
    np.testing.assert_array_equal(sent, Humanoid().pose(posed.performance))
    assert receiver.root == [0, 0, 0, 0, 0, 0, 1]


def test_vmc_time_follows_the_capture_from_zero() -> None:
    stream = open_stream(output_section("vmc"))
    times = [
        messages(stream, random_pose(number, capture_ns=START_NS + number * 33_333_333))[-1].arguments[0]
        for number in range(4)
    ]
    np.testing.assert_allclose(np.array(times, np.float64), np.arange(4) / 30, atol=1e-6)


@pytest.mark.parametrize(("state", "status"), [("tracking", 1), ("holding", 0), ("fading", 0), ("absent", 0)])
def test_vmc_says_when_the_performer_is_not_seen(state: str, status: int) -> None:
    ok = messages(open_stream(output_section("vmc")), random_pose(1, state=state))[-2]
    assert ok == osc.Message(vmc.OK, "iiii", (1, 3, 0, status))


def test_vmc_trace_only_on_request() -> None:
    posed = random_pose(1, capture_ns=START_NS)
    plain = messages(open_stream(output_section("vmc")), posed)
    assert vmc.TRACE not in [message.address for message in plain]
    traced = messages(open_stream(output_section("vmc", trace=True)), posed, now_ns=START_NS + 40)
    assert vmc.read_trace(traced[-3]) == (START_NS, START_NS + 40)


@pytest.mark.parametrize("kind", ["vmc", "osc"])
def test_unbundled_is_the_same_message_by_message(kind: str) -> None:
    posed = random_pose(3)
    bundled = output_section(kind, actor="anna")
    single = output_section(kind, actor="anna", bundle=False)
    assert messages(open_stream(bundled), posed) == messages(open_stream(single), posed)
    assert all(isinstance(osc.parse(bytes(d)), osc.Message) for d in open_stream(single).frame(posed.performance, 0))


@pytest.mark.parametrize("kind", ["vmc", "osc"])
def test_nonsense_is_refused_and_the_next_frame_is_right(kind: str) -> None:
    section = output_section(kind, actor="anna")
    stream, posed = open_stream(section), random_pose(4)
    nonsense = np.full((53, 4), np.nan, "<f4").tobytes()
    for rotations in (nonsense, bytes(53 * 16), np.full((53, 4), 1e30, "<f4").tobytes()):
        with pytest.raises(EncodeError, match="has no rotation"):
            stream.frame(replace(posed.performance, rotations=rotations), 0)
    with pytest.raises(EncodeError, match=r"not finite|nowhere"):
        stream.frame(replace(posed.performance, joints=np.full((53, 3), np.nan, "<f4").tobytes()), 0)
    with pytest.raises(EncodeError, match="Root has no rotation"):
        stream.frame(replace(posed.performance, root=bytes(28)), 0)
    after, fresh = messages(stream, posed), messages(open_stream(section), posed)
    for ours, expected in zip(after, fresh, strict=True):
        assert ours.address == expected.address
        ours_q, expected_q = (np.array([v for v in m.arguments if isinstance(v, float)]) for m in (ours, expected))
        # Signs of quaternions may follow another past.
        np.testing.assert_allclose(np.abs(ours_q), np.abs(expected_q), atol=1e-6)


def addresses(stream: Stream, posed: Posed) -> list[str]:
    return [message.address for message in messages(stream, posed)]


def with_face(posed: Posed, seed: int = 0) -> Posed:
    return posed._replace(performance=replace(posed.performance, face=any_face(seed)))


def face_messages(stream: Stream, *, alone: bool, now_ns: int = 0, seed: int = 0) -> list[osc.Message]:
    datagrams = stream.face(face_performance(any_face(seed), capture_ns=START_NS), now_ns, alone=alone)
    return [message for datagram in datagrams for message in osc.messages(osc.parse(bytes(datagram)))]


def test_vmc_carries_the_face_between_bones_and_ok() -> None:
    stream = open_stream(output_section("vmc", blends=("arkit", "vrm0", "vrm1")))
    sent = addresses(stream, with_face(random_pose(1)))
    expected = [vmc.ROOT, *[vmc.BONE] * 55, *[vmc.BLEND] * (52 + 18 + 18), vmc.APPLY, vmc.OK, vmc.TIME]
    assert sent == expected


def test_a_receiver_sees_expressions_and_eyes() -> None:
    stream, reader, receiver = open_stream(output_section("vmc")), UOscReader(), Evmc4u()
    posed = with_face(random_pose(1))
    datagrams = [bytes(datagram) for datagram in stream.frame(posed.performance, 0)]
    for datagram in datagrams:
        assert len(datagram) <= 1200
        for message in reader.read(datagram):
            receiver.take(message)
    assert not reader.errors and not receiver.shutdown and receiver.ignored == 0
    avatar = AvatarFace(("arkit", "vrm0"))
    assert posed.performance.face is not None
    values = avatar.expressions(posed.performance.face)
    assert receiver.blends == {name.lower(): float(v) for name, v in zip(avatar.names, values, strict=True)}
    humanoid = Humanoid()
    humanoid.turn_face(posed.performance.face)
    sent = np.array([receiver.bones[name] for name in HUMAN_BODY_BONES], np.float32)
    np.testing.assert_array_equal(sent, humanoid.pose(posed.performance))


@pytest.mark.parametrize(
    ("blends", "names"), [((), ()), (("arkit",), ARKIT_SHAPES), (("vrm1", "vrm0"), (*VRM1_PRESETS, *VRM0_PRESETS))]
)
def test_an_output_chooses_its_expressions(blends: tuple[str, ...], names: tuple[str, ...]) -> None:
    section = output_section("vmc", blends=blends, eyes=False)
    sent = messages(open_stream(section), with_face(random_pose(1)))
    assert tuple(message.arguments[0] for message in sent if message.address == vmc.BLEND) == names
    assert {"LeftEye", "RightEye"}.isdisjoint({message.arguments[0] for message in sent if message.address == vmc.BONE})


def test_a_face_between_two_bodies_ends_no_frame_of_theirs() -> None:
    stream = open_stream(output_section("vmc", blends=("arkit",), trace=True))
    sent = face_messages(stream, alone=False, now_ns=START_NS + 20)
    assert [m.address for m in sent] == [vmc.BONE, vmc.BONE, *[vmc.BLEND] * 52, vmc.APPLY, vmc.FACE_TRACE]
    assert vmc.read_trace(sent[-1], vmc.FACE_TRACE) == (START_NS, START_NS + 20)
    values = {m.arguments[0]: m.arguments[1] for m in sent if m.address == vmc.BLEND}
    np.testing.assert_array_equal([values[name] for name in ARKIT_SHAPES], np.frombuffer(any_face().shapes, "<f4"))


def test_a_face_alone_moves_the_head_and_says_that_it_lives() -> None:
    stream, shown = open_stream(output_section("vmc", blends=("vrm0",))), Vrm4u()
    sent = face_messages(stream, alone=True)
    assert [m.arguments[0] for m in sent if m.address == vmc.BONE] == ["Head", "LeftEye", "RightEye"]
    assert [m.address for m in sent][-3:] == [vmc.APPLY, vmc.OK, vmc.TIME]
    reader = UOscReader()
    for datagram in stream.face(face_performance(any_face()), 0, alone=True):
        for message in reader.read(bytes(datagram)):
            shown.take(message)
    assert set(shown.shown[0]) == {"Head", "LeftEye", "RightEye"}


@pytest.mark.parametrize(("state", "status"), [("tracking", 1), ("holding", 0), ("fading", 0), ("absent", 0)])
def test_a_face_alone_says_whether_it_is_seen(state: str, status: int) -> None:
    stream = open_stream(output_section("vmc"))
    sent = [
        message
        for datagram in stream.face(face_performance(face(state)), 0, alone=True)
        for message in osc.messages(osc.parse(bytes(datagram)))
    ]
    assert sent[-2] == osc.Message(vmc.OK, "iiii", (1, 3, 0, status))


def test_a_face_of_which_nothing_is_wanted_is_not_sent_between_bodies() -> None:
    stream = open_stream(output_section("vmc", blends=(), eyes=False))
    assert stream.face(face_performance(face()), 0, alone=False) == ()
    assert [m.address for m in face_messages(stream, alone=True)] == [vmc.BONE, vmc.OK, vmc.TIME]


@pytest.mark.parametrize("kind", ["vmc", "osc"])
def test_nonsense_in_a_face_is_refused_and_the_next_one_is_right(kind: str) -> None:
    section = output_section(kind, actor="anna")
    stream = open_stream(section)
    for bad in (face(JawOpen=np.nan), face(head=(0.0, 0.0, 0.0, 0.0)), face(gaze=((np.inf, 0.0), (0.0, 0.0)))):
        with pytest.raises(EncodeError):
            stream.face(face_performance(bad), 0, alone=True)
    assert face_messages(stream, alone=True) == face_messages(open_stream(section), alone=True)
