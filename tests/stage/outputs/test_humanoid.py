"""Retargeting, judged by a receiver that knows nothing of how it was done."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace as with_fields
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from protocols.errors import DecodeError
from protocols.names import HUMAN_BODY_BONES, RIG_BONES, RIG_PARENTS, UNITY_ABSENT, UNITY_FROM_RIG
from stage.outputs.avatar_face import JAW_OPEN_RADIANS
from stage.outputs.humanoid import Humanoid
from stage.outputs.t_pose import t_pose_rotations
from tests.stage.outputs.faces import face
from tests.stage.outputs.performers import REST_JOINTS, Posed, bone, other_body, pose, random_pose

FINGERS = ("Thumb", "Index", "Middle", "Ring", "Little")

# The tree of Unity's humanoid as an avatar has it, written down by hand.
UNITY_PARENTS = {
    "Spine": "Hips", "Chest": "Spine", "UpperChest": "Chest", "Neck": "UpperChest", "Head": "Neck",
    "LeftEye": "Head", "RightEye": "Head", "Jaw": "Head",
    **{
        f"{side}{child}": parent if parent in ("Hips", "UpperChest") else f"{side}{parent}"
        for side in ("Left", "Right")
        for child, parent in {
            "UpperLeg": "Hips", "LowerLeg": "UpperLeg", "Foot": "LowerLeg", "Toes": "Foot",
            "Shoulder": "UpperChest", "UpperArm": "Shoulder", "LowerArm": "UpperArm", "Hand": "LowerArm",
            **{f"{finger}Proximal": "Hand" for finger in FINGERS},
            **{f"{finger}Intermediate": f"{finger}Proximal" for finger in FINGERS},
            **{f"{finger}Distal": f"{finger}Intermediate" for finger in FINGERS},
        }.items()
    },
}  # fmt: skip

RIG_FROM_UNITY = {unity: rig for rig, unity in UNITY_FROM_RIG.items()}
BODIES = [REST_JOINTS, other_body(1), other_body(2)]


class Avatar:
    """What an engine does: local positions and rotations from Hips on, parent by parent, in Unity's axes."""

    def __init__(self, bones: NDArray[np.float32]) -> None:
        self._local = dict(zip(HUMAN_BODY_BONES, bones.astype(np.float64), strict=True))

    def world(self, name: str) -> tuple[np.ndarray, Rotation]:
        local = self._local[name]
        position, rotation = local[:3], Rotation.from_quat(local[3:])
        if name == "Hips":
            return position, rotation
        at, turned = self.world(UNITY_PARENTS[name])
        return at + turned.apply(position), turned * rotation


def to_unity(position: np.ndarray) -> np.ndarray:
    x, y, z = position
    return np.array([-x, z, -y])


def unity_rotation(rotation: Rotation) -> Rotation:
    """By matrices, as a second opinion: R' = M R M^-1."""
    M = np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
    return Rotation.from_matrix(M @ rotation.as_matrix() @ M.T)


def check(posed: Posed, rest_joints: np.ndarray, humanoid: Humanoid) -> None:
    avatar = Avatar(humanoid.pose(posed.performance))
    A = Rotation.from_quat(t_pose_rotations(rest_joints))
    for name, rig in RIG_FROM_UNITY.items():
        index = bone(rig)
        position, rotation = avatar.world(name)
        np.testing.assert_allclose(position, to_unity(posed.joints[index]), atol=1e-5)  # 0.01 mm
        expected = unity_rotation(posed.G[index] * A[index].inv())
        assert (rotation * expected.inv()).magnitude() < 1e-5


@pytest.mark.parametrize("rest_joints", BODIES)
@pytest.mark.parametrize("seed", range(5))
def test_receiver_rebuilds_the_solved_joints(seed: int, rest_joints: NDArray[np.float32]) -> None:
    check(random_pose(seed, rest_joints), rest_joints, Humanoid())


def test_one_retargeter_follows_a_body_that_is_still_being_measured() -> None:
    humanoid = Humanoid()
    for seed, rest_joints in enumerate([*BODIES, *BODIES]):
        check(random_pose(seed, rest_joints), rest_joints, humanoid)


