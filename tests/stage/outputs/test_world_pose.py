from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from stage.outputs.world_pose import WorldPose
from tests.stage.outputs.performers import COUNT, bone, other_body, pose, random_pose


@pytest.mark.parametrize("seed", range(5))
def test_world_poses_are_those_of_a_walk_down_the_tree(seed: int) -> None:
    posed = random_pose(seed)
    bones = WorldPose().bones(posed.performance)
    assert bones.shape == (COUNT, 8)
    np.testing.assert_allclose(bones[:, :3], posed.joints, atol=1e-5)
    np.testing.assert_allclose(np.abs(np.sum(bones[:, 3:7] * posed.G.as_quat(), -1)), 1.0, atol=1e-5)
    np.testing.assert_allclose(bones[:, 7], np.linspace(0.0, 1.0, COUNT), atol=1e-6)


def test_one_reader_carries_nothing_over_to_the_next_performance() -> None:
    reader = WorldPose()
    reader.bones(random_pose(1).performance)
    at_rest = reader.bones(pose().performance)
    np.testing.assert_allclose(np.abs(at_rest[:, 6]), 1.0, atol=1e-6)


LIMBS = [
    *(
        (f"{bone}_{side}", f"{tip}_{side}", (sign, 0.0, 0.0))
        for side, sign in (("l", 1.0), ("r", -1.0))
        for bone, tip in (("upperarm", "lowerarm"), ("lowerarm", "hand"), ("ring_01", "ring_02"))
    ),
    *(
        (f"{bone}_{side}", f"{tip}_{side}", (0.0, 0.0, -1.0))
        for side in "lr"
        for bone, tip in (("thigh", "calf"), ("calf", "foot"))
    ),
]


@pytest.mark.parametrize("seed", range(3))
def test_from_the_t_pose_the_rotations_point_limbs_to_where_they_are(seed: int) -> None:
    posed = random_pose(seed, rest_joints=other_body(seed))
    bones = WorldPose(t_pose=True).bones(posed.performance)
    for name, tip, at_t_pose in LIMBS:
        limb = posed.joints[bone(tip)] - posed.joints[bone(name)]
        turned = Rotation.from_quat(bones[bone(name), 3:7]).apply(at_t_pose)
        np.testing.assert_allclose(turned, limb / np.linalg.norm(limb), atol=1e-5)
    np.testing.assert_allclose(bones[:, :3], posed.joints, atol=1e-5)
    trunk = [bone(name) for name in ("Root", "pelvis", "spine_03", "head", "clavicle_l")]
    np.testing.assert_array_equal(bones[trunk], WorldPose().bones(posed.performance)[trunk])


def test_what_a_caller_writes_into_the_buffer_is_forgotten() -> None:
    reader, performance = WorldPose(), random_pose(2).performance
    reader.bones(performance)[:] = 7.0
    np.testing.assert_array_equal(reader.bones(performance), WorldPose().bones(performance))
