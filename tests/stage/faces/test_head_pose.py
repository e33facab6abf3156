from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from stage.faces.head_pose import R_CAMERA_FACING, HeadPose, View, first_pose, fit_head, image_rows, linearise
from tests.stage.faces.exact_face import face_model


def _view(points: np.ndarray, pose: HeadPose, R: np.ndarray | None = None, t: np.ndarray | None = None) -> View:
    """What a camera sees of points whose pose is in the world."""
    R, t = np.eye(3) if R is None else R, np.zeros(3) if t is None else t
    X = (points @ pose.R.T + pose.t) @ R.T + t
    return View(X[:, :2] / X[:, 2:], R, t)


def _pose(*turn_deg: float) -> HeadPose:
    return HeadPose(
        R_CAMERA_FACING @ Rotation.from_euler("zxy", turn_deg, degrees=True).as_matrix(), np.array([0.05, -0.03, 0.7])
    )


def _angle_deg(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(Rotation.from_matrix(a.T @ b).magnitude()))


@pytest.mark.parametrize("turn", [(0, 0, 0), (40, 0, 0), (-30, 20, 10), (0, -25, -15)])
def test_exact_points_give_the_exact_pose(turn: tuple[float, float, float]):
    points, sigma = face_model().mean, face_model().sigma
    true = _pose(*turn)
    start = HeadPose(R_CAMERA_FACING, np.array([0.0, 0.0, 0.6]))
    fit = fit_head([_view(points, true)], points, sigma, start, first=True)
    assert _angle_deg(true.R, fit.pose.R) < 0.01
    np.testing.assert_allclose(fit.pose.t, true.t, atol=1e-4)
    assert fit.error_m < 1e-5


def test_a_first_pose_is_near_without_any_start():
    points, true = face_model().mean, _pose(35, -15, 20)
    X = points @ true.R.T + true.t
    found = first_pose(_view(points, true), (X[:, 2] - X[:, 2].mean()) / X[:, 2].mean(), points)
    assert _angle_deg(true.R, found.R) < 10.0
    assert np.linalg.norm(found.t - true.t) < 0.05


def test_a_third_of_the_points_may_be_wrong():
    points, sigma, true = face_model().mean, face_model().sigma, _pose(20, 5, 0)
    view = _view(points, true)
    image = view.image.copy()
    image[::3] += np.random.default_rng(1).normal(0.0, 0.05, image[::3].shape)
    fit = fit_head([view._replace(image=image)], points, sigma, HeadPose(R_CAMERA_FACING, true.t), first=True)
    assert _angle_deg(true.R, fit.pose.R) < 0.5


def test_two_calibrated_views_tell_the_distance_of_a_face_of_another_size():
    points, sigma, true = face_model().mean, face_model().sigma, _pose(0, 0, 0)
    views = []
    for azimuth in (-0.5, 0.5):
        R = Rotation.from_euler("y", azimuth).as_matrix()
        views.append(_view(1.1 * points, true, R, np.array([0.0, 0.0, 0.7]) - R @ true.t))
    start = HeadPose(true.R, true.t + 0.02)
    fit = fit_head(views, points, sigma, start, first=True)
    assert np.linalg.norm(fit.pose.t - true.t) < 0.02
    one = fit_head(views[:1], points, sigma, start, first=True)
    assert np.linalg.norm(one.pose.t - true.t) > 0.04


def test_the_jacobian_is_that_of_finite_differences():
    points, sigma, pose = face_model().mean[:7], face_model().sigma[:7], _pose(15, 10, -5)
    view = _view(points, _pose(10, 10, 0), Rotation.from_euler("y", 0.3).as_matrix(), np.array([0.1, 0.0, 0.1]))
    J, r = linearise(view, points @ pose.R.T, pose.t, sigma)
    scale = np.repeat(((points @ pose.R.T + pose.t) @ view.R.T + view.t)[:, 2] / sigma, 2)
    for axis in range(6):
        step = np.zeros(6)
        step[axis] = 1e-6
        R = Rotation.from_rotvec(step[:3]).as_matrix() @ pose.R
        X = (points @ R.T + pose.t + step[3:]) @ view.R.T + view.t
        moved = (view.image - X[:, :2] / X[:, 2:]).reshape(-1) * scale
        np.testing.assert_allclose(J[:, axis], -(moved - r) / 1e-6, rtol=1e-3, atol=1e-2)


def test_image_rows_are_in_standard_deviations():
    points, sigma, pose = face_model().mean, face_model().sigma, _pose(0, 0, 0)
    _, once = image_rows(_view(points, _pose(3, 0, 0)), points @ pose.R.T + pose.t, sigma)
    _, half = image_rows(_view(points, _pose(3, 0, 0)), points @ pose.R.T + pose.t, 2.0 * sigma)
    np.testing.assert_allclose(half, 0.5 * once)
