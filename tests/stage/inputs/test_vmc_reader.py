from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from scipy.spatial.transform import Rotation

from protocols import osc, vmc
from protocols.arrays import from_bytes
from protocols.codec import decode, encode
from protocols.external import ExternalBones, ExternalFace
from protocols.names import ARKIT_SHAPES, RIG_BONES
from stage.inputs.reader import MOST_HZ, External
from stage.inputs.vmc_reader import HELD_NS, MOST_SENDERS, VmcReader
from stage.outputs.vmc_stream import VmcStream
from stage.solving.external_bones import BodyPose, ExternalBody
from tests.sections import output_section
from tests.stage.inputs.sections import ALL_PARTS, input_section
from tests.stage.outputs.faces import any_face, face_performance
from tests.stage.outputs.performers import REST_JOINTS, other_body, pose, random_pose

HERE = ("127.0.0.1", 50_000)
NOW_NS = 1_700_000_000_000_000_000


def reader(*take: str, **options: Any) -> VmcReader:
    return VmcReader(input_section("vmc", take=take or ALL_PARTS, **options))


def taken(into: VmcReader, datagrams, at_ns: int = NOW_NS, source=HERE) -> list[External]:
    records = [record for datagram in datagrams for record in into.take(bytes(datagram), source, at_ns)]
    for record in records:
        decode(encode(record, 0, 0))  # it can travel
    return records


def bone(name: str, *numbers: float) -> bytes:
    return osc.message(vmc.BONE, "s" + "f" * len(numbers), name, *numbers)


def still(name: str) -> bytes:
    return bone(name, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)


def ok() -> bytes:
    return osc.message(vmc.OK, "i", 1)


def blend(name: str, value: float) -> bytes:
    return osc.message(vmc.BLEND, "sf", name, value)


def apply() -> bytes:
    return osc.message(vmc.APPLY, "")


def shape(record: External, name: str) -> float:
    assert isinstance(record, ExternalFace)
    return float(from_bytes(record.shapes, (52,))[ARKIT_SHAPES.index(name)])


def rest(joints=REST_JOINTS) -> BodyPose:
    return BodyPose(np.zeros(3), np.tile([0.0, 0.0, 0.0, 1.0], (53, 1)), np.zeros(53))


@pytest.mark.parametrize("seed", range(5))
def test_our_own_stream_comes_back_as_the_same_pose(seed):
    joints = REST_JOINTS if seed == 0 else other_body(seed)
    performance = random_pose(seed, joints).performance
    stream = VmcStream(output_section("vmc", actor="anna"))
    into = reader()
    (frame, *_) = taken(into, stream.frame(performance, NOW_NS))
    assert isinstance(frame, ExternalBones) and frame.capture_ns == NOW_NS
    body = ExternalBody([into.section])
    body.take(frame)
    merged = body.merged(rest(), joints, NOW_NS, alone=True)
    wanted = from_bytes(performance.rotations, (53, 4)).astype(np.float64)
    wanted[0] = from_bytes(performance.root, (7,))[3:]
    world = (Rotation.from_quat(wanted[0]) * Rotation.from_quat(wanted[1])).as_quat()
    turned = {index: wanted[index] for index in range(2, 53)} | {0: world}
    for index, quaternion in turned.items():
        apart = (Rotation.from_quat(quaternion).inv() * Rotation.from_quat(merged.quaternions[index])).magnitude()
        assert apart < 1e-4, RIG_BONES[index]
    pelvis = merged.place + Rotation.from_quat(merged.quaternions[0]).apply(joints[1] - joints[0])
    assert np.allclose(pelvis, from_bytes(performance.joints, (53, 3))[1], atol=1e-4)


def test_our_own_face_comes_back():
    sent = any_face()
    stream = VmcStream(output_section("vmc", actor="anna"))
    into = reader("face", "eyes", "head")
    records = taken(into, stream.face(face_performance(sent), NOW_NS, alone=True))
    (face,) = [record for record in records if isinstance(record, ExternalFace)]
    assert np.allclose(from_bytes(face.shapes, (52,)), from_bytes(sent.shapes, (52,)), atol=1e-6)
    assert np.allclose(from_bytes(face.gaze, (2, 2)), from_bytes(sent.gaze, (2, 2)), atol=1e-5)
    assert np.allclose(from_bytes(face.head, (4,)), from_bytes(sent.head, (4,)), atol=1e-5)


def test_a_body_with_a_face_between_is_one_frame_each():
    stream, into = VmcStream(output_section("vmc", actor="anna")), reader()
    performed = pose({}).performance
    kinds = []
    for tick in range(3):
        at_ns = NOW_NS + tick * 33_000_000
        kinds += taken(into, stream.frame(replace(performed, face=any_face()), at_ns), at_ns)
        kinds += taken(into, stream.face(face_performance(any_face(1)), at_ns, alone=False), at_ns + 16_000_000)
    bones = [record for record in kinds if isinstance(record, ExternalBones)]
    faces = [record for record in kinds if isinstance(record, ExternalFace)]
    assert (len(bones), len(faces)) == (3, 6)
    assert [record.number for record in bones] == [0, 1, 2]
    assert all(len(record.bones) == 52 for record in bones)


