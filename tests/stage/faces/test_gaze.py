from __future__ import annotations

import numpy as np
import pytest

from stage.faces.gaze import IRIS_RADIUS_M, gaze, iris_offsets, lids_open
from stage.faces.head_pose import HeadPose, View
from stage.networks.face import EYE_CORNERS
from tests.stage.faces.exact_face import coefficients, face_model, facing


def _view_and_irises(offset: np.ndarray) -> tuple[View, np.ndarray, HeadPose]:
    """Irises that lie (dx, dz) from the middle of their corners, seen by a camera before the face."""
    points, pose = face_model().mean, HeadPose(*facing())
    corners = np.stack([points[list(pair)].mean(0) for pair in EYE_CORNERS])
    irises = corners + np.array([offset[0], 0.0, offset[1]])

    def seen(X: np.ndarray) -> np.ndarray:
        X = X @ pose.R.T + pose.t
        return X[:, :2] / X[:, 2:]

    return View(seen(points), np.eye(3), np.zeros(3)), seen(irises), pose


def test_offsets_of_irises_are_found_in_head_axes():
    for offset in ([0.0, 0.0], [0.004, 0.0], [-0.003, 0.002]):
        view, irises, pose = _view_and_irises(np.array(offset))
        found = iris_offsets(view, irises, pose, face_model().mean)
        np.testing.assert_allclose(found, np.tile(offset, (2, 1)), atol=7e-4)


def test_a_look_to_the_left_and_up_is_positive():
    looks = gaze(
        coefficients(EyeLookOutLeft=0.5, EyeLookInRight=0.5, EyeLookUpLeft=0.4, EyeLookUpRight=0.4), None, None
    )
    assert (looks > 0.1).all()
    away = gaze(
        coefficients(EyeLookInLeft=0.5, EyeLookOutRight=0.5, EyeLookDownLeft=0.4, EyeLookDownRight=0.4), None, None
    )
    assert (away < -0.1).all()


def test_irises_and_coefficients_are_averaged():
    rest = np.zeros((2, 2))
    moved = np.array([[0.5 * IRIS_RADIUS_M, 0.0], [0.5 * IRIS_RADIUS_M, 0.0]])
    looks = gaze(coefficients(), moved, rest)
    np.testing.assert_allclose(looks[:, 0], 0.5 * np.arcsin(0.5), atol=1e-6)
    np.testing.assert_allclose(looks[:, 1], 0.0, atol=1e-9)


def test_without_a_rest_the_irises_say_nothing():
    offsets = np.full((2, 2), 0.005)
    np.testing.assert_array_equal(gaze(coefficients(), offsets, None), 0.0)


def test_closed_lids_hide_the_iris():
    assert lids_open(coefficients(EyeBlinkLeft=1.0)).tolist() == [0.0, 1.0]
    shut = gaze(coefficients(EyeBlinkLeft=1.0, EyeBlinkRight=1.0), np.full((2, 2), 0.005), np.zeros((2, 2)))
    assert shut == pytest.approx(np.zeros((2, 2)))
