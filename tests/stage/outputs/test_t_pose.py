"""The T-pose of any actor looks as VRM describes it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from protocols.names import RIG_BONES, RIG_PARENTS
from stage.outputs.t_pose import t_pose_rotations
from tests.stage.outputs.performers import COUNT, REST_JOINTS, bone, other_body

BODIES = [REST_JOINTS, *(other_body(seed) for seed in range(4))]
SIDES = [("l", 1.0), ("r", -1.0)]
FINGERS = ("index", "middle", "ring", "pinky")
FRONT, UP = np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, 1.0])

bodies = pytest.mark.parametrize("rest_joints", BODIES, ids=["anny", *(f"other-{seed}" for seed in range(4))])
sides = pytest.mark.parametrize(("side", "sign"), SIDES, ids=["left", "right"])


def stand(rest_joints: np.ndarray) -> tuple[Rotation, np.ndarray]:
    """The rotations, and the joints of a skeleton standing in its T-pose."""
    A = Rotation.from_quat(t_pose_rotations(rest_joints))
    joints = np.zeros((COUNT, 3))
    for index in range(1, COUNT):
        parent = RIG_PARENTS[index]
        joints[index] = joints[parent] + A[parent].apply(rest_joints[index] - rest_joints[parent])
    return A, joints


def direction(joints: np.ndarray, start: str, end: str) -> np.ndarray:
    along = joints[bone(end)] - joints[bone(start)]
    return along / np.linalg.norm(along)


@bodies
@sides
def test_arms_and_fingers_point_outward(rest_joints: np.ndarray, side: str, sign: float) -> None:
    _, joints = stand(rest_joints)
    chains = [("upperarm", "lowerarm", "hand"), *((f"{f}_01", f"{f}_02", f"{f}_03") for f in FINGERS)]
    for chain in chains:
        for start, end in pairwise(chain):
            np.testing.assert_allclose(
                direction(joints, f"{start}_{side}", f"{end}_{side}"), [sign, 0.0, 0.0], atol=1e-6
            )
    np.testing.assert_allclose(direction(joints, f"hand_{side}", f"middle_01_{side}"), [sign, 0.0, 0.0], atol=1e-6)


@bodies
@sides
def test_palms_are_level_and_thumbs_in_front(rest_joints: np.ndarray, side: str, sign: float) -> None:
    _, joints = stand(rest_joints)
    index, little = (direction(joints, f"hand_{side}", f"{f}_01_{side}") for f in ("index", "pinky"))
    assert index @ FRONT > little @ FRONT
    palm = sign * np.cross(index, little)  # out of the back of the hand
    # The palm is not rolled; that the knuckles form an arch may tip its plane a little along the fingers.
    assert palm @ FRONT == pytest.approx(0.0, abs=1e-6)
    assert palm @ UP > 0.8 * np.linalg.norm(palm)
    for start, end in (("thumb_01", "thumb_02"), ("thumb_02", "thumb_03")):
        thumb = direction(joints, f"{start}_{side}", f"{end}_{side}")
        np.testing.assert_allclose(thumb, np.array([sign, -1.0, 0.0]) / np.sqrt(2.0), atol=1e-6)


@bodies
@sides
def test_legs_are_straight_and_feet_point_forward(rest_joints: np.ndarray, side: str, sign: float) -> None:
    del sign
    A, joints = stand(rest_joints)
    for start, end in (("thigh", "calf"), ("calf", "foot")):
        np.testing.assert_allclose(direction(joints, f"{start}_{side}", f"{end}_{side}"), -UP, atol=1e-6)
    toes = direction(joints, f"foot_{side}", f"ball_{side}")
    assert toes[0] == pytest.approx(0.0, abs=1e-6) and toes @ FRONT > 0.7
    # A sole that was flat on the floor still is.
    np.testing.assert_allclose(A[bone(f"foot_{side}")].apply(UP), UP, atol=1e-6)


@bodies
@sides
def test_elbows_bend_forward(rest_joints: np.ndarray, side: str, sign: float) -> None:
    """The bend that the elbow has at rest, done in the T-pose, brings the forearm to the front and nowhere else."""
    A, _ = stand(rest_joints)
    upper, lower = (
        direction(rest_joints, f"{s}_{side}", f"{e}_{side}")
        for s, e in (("upperarm", "lowerarm"), ("lowerarm", "hand"))
    )
    forearm_as_bent = A[bone(f"upperarm_{side}")].apply(lower)
    assert upper @ lower < 0.95
    assert forearm_as_bent @ FRONT == pytest.approx(np.sqrt(1.0 - (upper @ lower) ** 2), abs=1e-6)
    assert forearm_as_bent @ [sign, 0.0, 0.0] == pytest.approx(upper @ lower, abs=1e-6)


@bodies
def test_trunk_head_and_shoulders_stay(rest_joints: np.ndarray) -> None:
    A = t_pose_rotations(rest_joints)
    still = ["Root", "pelvis", "spine_01", "spine_02", "spine_03", "neck_01", "head", "clavicle_l", "clavicle_r"]
    np.testing.assert_array_equal(A[[bone(name) for name in still]], np.tile([0.0, 0.0, 0.0, 1.0], (len(still), 1)))


@bodies
def test_mirrored_bodies_have_mirrored_t_poses(rest_joints: np.ndarray) -> None:
    mirrored_names = [name[:-1] + {"l": "r", "r": "l"}[name[-1]] if name[-2] == "_" else name for name in RIG_BONES]
    order = [bone(name) if name in RIG_BONES else index for index, name in enumerate(mirrored_names)]
    mirrored = rest_joints[order] * np.array([-1.0, 1.0, 1.0])
    A, A_mirrored = t_pose_rotations(rest_joints), t_pose_rotations(mirrored)
    reflected = A[order] * np.array([1.0, -1.0, -1.0, 1.0])
    np.testing.assert_allclose(np.abs(np.sum(reflected * A_mirrored, -1)), 1.0, atol=1e-9)


def test_straight_arms_have_a_t_pose_too() -> None:
    straight = REST_JOINTS.copy()
    for side in "lr":
        shoulder, elbow, hand = (bone(f"{name}_{side}") for name in ("upperarm", "lowerarm", "hand"))
        forearm = np.linalg.norm(straight[hand] - straight[elbow])
        moved = straight[elbow] + direction(straight, f"upperarm_{side}", f"lowerarm_{side}") * forearm - straight[hand]
        for index, name in enumerate(RIG_BONES):
            if name.endswith(f"_{side}") and name.startswith(("hand", *FINGERS, "thumb")):
                straight[index] += moved
        assert shoulder != hand
    A, joints = stand(straight)
    np.testing.assert_allclose(direction(joints, "upperarm_l", "hand_l"), [1.0, 0.0, 0.0], atol=1e-6)
    assert np.isfinite(A.as_quat()).all()


def test_already_standing_so_nothing_turns() -> None:
    _, joints = stand(REST_JOINTS)
    again = t_pose_rotations(joints)
    arms = [index for index, name in enumerate(RIG_BONES) if not name.startswith("thumb")]
    np.testing.assert_allclose(np.abs(again[arms, 3]), 1.0, atol=1e-9)