def test_a_frame_ends_at_ok_or_t_and_once():
    into = reader()
    assert taken(into, [still("Hips"), still("Spine")]) == []
    (frame,) = taken(into, [osc.message(vmc.TIME, "f", 1.0), ok()])
    assert isinstance(frame, ExternalBones) and frame.bones == ("Hips", "Spine")
    assert taken(into, [ok()]) == []


def test_apply_ends_a_frame_only_where_neither_ok_nor_t_is_sent():
    into = reader("spine")
    assert len(taken(into, [still("Spine"), apply()])) == 1
    assert len(taken(into, [still("Spine"), apply(), still("Chest"), ok()])) == 2
    assert len(taken(into, [still("Spine"), apply(), still("Chest"), ok()])) == 1


def test_a_bone_that_comes_again_begins_the_next_frame():
    into = reader("arms")
    records = taken(into, [still("LeftHand"), still("RightHand"), still("LeftHand")])
    assert [record.bones for record in records if isinstance(record, ExternalBones)] == [("LeftHand", "RightHand")]


def test_a_lost_datagram_leaves_bones_for_a_moment():
    into = reader("arms")
    taken(into, [still("LeftHand"), still("RightHand"), ok()])
    (frame,) = taken(into, [still("LeftHand"), ok()], NOW_NS + HELD_NS)
    assert isinstance(frame, ExternalBones) and frame.bones == ("LeftHand", "RightHand")
    (frame,) = taken(into, [still("LeftHand"), ok()], NOW_NS + HELD_NS + 1)
    assert isinstance(frame, ExternalBones) and frame.bones == ("LeftHand",)


def test_the_root_carries_the_hips():
    into = reader("hips")
    turn = [0.0, np.sqrt(0.5), 0.0, np.sqrt(0.5)]  # a quarter to the right
    root = osc.message(vmc.ROOT, "sfffffff", "root", 1.0, 0.0, 0.0, *turn)
    (frame,) = taken(into, [root, bone("Hips", 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 1.0), ok()])
    assert isinstance(frame, ExternalBones)
    assert np.allclose(from_bytes(frame.hips, (3,)), [3.0, 1.0, 0.0], atol=1e-6)
    assert np.allclose(from_bytes(frame.rotations, (1, 4)), [turn], atol=1e-6)


def test_only_what_is_configured_is_given():
    into = reader("fingers")
    (frame,) = taken(into, [still("Hips"), still("LeftIndexProximal"), blend("JawOpen", 1.0), apply(), ok()])
    assert isinstance(frame, ExternalBones)
    assert frame.bones == ("LeftIndexProximal",) and frame.hips == b""


@pytest.mark.parametrize("name", ["JawOpen", "jawOpen", "JAWOPEN", "BlendShape.jawOpen"])
def test_shapes_are_known_in_any_case(name):
    (face,) = taken(reader("face"), [blend(name, 0.5), apply()])
    assert shape(face, "JawOpen") == 0.5


def test_apples_ends_are_sides():
    (face,) = taken(reader("face"), [blend("eyeBlink_L", 0.5), blend("browDown_R", 0.25), apply()])
    assert shape(face, "EyeBlinkLeft") == 0.5 and shape(face, "BrowDownRight") == 0.25


def test_vrm_expressions_become_shapes_unless_arkit_is_sent_beside_them():
    into = reader("face")
    (face,) = taken(into, [blend("Blink_L", 1.0), blend("aa", 1.0), apply()])
    assert shape(face, "EyeBlinkLeft") == 1.0 and shape(face, "EyeBlinkRight") == 0.0
    assert shape(face, "JawOpen") == pytest.approx(2 / 3)
    (face,) = taken(into, [*(blend(name, 0.0) for name in ARKIT_SHAPES), blend("A", 1.0), apply()])
    assert shape(face, "JawOpen") == 0.0


def test_a_sender_without_apply_is_read_at_ok():
    (face,) = taken(reader("face"), [blend("JawOpen", 0.5), ok()])
    assert shape(face, "JawOpen") == 0.5


def test_gaze_is_that_of_the_shapes_where_no_eyes_are_sent():
    (face,) = taken(reader("eyes"), [blend("EyeLookOutLeft", 1.0), blend("EyeLookInRight", 1.0), apply()])
    assert isinstance(face, ExternalFace)
    assert np.allclose(from_bytes(face.gaze, (2, 2)), [[0.61, 0.0], [0.61, 0.0]], atol=1e-6)


