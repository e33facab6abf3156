from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from protocols.names import RIG_BONES
from stage.bodies.body import RestBody
from stage.errors import SourceError
from stage.synthetic.bvh import BvhClip, load_bvh
from stage.synthetic.hand_poses import FINGER_BONES, finger_motion
from stage.synthetic.joint_names import matched_joints
from stage.synthetic.kinematics import forward
from stage.synthetic.retarget import has_fingers, resampled, retarget, with_fingers
from tests.shared_data import shared_data

MIXAMO = """mixamorig:Hips mixamorig:Spine mixamorig:Spine1 mixamorig:Spine2 mixamorig:Neck mixamorig:Head
mixamorig:LeftShoulder mixamorig:LeftArm mixamorig:LeftForeArm mixamorig:LeftHand mixamorig:LeftHandIndex1
mixamorig:RightShoulder mixamorig:RightArm mixamorig:RightForeArm mixamorig:RightHand mixamorig:LeftUpLeg
mixamorig:LeftLeg mixamorig:LeftFoot mixamorig:LeftToeBase mixamorig:RightUpLeg mixamorig:RightLeg
mixamorig:RightFoot mixamorig:RightToeBase"""
UNREAL = """root pelvis spine_01 spine_02 spine_03 neck_01 head clavicle_l upperarm_l lowerarm_l hand_l index_01_l
clavicle_r upperarm_r lowerarm_r hand_r thigh_l calf_l foot_l ball_l thigh_r calf_r foot_r ball_r"""
UNITY = """hips spine chest upperChest neck head leftShoulder leftUpperArm leftLowerArm leftHand leftIndexProximal
rightShoulder rightUpperArm rightLowerArm rightHand leftUpperLeg leftLowerLeg leftFoot leftToes rightUpperLeg
rightLowerLeg rightFoot rightToes"""
VROID = """Root J_Bip_C_Hips J_Bip_C_Spine J_Bip_C_Chest J_Bip_C_Neck J_Bip_C_Head J_Bip_L_Shoulder J_Bip_L_UpperArm
J_Bip_L_LowerArm J_Bip_L_Hand J_Bip_R_Shoulder J_Bip_R_UpperArm J_Bip_R_LowerArm J_Bip_R_Hand J_Bip_L_UpperLeg
J_Bip_L_LowerLeg J_Bip_L_Foot J_Bip_L_ToeBase J_Bip_R_UpperLeg J_Bip_R_LowerLeg J_Bip_R_Foot J_Bip_R_ToeBase"""
CMU = """Hips LHipJoint LeftUpLeg LeftLeg LeftFoot LeftToeBase RHipJoint RightUpLeg RightLeg RightFoot RightToeBase
LowerBack Spine Spine1 Neck Neck1 Head LeftShoulder LeftArm LeftForeArm LeftHand LThumb RightShoulder RightArm
RightForeArm RightHand RThumb"""
OLD = """Hips Chest Neck Head LeftCollar LeftShoulder LeftElbow LeftWrist RightCollar RightShoulder RightElbow
RightWrist LeftHip LeftKnee LeftAnkle LeftToe RightHip RightKnee RightAnkle RightToe"""
LIMBS = ("clavicle", "upperarm", "lowerarm", "hand", "thigh", "calf", "foot", "ball")

T_POSE = {
    "Hips": ("", (0, 100, 0)), "Spine": ("Hips", (0, 10, 0)), "Chest": ("Spine", (0, 20, 0)),
    "Neck": ("Chest", (0, 20, 0)), "Head": ("Neck", (0, 10, 0)),
    "LeftShoulder": ("Chest", (4, 15, 0)), "LeftArm": ("LeftShoulder", (14, 0, 0)),
    "LeftForeArm": ("LeftArm", (28, 0, 0)), "LeftHand": ("LeftForeArm", (26, 0, 0)),
    "RightShoulder": ("Chest", (-4, 15, 0)), "RightArm": ("RightShoulder", (-14, 0, 0)),
    "RightForeArm": ("RightArm", (-28, 0, 0)), "RightHand": ("RightForeArm", (-26, 0, 0)),
    "LeftUpLeg": ("Hips", (9, -2, 0)), "LeftLeg": ("LeftUpLeg", (0, -42, 0)), "LeftFoot": ("LeftLeg", (0, -42, 0)),
    "RightUpLeg": ("Hips", (-9, -2, 0)), "RightLeg": ("RightUpLeg", (0, -42, 0)),
    "RightFoot": ("RightLeg", (0, -42, 0)),
}  # fmt: skip


