from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.spatial.transform import Rotation

from protocols.arrays import to_bytes
from protocols.errors import EncodeError, ProtocolError
from protocols.names import ARKIT_SHAPES, RIG_BONES, VRM0_PRESETS, VRM1_PRESETS
from stage.avatars import EYES_FROM_HEAD, HEAD_FROM_NECK
from stage.bodies.body import body_cache_path, load_body
from stage.outputs.avatar_face import JAW_OPEN_RADIANS, AvatarFace, eye_turns, face_head, jaw_turn
from tests.stage.outputs.faces import any_face, face


def looked_at(rotation: tuple[float, ...] | np.ndarray) -> np.ndarray:
    """Where an eye or a head looks that looks at -Y at rest; world axes."""
    return Rotation.from_quat(rotation).apply([0.0, -1.0, 0.0])


@pytest.mark.parametrize(
    ("gaze", "expected"),
    [
        ((0.0, 0.0), (0.0, -1.0, 0.0)),
        ((np.pi / 6, 0.0), (0.5, -np.sqrt(0.75), 0.0)),  # the performer's left is at +X
        ((0.0, np.pi / 6), (0.0, -np.sqrt(0.75), 0.5)),
        ((-np.pi / 6, -np.pi / 6), (-0.5 * np.sqrt(0.75), -0.75, -0.5)),
    ],
)
def test_eyes_look_where_the_performer_looks(gaze: tuple[float, float], expected: tuple[float, ...]) -> None:
    for turn in eye_turns(face(gaze=(gaze, gaze))):
        np.testing.assert_allclose(looked_at(turn), expected, atol=1e-6)


def test_each_eye_has_its_own_direction() -> None:
    left, right = eye_turns(face(gaze=((0.3, 0.0), (-0.3, 0.0))))
    assert looked_at(left)[0] > 0.0 > looked_at(right)[0]


@pytest.mark.parametrize("opened", [0.0, 0.5, 1.0, 1.7])
def test_a_jaw_opens_downward_as_far_as_it_goes(opened: float) -> None:
    angle = min(opened, 1.0) * JAW_OPEN_RADIANS
    chin = looked_at(jaw_turn(face(JawOpen=opened)))
    np.testing.assert_allclose(chin, (0.0, -np.cos(angle), -np.sin(angle)), atol=1e-6)


def test_places_are_those_of_the_mean_body() -> None:
    if not body_cache_path().exists():
        pytest.skip("the body model is not prepared; run `stage models`")
    body = load_body()
    head, neck = (body.mean_joints[RIG_BONES.index(name)] for name in ("head", "neck_01"))
    np.testing.assert_allclose(HEAD_FROM_NECK, head - neck, atol=2e-3)
    lids = body.facial_basis[ARKIT_SHAPES.index("EyeLookUpLeft")].astype(np.float32)
    moved = np.linalg.norm(lids, axis=1) > 0.5 * np.linalg.norm(lids, axis=1).max()  # the eyeball's front
    np.testing.assert_allclose(
        (body.mean_vertices[moved].mean(axis=0) - head)[[0, 2]], EYES_FROM_HEAD[0, ::2], atol=6e-3
    )


def test_names_in_camel_case_are_those_of_arkit_alone() -> None:
    values = AvatarFace(("arkit", "vrm0"), "camel").names
    assert values[:2] == ("eyeBlinkLeft", "eyeLookDownLeft")
    assert tuple(name.lower() for name in values[:52]) == tuple(name.lower() for name in ARKIT_SHAPES)
    assert values[52:] == VRM0_PRESETS


def test_sets_of_names_stand_one_after_the_other() -> None:
    avatar, of = AvatarFace(("vrm1", "arkit", "vrm0")), any_face()
    values = dict(zip(avatar.names, avatar.expressions(of).tolist(), strict=True))
    assert avatar.names == (*VRM1_PRESETS, *ARKIT_SHAPES, *VRM0_PRESETS)
    np.testing.assert_array_equal([values[name] for name in ARKIT_SHAPES], np.frombuffer(of.shapes, "<f4"))
    assert [values[name] for name in VRM0_PRESETS] == [values[name] for name in VRM1_PRESETS]


def test_shapes_beyond_their_range_are_limited() -> None:
    values = AvatarFace(("arkit",)).expressions(face(JawOpen=1.7, MouthClose=-0.3))
    assert values.min() == 0.0 and values.max() == 1.0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(bad: float) -> None:
    avatar = AvatarFace(("vrm0",))
    with pytest.raises(EncodeError, match="shape"):
        avatar.expressions(face(JawOpen=bad))
    with pytest.raises(EncodeError, match="gaze"):
        eye_turns(face(gaze=((bad, 0.0), (0.0, 0.0))))
    with pytest.raises(EncodeError, match="shape"):
        jaw_turn(face(JawOpen=bad))
    with pytest.raises(EncodeError, match="head"):
        face_head(face(head=(bad, 0.0, 0.0, 1.0)))
    with pytest.raises(EncodeError, match="head"):
        face_head(face(head=(0.0, 0.0, 0.0, 0.0)))
    with pytest.raises(ProtocolError, match="array"):
        avatar.expressions(replace(face(), shapes=to_bytes(np.zeros(51))))
