"""Avatars in the engine stand as the performer does: judged by an engine and a retargeting of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from protocols.names import HUMAN_BODY_BONES, RIG_BONES, RIG_PARENTS
from stage.avatars import read_avatar
from stage.outputs.humanoid import Humanoid
from tests.shared_data import shared_data
from tests.stage.outputs.faces import face
from tests.stage.outputs.performers import REST_JOINTS, Posed, bone, other_body, pose, random_pose
from tests.unity_engine import TO_UNITY, Engine, Retargeted, retargeted, t_pose_frames
from tests.vrm_files import skeleton, vrm0, vrm1, write_glb

TENTH_MM, HUNDREDTH_DEGREE = 1e-4, np.radians(0.01)
PERFORMERS = [REST_JOINTS, other_body(1)]
LACKING = ("Chest", "UpperChest", "LeftToes", "RightToes")


@pytest.fixture(scope="module")
def real() -> Path:
    (path,) = shared_data("vrm").glob("*.vrm")
    return path


def awkward(folder: Path, *, without: tuple[str, ...] = LACKING, seed: int = 0) -> Path:
    places, parents = skeleton(other_body(5), size=0.7, trunk=1.2)
    return write_glb(folder / "awkward.vrm", vrm1(places, parents, without=without, seed=seed))


def moved(path: Path, posed: Posed, **options: Any) -> Engine:
    engine, humanoid = Engine(path), Humanoid(read_avatar(path), **options)
    engine.take(dict(zip(humanoid.bones, humanoid.pose(posed.performance), strict=True)))
    return engine


def truth(engine: Engine, posed: Posed, rest_joints: NDArray[np.float32], **options: Any) -> Retargeted:
    return retargeted(engine, posed.G.as_matrix(), posed.joints, rest_joints, **options)


def check(engine: Engine, expected: Retargeted) -> None:
    for name, world in engine.world().items():
        np.testing.assert_allclose(world[:3, 3], expected.places[name], atol=TENTH_MM, err_msg=name)
        apart = Rotation.from_matrix(world[:3, :3] @ expected.rotations[name].T).magnitude()
        assert apart < HUNDREDTH_DEGREE, name


@pytest.mark.parametrize("rest_joints", PERFORMERS)
@pytest.mark.parametrize("seed", range(10))
def test_a_real_vrm0_avatar_is_where_it_should_be(real: Path, seed: int, rest_joints: NDArray[np.float32]) -> None:
    posed = random_pose(seed, rest_joints)
    check(engine := moved(real, posed), truth(engine, posed, rest_joints))


@pytest.mark.parametrize("rest_joints", PERFORMERS)
@pytest.mark.parametrize("seed", range(10))
def test_a_vrm1_avatar_with_rotated_bones_and_nodes_between(
    tmp_path: Path, seed: int, rest_joints: NDArray[np.float32]
) -> None:
    posed = random_pose(seed, rest_joints)
    engine = moved(awkward(tmp_path, seed=seed), posed)
    assert len(engine.nodes) == len(HUMAN_BODY_BONES) - len(LACKING)
    check(engine, truth(engine, posed, rest_joints))


@pytest.mark.parametrize(
    "without",
    [
        (),
        ("UpperChest",),
        ("Chest", "UpperChest", "Neck"),
        ("Chest",),
        ("LeftShoulder", "RightShoulder", "Neck", "LeftEye", "Jaw"),
        ("LeftIndexIntermediate", "RightThumbProximal", *(name for name in HUMAN_BODY_BONES if "Little" in name)),
    ],
)
def test_what_an_avatar_lacks_the_bones_below_take_over(tmp_path: Path, without: tuple[str, ...]) -> None:
    posed = random_pose(3)
    check(engine := moved(awkward(tmp_path, without=without), posed), truth(engine, posed, REST_JOINTS))


def test_travel_of_the_performer_changes_places_on_the_floor_only(real: Path) -> None:
    posed = random_pose(4)
    check(engine := moved(real, posed, travels=False), truth(engine, posed, REST_JOINTS, travels=False))
    other = moved(real, posed).world()["Hips"][:3, 3]
    assert engine.world()["Hips"][1, 3] == pytest.approx(other[1], abs=1e-6)
    assert np.abs(engine.world()["Hips"][[0, 2], 3] - other[[0, 2]]).max() > 0.05


def t_posed(rest_joints: NDArray[np.float32], root: Rotation | None = None) -> Posed:
    A = [Rotation.from_matrix(matrix) for matrix in t_pose_frames(rest_joints)]
    turns = {name: A[max(0, RIG_PARENTS[row])].inv() * A[row] for row, name in enumerate(RIG_BONES) if row > 0}
    return pose(turns, root=root, rest_joints=rest_joints)


@pytest.mark.parametrize("which", ["real", "awkward"])
def test_a_performer_in_the_t_pose_leaves_the_avatar_at_rest(real: Path, tmp_path: Path, which: str) -> None:
    path = real if which == "real" else awkward(tmp_path)
    engine = moved(path, t_posed(REST_JOINTS))
    rest, now = Engine(path).world(), engine.world()
    shift = now["Hips"][:3, 3] - rest["Hips"][:3, 3]
    # The legs of the T-pose are straight: with the hips where they were at rest, its feet are a little lower.
    assert -0.02 < shift[1] < 0.0
    for name in rest:
        np.testing.assert_allclose(now[name][:3, 3] - shift, rest[name][:3, 3], atol=1e-5)
        np.testing.assert_allclose(now[name][:3, :3], rest[name][:3, :3], atol=1e-5)


@pytest.mark.parametrize("size", [0.5, 1.0, 1.6])
@pytest.mark.parametrize("version", [0, 1])
def test_feet_are_on_the_floor_whatever_the_size_and_the_pose(tmp_path: Path, version: int, size: float) -> None:
    """Legs of the same proportions: each ankle is where the performer's is, in the avatar's size, in any pose."""
    places, parents = skeleton(REST_JOINTS, size=size, trunk=1.4)
    write = vrm0 if version == 0 else vrm1
    path = write_glb(tmp_path / "avatar.vrm", write(places, parents))
    for seed in range(5):
        posed = random_pose(seed)
        world = moved(path, posed).world()
        for side, rig in (("Left", "foot_l"), ("Right", "foot_r")):
            np.testing.assert_allclose(
                world[f"{side}Foot"][:3, 3], size * TO_UNITY @ posed.joints[bone(rig)], atol=2e-3
            )


@pytest.mark.parametrize("bend", [30, 60, 90, 110])
def test_feet_of_a_sitting_avatar_are_on_the_floor_though_its_thighs_are_longer(real: Path, bend: int) -> None:
    forward = Rotation.from_rotvec([-np.radians(bend), 0.0, 0.0])
    turns = {f"{name}_{side}": turn for name, turn in (("thigh", forward), ("calf", forward.inv())) for side in "lr"}
    foot = bone("foot_l")
    lifted = float(pose(turns).joints[foot, 2] - REST_JOINTS[foot, 2])
    engine = moved(real, pose(turns, place=(0.0, 0.0, -lifted)))
    for name in ("LeftFoot", "RightFoot"):
        assert abs(engine.world()[name][1, 3] - engine.rest[name][1, 3]) < 2e-3


def test_limbs_point_where_the_performer_s_do(real: Path) -> None:
    """Whatever T-poses are: a limb of the avatar is parallel to the performer's, as far as both were so at rest."""
    for seed in range(10):
        posed = random_pose(seed)
        world = moved(real, posed).world()
        for start, end, rig_start, rig_end in (
            ("LowerArm", "Hand", "lowerarm", "hand"),
            ("UpperArm", "LowerArm", "upperarm", "lowerarm"),
            ("UpperLeg", "LowerLeg", "thigh", "calf"),
        ):
            for side, letter in (("Left", "l"), ("Right", "r")):
                ours = world[f"{side}{end}"][:3, 3] - world[f"{side}{start}"][:3, 3]
                theirs = TO_UNITY @ (
                    posed.joints[bone(f"{rig_end}_{letter}")] - posed.joints[bone(f"{rig_start}_{letter}")]
                )
                cosine = ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs)
                assert np.degrees(np.arccos(min(1.0, cosine))) < 1.5, (side, start)