def _t_pose(axes: np.ndarray, scale: float = 1.0) -> BvhClip:
    """A clip of three frames in the rest pose, its axes turned and its units scaled."""
    names = tuple(T_POSE)
    offsets = np.array([offset for _, offset in T_POSE.values()], float) @ axes.T * scale
    parents = tuple(names.index(parent) if parent else -1 for parent, _ in T_POSE.values())
    rotations = np.tile(np.eye(3), (3, len(names), 1, 1))
    return BvhClip(names, parents, offsets, {}, 1 / 30, np.tile(offsets[0], (3, 1)), rotations)


def _direction(heads: np.ndarray, bone: str, child: str) -> np.ndarray:
    span = heads[:, RIG_BONES.index(child)] - heads[:, RIG_BONES.index(bone)]
    return span / np.linalg.norm(span, axis=1, keepdims=True)


@pytest.mark.parametrize("listed", [MIXAMO, UNREAL, UNITY, VROID, CMU, OLD])
def test_names_of_usual_tools_are_recognised(listed: str) -> None:
    names = tuple(listed.split())
    found = matched_joints(names)
    fingers = {"index_01_l"} if any("index" in name.lower() for name in names) else set()
    limbs = {f"{limb}_{side}" for limb in LIMBS for side in "lr"}
    assert limbs | {"pelvis", "neck_01", "head"} | fingers == set(found)
    assert len(set(found.values())) == len(found)
    for bone, joint in found.items():
        name = names[joint].lower().replace("mixamorig:", "").replace("j_bip_", "")
        if bone.endswith("_l"):
            assert name.startswith("l") or name.endswith("_l")


def test_a_skeleton_without_arms_is_refused_by_name() -> None:
    with pytest.raises(SourceError, match="upperarm_l"):
        matched_joints(("Hips", "Head", "LeftUpLeg", "LeftLeg", "LeftFoot"))


Y_UP = np.eye(3)
Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
FACING_X = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])


@pytest.mark.parametrize(("axes", "scale"), [(Y_UP, 1.0), (Z_UP, 0.01), (FACING_X, 0.4)])
def test_a_t_pose_in_any_axes_and_units_stands_in_t_pose(axes: np.ndarray, scale: float, other_rest: RestBody) -> None:
    poses = retarget(_t_pose(axes, scale), other_rest)
    G, heads = forward(other_rest.joints, poses)
    for side, sign in (("l", 1.0), ("r", -1.0)):
        for bone, child in (("upperarm", "lowerarm"), ("lowerarm", "hand")):
            np.testing.assert_allclose(
                _direction(heads, f"{bone}_{side}", f"{child}_{side}")[0], [sign, 0, 0], atol=1e-6
            )
        for bone, child in (("thigh", "calf"), ("calf", "foot")):
            np.testing.assert_allclose(_direction(heads, f"{bone}_{side}", f"{child}_{side}")[0], [0, 0, -1], atol=1e-6)
        index, pinky = (heads[0, RIG_BONES.index(f"{finger}_01_{side}")] for finger in ("index", "pinky"))
        assert index[1] < pinky[1]  # palms down: the index finger is in front
    np.testing.assert_allclose(G[0, RIG_BONES.index("head")], np.eye(3), atol=1e-9)
    assert abs(heads[0, RIG_BONES.index("ball_l"), 2] - other_rest.joints[RIG_BONES.index("ball_l"), 2]) < 0.01


def test_turns_about_the_vertical_turn_the_performer(rest: RestBody) -> None:
    clip = _t_pose(Y_UP)
    quarter = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])  # about Y, to the left
    clip.rotations[1, 0] = quarter
    _, heads = forward(rest.joints, retarget(clip, rest))
    np.testing.assert_allclose(_direction(heads, "upperarm_l", "lowerarm_l")[1], [0, 1, 0], atol=1e-6)


