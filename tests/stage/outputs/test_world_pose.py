from __future__ import annotations

import numpy as np
import pytest

from stage.outputs.world_pose import WorldPose
from tests.stage.outputs.performers import COUNT, pose, random_pose


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


def test_what_a_caller_writes_into_the_buffer_is_forgotten() -> None:
    reader, performance = WorldPose(), random_pose(2).performance
    reader.bones(performance)[:] = 7.0
    np.testing.assert_array_equal(reader.bones(performance), WorldPose().bones(performance))