def test_handedness(real: Path) -> None:
    """Left is left: right, up and front of a body form a frame of the other hand in Unity than in the world."""
    root = Rotation.from_rotvec([0.4, -1.0, 2.0])
    posed = t_posed(REST_JOINTS, root=root)
    world = {name: place[:3, 3] for name, place in moved(real, posed).world().items()}
    ours = np.linalg.det([world[name] - world["Hips"] for name in ("LeftHand", "Head", "LeftToes")])
    rig = ("hand_l", "head", "ball_l")
    theirs = np.linalg.det([posed.joints[bone(name)] - posed.joints[bone("pelvis")] for name in rig])
    assert abs(ours) > 0.01 and abs(theirs) > 0.01 and np.sign(ours) == -np.sign(theirs)


def test_eyes_and_jaw_of_a_vrm1_avatar_turn_in_its_own_axes(tmp_path: Path) -> None:
    path, posed = awkward(tmp_path), random_pose(2)
    engine, humanoid = Engine(path), Humanoid(read_avatar(path), opens_jaw=True)
    humanoid.turn_face(face(gaze=((0.4, 0.1), (0.4, 0.1)), JawOpen=1.0))
    engine.take(dict(zip(humanoid.bones, humanoid.pose(posed.performance), strict=True)))
    world = engine.world()
    turned = {
        name: world[name][:3, :3] @ engine.rest[name][:3, :3].T for name in ("Head", "LeftEye", "RightEye", "Jaw")
    }
    for name in ("LeftEye", "RightEye"):
        looks = turned["Head"].T @ turned[name] @ [0.0, 0.0, 1.0]
        np.testing.assert_allclose(
            looks, [-np.sin(0.4) * np.cos(0.1), np.sin(0.1), np.cos(0.4) * np.cos(0.1)], atol=1e-5
        )
    chin = turned["Head"].T @ turned["Jaw"] @ [0.0, 0.0, 1.0]
    np.testing.assert_allclose(chin, [0.0, -np.sin(np.radians(20)), np.cos(np.radians(20))], atol=1e-5)


