"""The Live Link Face stream: what Unreal's source would take of it, and what it then has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.spatial.transform import Rotation

from protocols.arrays import from_bytes
from protocols.errors import EncodeError
from protocols.livelink import VALUES, LiveLinkPacket, decode
from protocols.livelink_face import Angles, head_rotation, read_face
from protocols.messages import Face
from protocols.show import TimecodeSync
from stage.config import TimecodeSection
from stage.outputs.livelink_stream import LiveLinkStream, device_id
from stage.outputs.open_stream import open_stream
from stage.outputs.streams import Stream
from stage.timecode import TimecodeClock
from tests.receivers import PyLiveLinkFace, UnrealLiveLink
from tests.sections import output_section
from tests.stage.outputs.faces import any_face, face, face_performance
from tests.stage.outputs.performers import pose

START_NS = 1_700_000_000_000_000_000  # 22:13:20 UTC


def clock(rate: str = "60", **options: Any) -> TimecodeClock:
    return TimecodeClock(TimecodeSection(rate=rate, zone="utc", **options), START_NS)  # type: ignore[arg-type]


def stream(rate: str = "60", **options: Any) -> Stream:
    return open_stream(output_section("livelink", actor="anna", **options), "anna", clock(rate))


def packet_of(of: Face, stream: Stream, *, alone: bool = True, capture_ns: int = START_NS) -> LiveLinkPacket:
    (datagram,) = stream.face(face_performance(of, capture_ns=capture_ns), 0, alone=alone)
    return decode(bytes(datagram))


def values_of(packet: LiveLinkPacket) -> np.ndarray:
    assert packet.values is not None
    return packet.values


def test_a_face_comes_out_as_it_went_in() -> None:
    head = Rotation.from_rotvec([0.3, -0.2, 0.1]).as_quat()
    sent = replace(any_face(1), head=head.astype("<f4").tobytes())
    packet = packet_of(sent, stream())
    received = read_face(values_of(packet))
    np.testing.assert_allclose(received.shapes, from_bytes(sent.shapes, (52,)), atol=1e-7)
    np.testing.assert_allclose(received.gaze, from_bytes(sent.gaze, (2, 2)), atol=1e-6)
    assert abs(received.head @ head) == pytest.approx(1.0, abs=1e-6)
    assert (packet.subject, packet.device_id) == ("anna", device_id("stage", "anna"))


def test_signs_as_the_app_has_them() -> None:
    looking = face(gaze=((0.3, 0.0), (0.0, 0.2)), head=head_rotation(Angles(0.4, 0.0, 0.0)))
    values = dict(zip(VALUES, values_of(packet_of(looking, stream())).tolist(), strict=True))
    assert values["HeadYaw"] == pytest.approx(0.4), "to the subject's left"
    assert values["LeftEyeYaw"] == pytest.approx(-0.3), "to the subject's left"
    assert values["RightEyePitch"] == pytest.approx(-0.2), "up"


@pytest.mark.parametrize("rate", ["23.976", "25", "29.97df", "60"])
def test_the_timecode_is_that_of_the_capture(rate: str) -> None:
    sending = stream(rate)
    for late_ns in (0, 123_456_789, 3_600_000_000_000):
        packet = packet_of(any_face(), sending, capture_ns=START_NS + late_ns)
        moment = clock(rate).at(START_NS + late_ns)
        assert moment is not None
        assert (packet.frame, packet.numerator, packet.denominator) == (moment.frame, *moment.rate[:2])
        assert packet.subframe == pytest.approx(moment.subframe, abs=1e-6)


def test_a_timecode_not_yet_known_is_zero() -> None:
    timecode = clock(source="network")
    sending = open_stream(output_section("livelink", actor="anna"), "anna", timecode)
    assert packet_of(any_face(), sending).frame == 0
    timecode.sync(TimecodeSync(START_NS, "00:00:10:00", "test"))
    assert packet_of(any_face(), sending).frame == 600


def test_absent_is_a_packet_without_a_face() -> None:
    sending = stream()
    assert packet_of(face("absent"), sending).values is None
    assert packet_of(face("fading", JawOpen=0.5), sending).values is not None


def test_the_face_of_a_performance() -> None:
    sending, posed = stream(), pose()
    assert len(sending.frame(posed.performance, 0)) == 0
    (datagram,) = sending.frame(replace(posed.performance, face=any_face(2)), 0)
    np.testing.assert_allclose(
        values_of(decode(bytes(datagram)))[:52], from_bytes(any_face(2).shapes, (52,)), atol=1e-7
    )


def test_the_body_turns_the_head_of_a_camera_that_sits_on_it() -> None:
    sending = stream()
    turns = {"neck_01": Rotation.from_rotvec([0.1, 0.0, 0.2]), "head": Rotation.from_rotvec([0.0, 0.1, 0.2])}
    sending.frame(pose(turns).performance, 0)
    head = read_face(values_of(packet_of(face(JawOpen=0.5), sending, alone=False))).head
    assert abs(head @ (turns["neck_01"] * turns["head"]).as_quat()) == pytest.approx(1.0, abs=1e-6)
    own = Rotation.from_rotvec([0.0, 0.0, 0.5]).as_quat()
    seen = replace(face(), head=own.astype("<f4").tobytes())
    assert abs(read_face(values_of(packet_of(seen, sending, alone=False))).head @ own) == pytest.approx(1.0, abs=1e-6)
    still = read_face(values_of(packet_of(face(), sending, alone=True))).head
    np.testing.assert_allclose(still, [0, 0, 0, 1], atol=1e-7)  # the body is gone


def test_shapes_are_limited() -> None:
    shapes = values_of(packet_of(face(JawOpen=1.2, EyeWideLeft=-0.3), stream()))[:52]
    assert (shapes >= 0.0).all() and (shapes <= 1.0).all()


@pytest.mark.parametrize("field", ["shapes", "head", "gaze"])
def test_nonsense_is_refused_and_the_next_face_is_right(field: str) -> None:
    sending = stream()
    size = len(getattr(any_face(), field)) // 4
    wrong = replace(any_face(), **{field: np.full(size, np.nan, "<f4").tobytes()})
    with pytest.raises(EncodeError):
        sending.face(face_performance(wrong), 0, alone=True)
    assert packet_of(any_face(), sending).values is not None


# -- names ------------------------------------------------------------------------------------------------------------


def test_ids_are_those_of_a_phone_and_stay() -> None:
    first = device_id("demo", "anna")
    assert first == "C9326408-A8AB-5BED-A321-2BF5F167CD2F"
    assert len({device_id(seed, actor) for seed in ("demo", "other") for actor in ("anna", "ben")}) == 4


def test_names_of_the_stage_toml() -> None:
    packet = packet_of(any_face(), stream(subject="Anna Björk", device_id="0" * 36))
    assert (packet.subject, packet.device_id) == ("Anna Björk", "0" * 36)
    assert packet_of(any_face(), stream(device_seed="other")).device_id == device_id("other", "anna")


def test_one_stream_per_actor() -> None:
    section = output_section("livelink", actors=("anna", "ben"))
    packets = [packet_of(any_face(), LiveLinkStream(section, actor, clock())) for actor in ("anna", "ben")]
    assert [packet.subject for packet in packets] == ["anna", "ben"]
    assert packets[0].device_id != packets[1].device_id


# -- receivers --------------------------------------------------------------------------------------------------------


def test_a_minute_of_two_actors_is_what_receivers_take() -> None:
    section, timecode = output_section("livelink", actors=("anna", "ben")), clock("59.94df")
    streams = {actor: LiveLinkStream(section, actor, timecode) for actor in ("anna", "ben")}
    unreal, python = UnrealLiveLink(), PyLiveLinkFace()
    absent = 0
    for number in range(3600):
        for actor, sending in streams.items():
            of = face("absent") if 100 <= number < 110 else any_face(number % 50)
            absent += of.state == "absent"
            record = face_performance(of, actor=actor, capture_ns=START_NS + number * 16_683_333)
            (datagram,) = sending.face(record, 0, alone=True)
            assert unreal.tick([bytes(datagram)]) == 0
            python.take(bytes(datagram))
            assert python.name == actor
    assert (unreal.removed, unreal.dropped, unreal.invalid) == ([], absent, 0)
    anna, ben = unreal.subjects.values()
    assert (anna.name, ben.name) == ("anna", "ben")
    assert anna.rate == pytest.approx(60000 / 1001)
    last = from_bytes(any_face(3599 % 50).shapes, (52,))
    np.testing.assert_array_equal(np.array(ben.values[:52], np.float32), last)
    assert python.values == ben.values
