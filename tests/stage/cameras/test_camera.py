from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage.cameras.camera import Camera
from stage.cameras.geometry import project
from stage.errors import CalibrationError

K = np.array([[900.0, 0.0, 640.0], [0.0, 905.0, 350.0], [0.0, 0.0, 1.0]])
R = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
T = np.array([0.1, 0.2, 3.0])


def camera(**changes: object) -> Camera:
    fields: dict[str, object] = {
        "id": "left",
        "width": 1280,
        "height": 720,
        "K": K,
        "distortion": [-0.1, 0.02, 0.001, -0.002, 0.01],
        "R_camera_world": R,
        "t_camera_world": T,
    }
    return Camera(**{**fields, **changes})  # type: ignore[arg-type]


def test_transforms_chain() -> None:
    one = camera()
    np.testing.assert_allclose(one.T_camera_world @ one.T_world_camera, np.eye(4), atol=1e-12)
    np.testing.assert_allclose(one.R_camera_world @ one.center_world + one.t_camera_world, 0.0, atol=1e-12)


def test_arrays_are_read_only_copies() -> None:
    given_K = K.copy()
    one = camera(K=given_K)
    given_K[0, 0] = 1.0
    assert one.K[0, 0] == 900.0
    with pytest.raises(ValueError, match="read-only"):
        one.K[0, 0] = 1.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"K": np.zeros((3, 3))}, "singular"),
        ({"K": np.diag([900.0, 0.0, 1.0])}, "singular"),
        ({"K": np.full((3, 3), np.nan)}, "not finite"),
        ({"K": [[1.0, 2.0], [3.0, 4.0]]}, "shape"),
        ({"K": "what"}, "not made of numbers"),
        ({"K": [[1.0, 2.0], [3.0]]}, "not made of numbers"),
        ({"R_camera_world": np.zeros((3, 3))}, "no rotation"),
        ({"R_camera_world": np.diag([1.0, 1.0, -1.0])}, "no rotation"),
        ({"R_camera_world": 1.1 * R}, "no rotation"),
        ({"R_camera_world": np.full((3, 3), np.inf)}, "not finite"),
        ({"t_camera_world": [1.0, 2.0]}, "shape"),
        ({"distortion": [0.1, 0.2, 0.3]}, "3 distortion coefficients"),
        ({"width": 0}, "no size"),
        ({"width": -4, "height": -3}, "no size"),
    ],
)
def test_a_camera_that_cannot_be_used_is_refused_in_one_line(changes: dict[str, object], words: str) -> None:
    with pytest.raises(CalibrationError, match=words) as caught:
        camera(**changes)
    assert "'left'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_rounded_rotations_become_exact_and_exact_ones_stay() -> None:
    rounded = camera(R_camera_world=R + 3e-5 * np.array([[1, 2, -1], [0, 1, 1], [-1, 0, 2]])).R_camera_world
    np.testing.assert_allclose(rounded @ rounded.T, np.eye(3), atol=1e-14)
    assert (camera().R_camera_world == R).all()


@given(scale=st.floats(0.2, 4.0))
def test_scaling_moves_pixels_like_the_image(scale: float) -> None:
    width, height = round(1280 * scale), round(720 * scale)
    big = camera()
    small = big.scaled_to(width, height)
    points = np.random.default_rng(1).uniform(-1, 1, (50, 3))
    before, _ = project(big, points)
    after, _ = project(small, points)
    even = min(width / 1280, height / 720)
    border = (np.array([width, height]) - even * np.array([1280, 720])) / 2
    # The image's corner is half a pixel before the centre of its first pixel.
    np.testing.assert_allclose(after + 0.5, even * (before + 0.5) + border, rtol=1e-9, atol=1e-6)


def test_the_same_size_is_the_same_camera() -> None:
    one = camera()
    assert one.scaled_to(1280, 720) is one


def test_another_aspect_is_refused_with_both_sizes() -> None:
    with pytest.raises(CalibrationError, match=r"640x480 .* 1280x720"):
        camera().scaled_to(640, 480)


def test_without_a_stated_size_any_is_taken() -> None:
    unknown = camera(width=0, height=0)
    known = unknown.scaled_to(1280, 720)
    assert (known.width, known.height) == (1280, 720)
    assert (known.K == K).all()