def test_limbs_of_a_real_motion_point_where_the_source_points(rest: RestBody) -> None:
    clip = load_bvh(_real_motion())
    every = 40
    clip = BvhClip(
        clip.names,
        clip.parents,
        clip.offsets,
        clip.ends,
        clip.frame_s * every,
        clip.root[::every],
        clip.rotations[::every],
    )
    poses = retarget(clip, rest)
    _, heads = forward(rest.joints, poses)
    _, places = clip.forward()
    found = matched_joints(clip.names)
    to_ours = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])  # the file is Y up
    for side in "lr":
        for bone, child in (("upperarm", "lowerarm"), ("lowerarm", "hand"), ("thigh", "calf"), ("calf", "foot")):
            span = places[:, found[f"{child}_{side}"]] - places[:, found[f"{bone}_{side}"]]
            expected = span / np.linalg.norm(span, axis=1, keepdims=True) @ to_ours.T
            np.testing.assert_allclose(_direction(heads, f"{bone}_{side}", f"{child}_{side}"), expected, atol=1e-5)
    lowest = heads[:, [RIG_BONES.index("ball_l"), RIG_BONES.index("ball_r")], 2].min(axis=1)
    assert lowest.min() > 0.0
    assert np.quantile(lowest, 0.5) < 0.03


def test_resampling_keeps_the_ends_and_the_poses_between(rest: RestBody) -> None:
    clip = load_bvh(_real_motion())
    poses = retarget(clip, rest).at(slice(1000, 1121))
    same = resampled(poses, 120.0, 120.0)
    np.testing.assert_allclose(same.root, poses.root, atol=1e-12)
    half = resampled(poses, 120.0, 60.0)
    assert len(half) == 61
    np.testing.assert_allclose(half.rotations, poses.rotations[::2], atol=1e-9)
    finer = resampled(poses, 120.0, 240.0)
    np.testing.assert_allclose(np.linalg.norm(finer.rotations, axis=-1), 1.0)


def _with_index_fingers() -> BvhClip:
    """A T-pose whose left index finger bends at its first joint in the second frame."""
    plain = _t_pose(Y_UP)
    names = (*plain.names, "LeftHandIndex1", "LeftHandIndex2", "LeftHandIndex3")
    hand = plain.names.index("LeftHand")
    parents = (*plain.parents, hand, len(plain.names), len(plain.names) + 1)
    offsets = np.concatenate([plain.offsets, [[9.0, 0.0, 2.0], [4.0, 0.0, 0.0], [3.0, 0.0, 0.0]]])
    rotations = np.tile(np.eye(3), (3, len(names), 1, 1))
    rotations[1, len(plain.names)] = Rotation.from_euler("z", -60, degrees=True).as_matrix()
    return BvhClip(names, parents, offsets, {}, 1 / 30, plain.root, rotations)


def test_fingers_turn_with_the_files_fingers_and_the_others_stay(rest: RestBody) -> None:
    clip = _with_index_fingers()
    assert has_fingers(clip) and not has_fingers(_t_pose(Y_UP))
    poses = retarget(clip, rest)
    angle = 2.0 * np.degrees(np.arccos(np.clip(np.abs(poses.rotations[..., 3]), 0.0, 1.0)))
    bent = RIG_BONES.index("index_01_l")
    assert angle[1, bent] == pytest.approx(60.0, abs=1e-3)
    others = [i for i, name in enumerate(RIG_BONES) if name.startswith(("index", "middle")) and i != bent]
    assert np.abs(angle[:, others]).max() < 1e-3
    _, heads = forward(rest.joints, poses)
    tip, hand = RIG_BONES.index("index_03_l"), RIG_BONES.index("hand_l")
    assert (heads[1, tip] - heads[1, hand])[2] < (heads[0, tip] - heads[0, hand])[
        2
    ] - 0.02  # palms down: towards the palm


def test_fingers_can_come_from_elsewhere(rest: RestBody) -> None:
    poses = retarget(_t_pose(Y_UP), rest)
    fingers = finger_motion(0.1, 30, seed=1)
    moved = with_fingers(poses, fingers)
    rows = [RIG_BONES.index(bone) for bone in FINGER_BONES]
    np.testing.assert_array_equal(moved.rotations[:, rows], fingers)
    np.testing.assert_array_equal(np.delete(moved.rotations, rows, 1), np.delete(poses.rotations, rows, 1))


def _real_motion() -> Path:
    return shared_data("bvh") / "vrm10viewer_test_motion.bvh"
