from __future__ import annotations

import cv2
import numpy as np
import pytest

from stage.cameras.camera import DISTORTION_LENGTHS, Camera
from stage.cameras.geometry import (
    distort,
    distort_with_jacobian,
    lens_radius,
    project,
    rays,
    to_camera,
    to_pixels,
    undistort,
    visible,
)

SIZES = np.array([0.1, 0.05, 2e-3, 2e-3, 0.02, 0.05, 0.02, 0.01, 2e-3, 1e-3, 2e-3, 1e-3, 0.02, 0.02])
LENGTHS = [n for n in DISTORTION_LENGTHS if n > 0]


def random_camera(coefficients: int, seed: int = 0) -> Camera:
    rng = np.random.default_rng(seed)
    R, _ = cv2.Rodrigues(rng.normal(0.0, 0.3, 3))
    K = np.array([[900.0, 0.0, 640.0], [0.0, 905.0, 350.0], [0.0, 0.0, 1.0]])
    return Camera("c", 1280, 720, K, rng.normal(0, 1, coefficients) * SIZES[:coefficients], R, [0.1, 0.2, 3.0])  # type: ignore[arg-type]


@pytest.mark.parametrize("coefficients", [0, *LENGTHS])
@pytest.mark.parametrize("seed", range(3))
def test_projects_as_opencv_does(coefficients: int, seed: int) -> None:
    camera = random_camera(coefficients, seed)
    points = np.random.default_rng(7).uniform(-1, 1, (200, 3))
    pixels, depth = project(camera, points)
    rvec, _ = cv2.Rodrigues(camera.R_camera_world)
    lens = camera.distortion if coefficients else None
    expected, _ = cv2.projectPoints(points, rvec, camera.t_camera_world, camera.K, lens)
    np.testing.assert_allclose(pixels, expected[:, 0], atol=1e-9)
    np.testing.assert_allclose(depth, to_camera(camera, points)[:, 2])


@pytest.mark.parametrize("coefficients", LENGTHS)
def test_undistort_inverts_the_lens(coefficients: int) -> None:
    camera = random_camera(coefficients)
    pixels = np.random.default_rng(3).uniform((0, 0), (1280, 720), (300, 2))
    np.testing.assert_allclose(to_pixels(camera, undistort(camera, pixels)), pixels, atol=1e-9)


@pytest.mark.parametrize("coefficients", LENGTHS)
def test_jacobian_is_that_of_finite_differences(coefficients: int) -> None:
    lens = random_camera(coefficients).distortion
    xy = np.random.default_rng(5).uniform(-0.5, 0.5, (50, 2))
    bent, J = distort_with_jacobian(lens, xy)
    np.testing.assert_array_equal(bent, distort(lens, xy))
    step = 1e-6
    columns = [(distort(lens, xy + d) - distort(lens, xy - d)) / (2 * step) for d in step * np.eye(2)]
    np.testing.assert_allclose(J, np.stack(columns, axis=-1), atol=1e-8)


def test_rays_pass_through_the_points_they_came_from() -> None:
    camera = random_camera(5)
    points = np.random.default_rng(2).uniform(-1, 1, (4, 33, 3))
    pixels, _ = project(camera, points)
    directions = rays(camera, pixels)
    away = points - camera.center_world
    np.testing.assert_allclose(np.linalg.norm(np.cross(away, directions), axis=-1), 0.0, atol=1e-9)
    assert (np.sum(away * directions, axis=-1) > 0).all()


def test_skewed_pixels_are_undone_too() -> None:
    camera = random_camera(4)
    K = camera.K.copy()
    K[0, 1] = 3.0
    skewed = Camera("s", 1280, 720, K, camera.distortion, camera.R_camera_world, camera.t_camera_world)
    pixels = np.array([[10.0, 20.0], [600.0, 500.0]])
    np.testing.assert_allclose(to_pixels(skewed, undistort(skewed, pixels)), pixels, atol=1e-9)


def test_a_point_beyond_the_fold_of_the_lens_is_not_visible() -> None:
    K = np.array([[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], [0.0, 0.0, 1.0]])
    camera = Camera("c", 640, 480, K, np.array([-0.3, 0.0, 0.0, 0.0]), np.eye(3), np.zeros(3))
    fold = lens_radius(camera.distortion)
    assert fold == pytest.approx(np.sqrt(1 / 0.9))
    beyond = np.array([1.8, 0.0, 1.0])
    pixels, _ = project(camera, beyond)
    assert 0 < pixels[0] < 640, "the polynomial folds it back into the picture"
    points = np.array([beyond, [0.1, 0.1, 1.0], [0.0, 0.0, -1.0], [3.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    assert visible(camera, points).tolist() == [False, True, False, False, False]


def test_pixels_without_an_inverse_are_nan_and_do_not_disturb_others() -> None:
    camera = Camera("c", 640, 480, np.diag([600.0, 600.0, 1.0]), np.array([-0.3, 0, 0, 0]), np.eye(3), np.zeros(3))
    xy = undistort(camera, [[0.0, 0.0], [600.0, 0.0], [np.nan, 1.0], [60.0, 60.0]])
    assert np.isnan(xy).any(axis=-1).tolist() == [False, True, True, False]


def test_points_behind_have_negative_depth_and_nothing_is_infinite() -> None:
    camera = Camera("c", 640, 480, np.diag([600.0, 600.0, 1.0]), np.zeros(0), np.eye(3), np.zeros(3))
    pixels, depth = project(camera, [[0.1, 0.1, -1.0], [0.0, 0.0, 0.0], [0.1, 0.1, 1.0]])
    assert np.isfinite(pixels).all()
    assert depth.tolist() == [-1.0, 0.0, 1.0]
