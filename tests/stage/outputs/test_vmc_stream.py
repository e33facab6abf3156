"""The VMC stream of an avatar: through OSC into models of the receivers, and from there into the engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from protocols import osc, vmc
from protocols.names import ARKIT_SHAPES, HUMAN_BODY_BONES
from stage.outputs.vmc_stream import VmcStream
from tests.receivers import Evmc4u, UOscReader, Vrm4u
from tests.sections import output_section
from tests.shared_data import shared_data
from tests.stage.outputs.faces import any_face, face_performance
from tests.stage.outputs.performers import REST_JOINTS, random_pose
from tests.unity_engine import Engine, retargeted
from tests.vrm_files import skeleton, vrm1, write_glb

PLACES, PARENTS = skeleton(REST_JOINTS)
CAMEL = tuple(name[0].lower() + name[1:] for name in ARKIT_SHAPES)


def real() -> Path:
    (path,) = shared_data("vrm").glob("*.vrm")
    return path


def received(datagrams: Sequence[memoryview]) -> Evmc4u:
    reader, receiver = UOscReader(), Evmc4u()
    for datagram in datagrams:
        assert len(datagram) <= 1200
        for message in reader.read(bytes(datagram)):
            receiver.take(message)
    assert not reader.errors and not receiver.shutdown and not receiver.ignored
    return receiver


def flat(datagrams: Sequence[memoryview]) -> list[osc.Message]:
    return [message for datagram in datagrams for message in osc.messages(osc.parse(bytes(datagram)))]


@pytest.mark.parametrize("options", [{}, {"bundle": False}, {"receiver": "evmc4u"}])
def test_the_engine_s_avatar_is_within_a_millimetre_and_half_a_degree(options: dict[str, Any]) -> None:
    stream = VmcStream(output_section("vmc", avatar=str(real()), **options))
    for seed in range(5):
        posed, engine = random_pose(seed), Engine(real())
        receiver = received(stream.frame(replace(posed.performance, face=any_face()), 0))
        assert receiver.root == [0, 0, 0, 0, 0, 0, 1] and receiver.calibrated
        engine.take({name: np.array(pose) for name, pose in receiver.bones.items()})
        expected = retargeted(engine, posed.G.as_matrix(), posed.joints, REST_JOINTS)
        for name, world in engine.world().items():
            assert np.linalg.norm(world[:3, 3] - expected.places[name]) < 1e-3
            cosine = (np.trace(world[:3, :3] @ expected.rotations[name].T) - 1.0) / 2.0
            assert np.degrees(np.arccos(min(1.0, cosine))) < 0.5


def test_only_bones_that_the_avatar_has_are_sent() -> None:
    bones = set(
        received(VmcStream(output_section("vmc", avatar=str(real()))).frame(random_pose(1).performance, 0)).bones
    )
    assert bones == set(HUMAN_BODY_BONES) - {"LeftEye", "RightEye", "Jaw"}


def test_without_an_avatar_all_55_are() -> None:
    receiver = received(VmcStream(output_section("vmc")).frame(random_pose(1).performance, 0))
    assert tuple(receiver.bones) == HUMAN_BODY_BONES


@pytest.mark.parametrize(
    ("options", "absent"),
    [
        ({"eyes": False}, {"LeftEye", "RightEye"}),
        ({"jaw": "none"}, {"Jaw"}),
        ({"jaw": "open", "eyes": False}, {"LeftEye", "RightEye"}),
    ],
)
def test_eyes_and_jaw_are_optional(options: dict[str, Any], absent: set[str]) -> None:
    receiver = received(VmcStream(output_section("vmc", **options)).frame(random_pose(1).performance, 0))
    assert set(HUMAN_BODY_BONES) - set(receiver.bones) == absent


def test_a_jaw_that_opens_is_part_of_every_face() -> None:
    stream = VmcStream(output_section("vmc", jaw="open", blends=()))
    between = flat(stream.face(face_performance(any_face()), 0, alone=False))
    assert [message.arguments[0] for message in between] == ["LeftEye", "RightEye", "Jaw"]
    alone = flat(stream.face(face_performance(any_face()), 0, alone=True))
    assert [message.arguments[0] for message in alone[:-2]] == ["Head", "LeftEye", "RightEye", "Jaw"]
    assert alone[1:4] == between


def test_eyes_stay_where_the_last_face_put_them() -> None:
    """A body without a face must not turn the eyes back that a face camera has turned."""
    stream = VmcStream(output_section("vmc"))
    eyes = {
        m.arguments[0]: m.arguments[1:] for m in flat(stream.face(face_performance(any_face()), 0, alone=False))[:2]
    }
    body = received(stream.frame(random_pose(1).performance, 0)).bones
    for name in ("LeftEye", "RightEye"):
        np.testing.assert_allclose(np.array(eyes[name][3:], np.float64), body[name][3:], atol=1e-7)


def test_a_face_alone_leaves_the_body_s_bends_out() -> None:
    stream = VmcStream(output_section("vmc"))
    first = flat(stream.face(face_performance(any_face()), 0, alone=True))[0].arguments[4:]
    stream.frame(random_pose(1).performance, 0)
    after = flat(stream.face(face_performance(any_face()), 0, alone=True))[0].arguments[4:]
    np.testing.assert_allclose(np.abs(np.array(after, np.float64)), np.abs(np.array(first, np.float64)), atol=1e-6)


def test_names_in_camel_case() -> None:
    stream = VmcStream(output_section("vmc", blends=("arkit", "vrm0"), blend_case="camel"))
    sent = flat(stream.frame(replace(random_pose(1).performance, face=any_face()), 0))
    assert tuple(m.arguments[0] for m in sent if m.address == vmc.BLEND)[:52] == CAMEL


@pytest.mark.parametrize("receiver", ["", "evmc4u", "vrm4u", "vmc4ue", "warudo", "vseeface", "blender", "godot"])
def test_every_known_receiver_gets_a_whole_frame(receiver: str) -> None:
    section = output_section("vmc", receiver=receiver)
    datagrams = VmcStream(section).frame(replace(random_pose(1).performance, face=any_face()), 0)
    taken, unreal, reader = received(datagrams), Vrm4u(), UOscReader()
    for datagram in datagrams:
        for message in reader.read(bytes(datagram)):
            unreal.take(message)
    assert set(taken.bones) == set(HUMAN_BODY_BONES) and len(unreal.shown) == 1
    assert any(taken.bones["Hips"][:3]) and "eyeblinkleft" in taken.blends
    assert any(taken.bones["Spine"][:3]) == (receiver != "vrm4u")


def test_warudo_gets_names_of_vrm_1_for_an_avatar_of_vrm_1(tmp_path: Path) -> None:
    path = str(write_glb(tmp_path / "one.vrm", vrm1(PLACES, PARENTS)))
    performance = replace(random_pose(1).performance, face=any_face())
    for receiver, own, expected in [("warudo", None, "happy"), ("", None, "Joy"), ("warudo", ("vrm0",), "Joy")]:
        section = output_section("vmc", receiver=receiver, avatar=path, blends=own)
        names = {m.arguments[0] for m in flat(VmcStream(section).frame(performance, 0)) if m.address == vmc.BLEND}
        assert len({"happy", "Joy"} & names) == 1 and expected in names
