from __future__ import annotations

import numpy as np
import pytest

from stage.outputs.world_pose import WORLD_BONES, WorldPose
from tests.stage.outputs.performers import COUNT, pose, random_pose


@pytest.mark.parametrize("seed", range(5))
def test_world_poses_are_those_of_a_walk_down_the_tree(seed: int) -> None:
    posed = random_pose(seed)
    bones = WorldPose().bones(posed.performance)
    assert bones.shape == (len(WORLD_BONES), 8)
    np.testing.assert_allclose(bones[:, :3], posed.joints[1:], atol=1e-5)
    np.testing.assert_allclose(np.abs(np.sum(bones[:, 3:7] * posed.G.as_quat()[1:], -1)), 1.0, atol=1e-5)
    np.testing.assert_allclose(bones[:, 7], np.linspace(0.0, 1.0, COUNT)[1:], atol=1e-6)


def test_one_reader_carries_nothing_over_to_the_next_performance() -> None:
    reader = WorldPose()
    reader.bones(random_pose(1).performance)
    at_rest = reader.bones(pose().performance)
    np.testing.assert_allclose(np.abs(at_rest[:, 6]), 1.0, atol=1e-6)
    posed = random_pose(2)
    np.testing.assert_allclose(reader.root(posed.performance)[:3], posed.joints[0], atol=1e-6)
