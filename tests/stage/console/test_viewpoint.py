from __future__ import annotations

import numpy as np
import pytest

from stage.cameras.camera import Camera
from stage.console.viewpoint import common_target, viewpoint
from tests.stage.console.conftest import camera_at


@pytest.mark.parametrize("degrees", [[45, 135, 225, 315], [-120, -60], [10, 40, 80, 110, 200, 300], [-90]])
def test_the_eye_sees_the_performer_past_the_cameras(degrees: list[float]) -> None:
    cameras = [camera_at(f"c{d}", np.radians(d)) for d in degrees]
    view = viewpoint(cameras)
    assert np.hypot(*view.target[:2]) < 0.7
    to_target = view.target - view.eye
    for camera in cameras:
        to_camera = camera.center_world - view.eye
        along = to_camera @ to_target / np.linalg.norm(to_target)
        beside = np.linalg.norm(to_camera - along * to_target / np.linalg.norm(to_target))
        assert beside > 2 * view.frustum_depth or not 0 < along < np.linalg.norm(to_target)


def test_with_all_cameras_in_front_the_eye_is_in_front() -> None:
    view = viewpoint([camera_at(f"c{d}", np.radians(d)) for d in (-150, -110, -70, -30)])
    assert view.eye[1] < -2.0


def test_the_target_is_where_the_axes_meet(ring_of_cameras: list[Camera]) -> None:
    np.testing.assert_allclose(common_target(ring_of_cameras), [0.0, 0.0, 0.9], atol=1e-6)


def test_parallel_cameras_look_ahead() -> None:
    R = camera_at("a", -np.pi / 2).R_camera_world
    K = np.diag([500.0, 500.0, 1.0])
    centers = [np.array([x, -3.0, 1.5]) for x in (-0.5, 0.5)]
    cameras = [Camera(f"c{x}", 640, 480, K, np.zeros(0), R, -R @ x) for x in centers]
    target = common_target(cameras)
    assert abs(target[0]) < 1e-6 and -1.0 < target[1] < 1.0 and 0.6 <= target[2] <= 1.2


def test_no_cameras_no_trouble() -> None:
    view = viewpoint([])
    assert np.isfinite(view.eye).all() and view.eye[2] > view.target[2]