def test_eyes_alone_are_a_face_too():
    (face,) = taken(reader("eyes"), [still("LeftEye"), still("RightEye"), ok()])
    assert isinstance(face, ExternalFace)
    assert face.shapes == b"" and np.allclose(from_bytes(face.gaze, (2, 2)), 0.0)


def test_time_of_capture_is_that_of_arrival_less_the_latency():
    (frame,) = taken(reader("hips", latency_ms=30.0), [still("Hips"), ok()])
    assert frame.capture_ns == NOW_NS - 30_000_000


def test_senders_on_one_port_do_not_mix_and_are_bounded():
    into = reader("arms", allow=("10.0.0.0/8",))
    for number in range(3 * MOST_SENDERS):
        source = (f"10.0.0.{number}", 1000)
        assert taken(into, [still("LeftHand")], source=source) == []
        (frame,) = taken(into, [still("RightHand"), ok()], source=source)
        assert isinstance(frame, ExternalBones) and frame.bones == ("LeftHand", "RightHand")
    assert into.fact.count("10.0.0.") == MOST_SENDERS


def test_strangers_are_dropped_and_counted():
    into = reader()
    assert taken(into, [still("Hips"), ok()], source=("192.168.1.9", 1)) == []
    assert into.counters["strangers"] == 2


BAD = {
    "malformed": [
        osc.message(vmc.BONE, ""),
        osc.message(vmc.BONE, "s", "Hips"),
        bone("Hips", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        osc.message(vmc.BONE, "fffffffs", *([0.0] * 6), 1.0, "Hips"),
        bone("Hips", float("nan"), 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        osc.message(vmc.BLEND, "s", "JawOpen"),
        osc.message(vmc.BLEND, "ss", "JawOpen", "1"),
        blend("JawOpen", float("inf")),
    ],
    "no rotations": [
        bone("Hips", *([0.0] * 7)),
        bone("Hips", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0),
        bone("Hips", 1e9, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    ],
    "unknown bones": [still("hips"), still("Tail")],
    "unknown expressions": [blend("Wink", 1.0)],
    "no OSC": [b"", b"abc", b"/VMC/Ext/OK\0"],
    "other messages": [osc.message("/VMC/Ext/Set/Period", "iiiiii", 1, 1, 1, 1, 1, 1), osc.message("/x", "")],
}


@pytest.mark.parametrize("reason", BAD)
def test_what_is_wrong_is_counted_by_its_reason(reason):
    into = reader()
    assert taken(into, BAD[reason]) == []
    assert into.counters[reason] == len(BAD[reason])
    assert not any(isinstance(record, ExternalBones) for record in taken(into, [ok()]))


def test_integers_are_numbers_to_senders_written_in_python():
    (frame,) = taken(reader("hips"), [osc.message(vmc.BONE, "siiiiiii", "Hips", 0, 1, 0, 0, 0, 0, 1), ok()])
    assert isinstance(frame, ExternalBones)


NAMES = st.sampled_from(["Hips", "LeftHand", "LeftEye", "JawOpen", "Joy", "blink", "x", ""])
NUMBERS = st.lists(st.floats(width=32), max_size=9)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([vmc.BONE, vmc.BLEND, vmc.ROOT, vmc.APPLY, vmc.OK]), NAMES, NUMBERS)))
def test_no_message_is_an_error_and_all_records_can_travel(messages):
    datagrams = [osc.message(a, "s" + "f" * len(numbers), name, *numbers) for a, name, numbers in messages]
    for record in taken(reader(), [*datagrams, ok()]):
        for field in ("shapes", "rotations", "hips", "gaze", "head"):
            assert np.all(np.isfinite(from_bytes(getattr(record, field, b""), (-1,))))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_are_an_error(data):
    into = reader()
    into.take(data, HERE, NOW_NS)
    into.take(osc.message("/a", "")[:4] + data, HERE, NOW_NS)


def test_one_datagram_is_one_frame_however_often_it_repeats_itself() -> None:
    into = reader("spine", "face")
    frames = [still("Spine"), blend("A", 0.5), ok(), apply()] * 50
    records = into.take(osc.bundle([*frames, blend("A", 1.0), apply()]), HERE, NOW_NS)
    assert sorted(type(record).__name__ for record in records) == ["ExternalBones", "ExternalFace"]
    assert into.counters["overtaken"] == 50 + 51 - 2


def test_who_sends_faster_than_any_performer_does_not_crowd_out_others() -> None:
    into = reader("spine")
    passed = [len(into.take(osc.bundle([still("Spine"), ok()]), HERE, NOW_NS + n * 100_000)) for n in range(50_000)]
    assert sum(passed) <= MOST_HZ * 6 + 1 and sum(passed[-10_000:]) >= MOST_HZ - 1
    assert into.counters["over rate"] == 50_000 - sum(passed)