def test_all_55_bones_are_there_and_those_the_rig_lacks_are_the_head_s() -> None:
    assert len(HUMAN_BODY_BONES) == len(set(HUMAN_BODY_BONES)) == 55
    assert HUMAN_BODY_BONES[0] == "Hips"
    assert set(UNITY_PARENTS) == set(HUMAN_BODY_BONES) - {"Hips"}
    avatar = Avatar(Humanoid().pose(random_pose(1).performance))
    head, turned = avatar.world("Head")
    for name in UNITY_ABSENT:
        place, rotation = avatar.world(name)
        assert 0.0 < np.linalg.norm(place - head) < 0.12
        assert (rotation * turned.inv()).magnitude() < 1e-6


def test_the_face_moves_eyes_and_jaw_until_the_next_face() -> None:
    humanoid, posed = Humanoid(opens_jaw=True), random_pose(1)
    humanoid.turn_face(face(gaze=((0.3, 0.2), (-0.1, 0.0)), JawOpen=1.0))
    for _ in range(2):
        avatar = Avatar(humanoid.pose(posed.performance))
        _, head = avatar.world("Head")
        left, right, jaw = ((head.inv() * avatar.world(name)[1]).apply([0.0, 0.0, 1.0]) for name in UNITY_ABSENT)
        # In Unity's axes: right, up, forward.
        expected = [-np.sin(0.3) * np.cos(0.2), np.sin(0.2), np.cos(0.3) * np.cos(0.2)]
        np.testing.assert_allclose(left, expected, atol=1e-6)
        np.testing.assert_allclose(right, [np.sin(0.1), 0.0, np.cos(0.1)], atol=1e-6)
        np.testing.assert_allclose(jaw, [0.0, -np.sin(JAW_OPEN_RADIANS), np.cos(JAW_OPEN_RADIANS)], atol=1e-6)
    closed = Humanoid()
    closed.turn_face(face(JawOpen=1.0))
    assert closed.pose(posed.performance)[HUMAN_BODY_BONES.index("Jaw"), 6] == pytest.approx(1.0)


def test_at_rest_the_avatar_faces_forward_and_its_left_is_left() -> None:
    avatar = Avatar(Humanoid().pose(pose().performance))
    at = {name: avatar.world(name)[0] for name in HUMAN_BODY_BONES}
    assert at["LeftHand"][0] < at["Hips"][0] < at["RightHand"][0]
    assert at["Head"][1] > at["Hips"][1] > at["LeftFoot"][1] > 0.0
    assert at["LeftToes"][2] > at["LeftFoot"][2]


def t_posed(rest_joints: NDArray[np.float32]) -> Posed:
    """A performer who stands in the T-pose."""
    A = Rotation.from_quat(t_pose_rotations(rest_joints))
    parents = {name: RIG_BONES[max(0, parent)] for name, parent in zip(RIG_BONES, RIG_PARENTS, strict=True)}
    return pose({name: A[bone(parents[name])].inv() * A[bone(name)] for name in RIG_BONES}, rest_joints=rest_joints)


@pytest.mark.parametrize("rest_joints", BODIES)
def test_a_performer_in_the_t_pose_turns_no_bone(rest_joints: NDArray[np.float32]) -> None:
    sent = Humanoid().pose(t_posed(rest_joints).performance)
    np.testing.assert_allclose(np.abs(sent[:, 6]), 1.0, atol=1e-6)
    offsets = dict(zip(HUMAN_BODY_BONES, sent[:, :3], strict=True))
    for side, sign in (("Left", -1.0), ("Right", 1.0)):
        for name in ("LowerArm", "Hand"):
            length = np.linalg.norm(offsets[f"{side}{name}"])
            np.testing.assert_allclose(offsets[f"{side}{name}"] / length, [sign, 0.0, 0.0], atol=1e-6)
        np.testing.assert_allclose(offsets[f"{side}LowerLeg"][[0, 2]], 0.0, atol=1e-6)
        assert offsets[f"{side}LowerLeg"][1] < 0.0


