from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stage.faces.features import (
    EYES,
    EYES_SEEN,
    FEATURE_COUNT,
    POINTS,
    ROTATION,
    SIZE,
    describe,
    mirror_of_points,
    mirror_of_shapes,
    mirrored,
    reference_face,
)

RANDOM = np.random.default_rng(3)
FACE = reference_face() * 90.0 + RANDOM.normal(0.0, 1.0, (468, 3))
FACE_EYES = np.stack([FACE[[263, 362], :2].mean(0), FACE[[33, 133], :2].mean(0)])[:, None] + RANDOM.normal(
    0.0, 8.0, (2, 76, 2)
)


def _placed(points: np.ndarray, angle: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    out = np.asarray(points, np.float64).copy()
    out[..., :2] = scale * points[..., :2] @ np.array([[c, s], [-s, c]]) + shift
    if points.shape[-1] == 3:
        out[..., 2] *= scale
    return out


@given(st.floats(-1.2, 1.2), st.floats(0.2, 5.0), st.tuples(st.floats(-900, 900), st.floats(-900, 900)))
@settings(max_examples=40, deadline=None)
def test_turn_size_and_place_in_the_picture_do_not_count(
    angle: float, scale: float, shift: tuple[float, float]
) -> None:
    plain = describe(FACE, FACE_EYES)
    moved = describe(_placed(FACE, angle, scale, shift), _placed(FACE_EYES, angle, scale, shift))
    np.testing.assert_allclose(moved[POINTS], plain[POINTS], atol=1e-4)
    np.testing.assert_allclose(moved[EYES], plain[EYES], atol=2e-2)  # the turn of a head that is not quite frontal
    assert moved[SIZE] - plain[SIZE] == pytest.approx(np.log(scale), abs=1e-4)


def test_a_turned_head_shows_in_the_rotation_alone() -> None:
    c, s = np.cos(0.4), np.sin(0.4)
    turned = FACE @ np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]).T
    plain, other = describe(FACE, None), describe(turned, None)
    np.testing.assert_allclose(other[POINTS], plain[POINTS], atol=1e-4)
    assert np.linalg.norm(other[ROTATION] - plain[ROTATION]) == pytest.approx(0.4, abs=0.02)


def test_eyes_that_were_not_read_are_zero_and_said_so() -> None:
    features = describe(FACE, None)
    assert features.shape == (FEATURE_COUNT,) and features.dtype == np.float32
    assert not features[EYES].any() and features[EYES_SEEN] == 0.0
    assert describe(FACE, FACE_EYES)[EYES_SEEN] == 1.0


def test_the_mirrored_face_is_the_face_seen_in_a_mirror() -> None:
    partners = mirror_of_points(reference_face())
    flip = np.array([-1.0, 1.0, 1.0])
    in_mirror = describe(FACE[partners] * flip, (FACE_EYES * flip[:2])[::-1])
    expected = mirrored(describe(FACE, FACE_EYES), partners)
    np.testing.assert_allclose(in_mirror, expected, atol=2e-4)


def test_mirrors_are_their_own_inverse() -> None:
    for partners in (mirror_of_points(reference_face()), mirror_of_shapes()):
        assert np.array_equal(partners[partners], np.arange(len(partners)))
