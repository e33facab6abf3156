from __future__ import annotations

import numpy as np
import pytest

from stage.faces.state import FADE_S, HOLD_S, FaceState, faded
from stage.faces.timeline import PATIENCE_S, FaceTimeline
from tests.stage.faces.exact_face import JAW_OPEN, coefficients


def _state(jaw: float) -> FaceState:
    return FaceState(
        "tracking",
        coefficients(JawOpen=jaw),
        np.full(52, 0.8),
        np.array([0.0, 0.0, 0.0, 1.0]),
        np.full((2, 2), 0.2 * jaw),
        ("face",),
    )


def _timeline() -> FaceTimeline:
    timeline = FaceTimeline()
    for frame in range(10):
        timeline.add(frame * 16_000_000, _state(frame / 10))
    return timeline


def test_between_two_samples_the_face_is_between_them():
    face = _timeline().at(3 * 16_000_000 + 4_000_000)
    assert face is not None
    assert face.shapes[JAW_OPEN] == pytest.approx(0.325)
    np.testing.assert_allclose(face.gaze, 0.065)


def test_after_the_newest_it_is_held_then_fades():
    newest = 9 * 16_000_000
    held = _timeline().at(newest + 30_000_000)
    holding = _timeline().at(newest + round((PATIENCE_S + 0.2) * 1e9))
    fading = _timeline().at(newest + round((PATIENCE_S + HOLD_S + 0.5 * FADE_S) * 1e9))
    absent = _timeline().at(newest + 10_000_000_000)
    assert held is not None and holding is not None and fading is not None and absent is not None
    assert (held.state, held.shapes[JAW_OPEN]) == ("tracking", pytest.approx(0.9))
    assert (holding.state, holding.shapes[JAW_OPEN]) == ("holding", pytest.approx(0.9))
    assert holding.confidence.max() < 0.8
    assert (fading.state, fading.shapes[JAW_OPEN]) == ("fading", pytest.approx(0.45))
    assert (absent.state, absent.shapes[JAW_OPEN]) == ("absent", 0.0)


def test_before_the_first_sample_there_is_no_face():
    assert FaceTimeline().at(5) is None
    timeline = FaceTimeline()
    timeline.add(100, _state(0.5))
    assert timeline.at(50) is None


def test_a_stream_that_starts_again_is_taken_up():
    timeline = _timeline()
    timeline.add(0, _state(0.4))
    face = timeline.at(1000)
    assert face is not None
    assert face.shapes[JAW_OPEN] == pytest.approx(0.4)


def test_it_forgets():
    timeline = FaceTimeline()
    for frame in range(10_000):
        timeline.add(frame, _state(0.1))
    assert timeline.at(5_000) is None


def test_a_face_fades_without_a_jump():
    last = _state(0.8)
    values = [faded(last, 0.01 * step).shapes[JAW_OPEN] for step in range(200)]
    assert np.abs(np.diff(values)).max() < 0.02
    assert values[-1] == 0.0
