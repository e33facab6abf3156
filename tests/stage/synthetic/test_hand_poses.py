"""What synthetic hands do."""

from __future__ import annotations

import numpy as np
import pytest

from protocols.names import RIG_BONES
from stage.synthetic.hand_poses import FINGER_BONES, POSES_DEG, finger_motion, finger_rotations, pose_angles
from tests.body_model import body_model


def test_a_pose_names_every_finger_bone_once():
    body_model()
    rotations = finger_rotations("fist")
    assert tuple(rotations) == FINGER_BONES
    assert set(FINGER_BONES) <= set(RIG_BONES)
    assert len(rotations) == 30
    np.testing.assert_allclose([np.linalg.norm(q) for q in rotations.values()], 1.0)


@pytest.mark.parametrize("pose", sorted(POSES_DEG))
def test_amount_goes_from_relaxed_to_the_pose(pose: str):
    np.testing.assert_allclose(pose_angles(pose, 0.0), pose_angles("relaxed"))
    np.testing.assert_allclose(np.rad2deg(pose_angles(pose)), np.array(POSES_DEG[pose]), atol=1e-9)


def test_motion_is_smooth_repeatable_and_moves():
    body_model()
    motion = finger_motion(4.0, 60.0, seed=2)
    assert motion.shape == (240, 30, 4)
    np.testing.assert_array_equal(motion, finger_motion(4.0, 60.0, seed=2))
    assert np.abs(np.diff(motion, axis=0)).max() < 0.12
    assert np.ptp(motion, axis=0).max() > 0.3
    np.testing.assert_allclose(motion[0], motion[-1], atol=0.02)