@pytest.mark.parametrize(
    ("limb", "child", "turn", "expected"),
    [
        # In the T-pose, in the performer's own terms; expected in Unity's axes (right, up, forward).
        ("lowerarm_l", "LeftHand", Rotation.from_rotvec([0, 0, -np.pi / 2]), (0, 0, 1)),  # elbow bent: forward
        ("lowerarm_r", "RightHand", Rotation.from_rotvec([0, 0, np.pi / 2]), (0, 0, 1)),
        ("upperarm_l", "LeftLowerArm", Rotation.from_rotvec([0, -np.pi / 2, 0]), (0, 1, 0)),  # arm raised: up
        ("upperarm_r", "RightLowerArm", Rotation.from_rotvec([0, np.pi / 2, 0]), (0, 1, 0)),
        ("calf_l", "LeftFoot", Rotation.from_rotvec([np.pi / 2, 0, 0]), (0, 0, -1)),  # knee bent: heel back
        ("thigh_r", "RightLowerLeg", Rotation.from_rotvec([-np.pi / 2, 0, 0]), (0, 0, 1)),  # knee raised: forward
        ("index_01_l", "LeftIndexIntermediate", Rotation.from_rotvec([0, np.pi / 2, 0]), (0, -1, 0)),  # to the palm
        ("ring_02_r", "RightRingDistal", Rotation.from_rotvec([0, -np.pi / 2, 0]), (0, -1, 0)),
        ("thumb_02_l", "LeftThumbDistal", Rotation.from_rotvec([0, 0, np.pi / 4]), (-1, 0, 0)),  # laid to the fingers
    ],
)
def test_limbs_bend_the_way_they_do(limb: str, child: str, turn: Rotation, expected: tuple[int, int, int]) -> None:
    stand = t_posed(REST_JOINTS)
    D = Rotation.from_quat(np.frombuffer(stand.performance.rotations, "<f4").reshape(-1, 4))
    turns = {name: D[bone(name)] for name in RIG_BONES}
    # A turn of the limb in world axes while standing in the T-pose: G' = turn G.
    turns[limb] = stand.G[RIG_PARENTS[bone(limb)]].inv() * turn * stand.G[bone(limb)]
    avatar = Avatar(Humanoid().pose(pose(turns).performance))
    parent = UNITY_PARENTS[child]
    along = avatar.world(child)[0] - avatar.world(parent)[0]
    np.testing.assert_allclose(along / np.linalg.norm(along), expected, atol=1e-5)
    # And only that limb has moved.
    sent = dict(zip(HUMAN_BODY_BONES, Humanoid().pose(pose(turns).performance)[:, 6], strict=True))
    assert [name for name, w in sent.items() if abs(w) < 0.99] == [parent]


def test_the_performers_place_and_turn_are_in_the_hips_and_the_root_stays() -> None:
    humanoid = Humanoid()
    quarter_left = Rotation.from_rotvec([0.0, 0.0, np.pi / 2])
    sent = humanoid.pose(pose(root=quarter_left, place=(1.0, 2.0, 0.5)).performance)
    pelvis = to_unity(np.add(quarter_left.apply(REST_JOINTS[bone("pelvis")]), [1.0, 2.0, 0.5]))
    np.testing.assert_allclose(sent[0, :3], pelvis, atol=1e-6)
    np.testing.assert_allclose(Rotation.from_quat(sent[0, 3:]).apply([0.0, 0.0, 1.0]), [-1.0, 0.0, 0.0], atol=1e-6)
    np.testing.assert_array_equal(humanoid.root, [0, 0, 0, 0, 0, 0, 1])


def test_quaternions_run_smoothly_through_a_full_turn() -> None:
    humanoid, before = Humanoid(), None
    for angle in np.linspace(0.0, 4.0 * np.pi, 200):
        sent = humanoid.pose(pose(root=Rotation.from_rotvec([0.0, 0.0, angle])).performance)[:, 3:].copy()
        if before is not None:
            assert np.abs(sent - before).max() < 0.1
        before = sent


def test_rotations_of_poor_length_are_sent_with_length_one() -> None:
    posed = random_pose(3)
    stretched = np.frombuffer(posed.performance.rotations, "<f4").reshape(-1, 4) * np.float32(1.01)
    sent = Humanoid().pose(with_fields(posed.performance, rotations=stretched.tobytes()))
    np.testing.assert_allclose(np.linalg.norm(sent[:, 3:], axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize("field", ["root", "rotations", "joints", "rest_joints"])
def test_arrays_of_another_size_are_refused(field: str) -> None:
    performance = with_fields(pose().performance, **{field: b"1234"})
    with pytest.raises(DecodeError):
        Humanoid().pose(performance)
