from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from protocols.arrays import from_bytes, to_bytes
from protocols.external import ExternalBones
from protocols.names import HUMAN_BODY_BONES, RIG_BONES, UNITY_FROM_RIG
from stage.outputs.humanoid import Humanoid
from stage.solving.external_bones import BodyPose, ExternalBody, with_head
from stage.solving.presence import KEPT
from tests.stage.inputs.sections import ALL_PARTS, input_section
from tests.stage.outputs.performers import REST_JOINTS, pose, random_pose

MS = 1_000_000
TICK_NS = 33 * MS
INPUT = "vmc-in-1"


def body(*take: str, **options: Any) -> ExternalBody:
    return ExternalBody([input_section("vmc", take=take or ALL_PARTS, **options)])


def humanoid(performance, bones=HUMAN_BODY_BONES, capture_ns: int = 0, input_id: str = INPUT) -> ExternalBones:
    """What another performer sends who does the same."""
    target = Humanoid()
    rows = target.pose(performance)
    given = tuple(bone for bone in target.bones if bone in bones and bone in UNITY_FROM_RIG.values())
    chosen = rows[[target.bones.index(bone) for bone in given]]
    hips = to_bytes(chosen[0, :3]) if "Hips" in given else b""
    return ExternalBones(input_id, "anna", 0, capture_ns, given, to_bytes(chosen[:, 3:]), hips)


def of(performance) -> BodyPose:
    quaternions = from_bytes(performance.rotations, (53, 4)).astype(np.float64)
    quaternions[0] = from_bytes(performance.root, (7,))[3:]
    return BodyPose(from_bytes(performance.root, (7,))[:3].astype(np.float64), quaternions, np.zeros(53))


def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (Rotation.from_quat(a).inv() * Rotation.from_quat(b)).magnitude()


def turned(unity: str) -> int:
    return RIG_BONES.index(next(rig for rig, name in UNITY_FROM_RIG.items() if name == unity))


OWN, OTHER = pose().performance, random_pose(3).performance


@pytest.mark.parametrize(
    ("take", "bones"),
    [
        ("spine", ("spine_01", "spine_02", "spine_03")),
        ("head", ("neck_01", "head")),
        ("legs", ("thigh_l", "calf_l", "foot_l", "ball_l", "thigh_r", "calf_r", "foot_r", "ball_r")),
        ("arms", tuple(f"{bone}_{side}" for bone in ("clavicle", "upperarm", "lowerarm", "hand") for side in "lr")),
    ],
)
def test_a_part_takes_over_its_bones_and_no_others(take, bones):
    external = body(take)
    external.take(humanoid(OTHER))
    merged = external.merged(of(OWN), REST_JOINTS, 0, alone=True)
    for index, name in enumerate(RIG_BONES):
        wanted = of(OTHER) if name in bones else of(OWN)
        assert apart(wanted.quaternions[index], merged.quaternions[index]) < 1e-4, name
        assert merged.confidence[index] == (1.0 if name in bones else 0.0)
    assert np.allclose(merged.place, of(OWN).place)


def test_the_blend_is_monotone_both_ways_and_ends_at_either():
    external = body("arms", timeout_ms=200.0)
    hand, own = turned("LeftHand"), of(OWN)
    whole = apart(own.quaternions[hand], of(OTHER).quaternions[hand])
    for tick in range(30):
        external.take(humanoid(OTHER, capture_ns=tick * TICK_NS))
    last_ns = 29 * TICK_NS
    times = np.arange(0, last_ns + 500 * MS, 7 * MS)
    ways = np.array(
        [apart(own.quaternions[hand], external.merged(own, REST_JOINTS, int(t)).quaternions[hand]) for t in times]
    )
    middle = np.searchsorted(times, last_ns)
    assert ways[0] == pytest.approx(0.0, abs=1e-6)
    assert ways[middle] == pytest.approx(whole, abs=1e-4)
    assert ways[-1] == pytest.approx(0.0, abs=1e-6)
    assert np.all(np.diff(ways[:middle]) > -1e-6) and np.all(np.diff(ways[middle:]) < 1e-6)
    assert np.abs(np.diff(ways)).max() <= whole * 0.007 / 0.2 + 1e-6