@pytest.mark.parametrize(("positions", "zero"), [("hips", slice(1, None)), ("none", slice(0, None))])
def test_positions_can_be_left_out(real: Path, positions: Any, zero: slice) -> None:
    posed = random_pose(1)
    whole = Humanoid(read_avatar(real)).pose(posed.performance)
    sent = Humanoid(read_avatar(real), positions=positions).pose(posed.performance)
    np.testing.assert_array_equal(sent[:, 3:], whole[:, 3:])
    assert not sent[zero, :3].any()
    if positions == "hips":
        np.testing.assert_array_equal(sent[0, :3], whole[0, :3])


def test_signs_of_quaternions_run_smoothly_for_rotated_bones_too(tmp_path: Path) -> None:
    humanoid, before = Humanoid(read_avatar(awkward(tmp_path))), None
    axis = np.array([1.0, 2.0, 0.5]) / np.linalg.norm([1.0, 2.0, 0.5])
    for angle in np.linspace(0.0, 4.0 * np.pi, 200):
        turns = {name: Rotation.from_rotvec(axis * angle) for name in ("upperarm_l", "calf_r", "head")}
        sent = humanoid.pose(pose(turns).performance)[:, 3:].copy()
        if before is not None:
            assert np.abs(sent - before).max() < 0.15
        before = sent