def test_between_two_samples_the_pose_is_between_and_after_the_newest_it_holds():
    external = body("legs")
    turn = {"thigh_l": Rotation.from_euler("x", 40, degrees=True)}
    external.take(humanoid(OWN, capture_ns=0))
    external.take(humanoid(pose(turn).performance, capture_ns=100 * MS))
    thigh = RIG_BONES.index("thigh_l")

    def degrees(at_ms: float) -> float:
        merged = external.merged(of(OWN), REST_JOINTS, round(at_ms * MS), alone=True)
        return float(np.degrees(apart(of(OWN).quaternions[thigh], merged.quaternions[thigh])))

    assert [degrees(t) for t in (0, 25, 50, 100, 300)] == pytest.approx([0, 10, 20, 40, 40], abs=0.01)


def test_bones_that_an_avatar_lacks_do_not_turn():
    external = body("spine", "head", "arms")
    sent = [bone for bone in HUMAN_BODY_BONES if bone not in ("UpperChest", "Neck", "LeftShoulder")]
    external.take(humanoid(OTHER, sent))
    merged = external.merged(of(random_pose(5).performance), REST_JOINTS, 0, alone=True)
    for bone in ("UpperChest", "Neck", "LeftShoulder"):
        assert apart(merged.quaternions[turned(bone)], np.array([0.0, 0.0, 0.0, 1.0])) < 1e-6, bone
    for bone in ("Spine", "Chest", "Head", "LeftHand", "RightShoulder"):
        assert apart(merged.quaternions[turned(bone)], of(OTHER).quaternions[turned(bone)]) < 1e-4, bone


def test_bones_that_every_avatar_has_stay_the_stages_own_where_they_do_not_come():
    external = body("arms", "fingers")
    own = of(random_pose(5).performance)
    external.take(humanoid(OTHER, ("LeftHand", "RightIndexProximal")))
    merged = external.merged(own, REST_JOINTS, 0, alone=True)
    for bone in ("LeftUpperArm", "LeftLowerArm", "RightUpperArm", "RightShoulder", "LeftThumbProximal"):
        assert apart(merged.quaternions[turned(bone)], own.quaternions[turned(bone)]) < 1e-6, bone
    for bone in ("LeftHand", "RightIndexProximal"):
        assert apart(merged.quaternions[turned(bone)], of(OTHER).quaternions[turned(bone)]) < 1e-4, bone


def test_what_is_remembered_is_bounded_and_late_frames_are_counted():
    external = body("hips")
    for tick in range(3 * KEPT):
        external.take(humanoid(OWN, capture_ns=tick * TICK_NS))
    assert [len(chain) for source in external._sources.values() for chain in source.chains] == [KEPT]
    external.take(humanoid(OWN, capture_ns=0 + (3 * KEPT - 2) * TICK_NS))
    assert external.late == 1
    external.take(humanoid(OTHER, capture_ns=0))  # the sender's clock was set back
    assert external.late == 1 and external.placed(0)


def test_two_senders_of_one_input_do_not_disturb_each_other():
    external = body("arms", "fingers")
    for tick in range(20):
        external.take(humanoid(OTHER, ("LeftShoulder", "LeftUpperArm", "LeftLowerArm", "LeftHand"), tick * TICK_NS))
        external.take(humanoid(OTHER, ("RightIndexProximal",), tick * TICK_NS + 5 * MS))
    merged = external.merged(of(OWN), REST_JOINTS, 19 * TICK_NS)
    for bone in ("LeftUpperArm", "LeftHand", "RightIndexProximal"):
        assert apart(merged.quaternions[turned(bone)], of(OTHER).quaternions[turned(bone)]) < 1e-4, bone


def test_the_later_of_two_inputs_counts():
    external = ExternalBody(
        [input_section("vmc", id="a", take=("arms",)), input_section("vmc", id="b", take=("arms",))]
    )
    external.take(humanoid(OWN, input_id="a"))
    external.take(humanoid(OTHER, input_id="b"))
    external.take(humanoid(OWN, input_id="nobody"))
    merged = external.merged(of(OWN), REST_JOINTS, 0, alone=True)
    assert apart(merged.quaternions[turned("LeftHand")], of(OTHER).quaternions[turned("LeftHand")]) < 1e-4


def test_a_face_turns_the_head_against_the_spine_whatever_the_neck_does():
    own = of(random_pose(8).performance)
    wanted = Rotation.from_euler("z", 30, degrees=True).as_quat()
    merged = with_head(own, wanted, 1.0)
    neck, head = (Rotation.from_quat(merged.quaternions[RIG_BONES.index(bone)]) for bone in ("neck_01", "head"))
    assert ((neck * head).inv() * Rotation.from_quat(wanted)).magnitude() < 1e-6
    assert apart(with_head(own, wanted, 0.0).quaternions, own.quaternions).max() < 1e-6
