from __future__ import annotations

import numpy as np
import pytest

from protocols.names import ARKIT_SHAPES
from stage.synthetic.choreography import GRID_HZ
from stage.synthetic.face_motion import GAZE_SIDE_RAD, animate, gaze_of
from stage.synthetic.face_script import MOODS, VISEMES, FaceScript, demo_face, natural_face

SHAPE = {name: index for index, name in enumerate(ARKIT_SHAPES)}
SECONDS = 8.0


def curves_of(script: FaceScript, seconds: float = SECONDS, seed: int = 0) -> np.ndarray:
    return animate(script, round(seconds * GRID_HZ), GRID_HZ, seed=seed)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_curves_stay_in_range_are_smooth_and_loop(seed: int) -> None:
    curves = curves_of(natural_face(SECONDS, seed), seed=seed)
    closed = np.concatenate([curves, curves[:1]])
    assert curves.min() >= 0.0 and curves.max() <= 1.0
    steps = np.abs(np.diff(closed, axis=0)).max(axis=0)  # per 1/120 s
    jumping = np.array([name.startswith("EyeLook") for name in ARKIT_SHAPES])
    assert steps[~jumping].max() < 0.25  # a lid that closes
    assert steps[jumping].max() < 0.8  # eyes jump


def test_the_same_seed_gives_the_same_face_and_another_others() -> None:
    script = natural_face(SECONDS, 4)
    np.testing.assert_array_equal(curves_of(script, seed=1), curves_of(natural_face(SECONDS, 4), seed=1))
    assert np.abs(curves_of(script, seed=1) - curves_of(script, seed=2)).max() > 0.05
    assert natural_face(SECONDS, 5) != script


def test_a_scripted_blink_closes_both_lids_at_once_and_opens_them_again() -> None:
    script = FaceScript()
    script.blink(2.0)
    lids = curves_of(script)[:, SHAPE["EyeBlinkLeft"]]
    assert lids[round(2.0 * GRID_HZ)] < 0.05
    assert lids[round(2.08 * GRID_HZ)] > 0.98
    assert lids[round(2.30 * GRID_HZ)] < 0.05


def test_nobody_goes_without_blinking() -> None:
    lids = curves_of(FaceScript(), 20.0)[:, SHAPE["EyeBlinkRight"]]
    begins = np.flatnonzero((lids[1:] > 0.5) & (lids[:-1] <= 0.5)) / GRID_HZ
    assert 4 <= len(begins) <= 9
    assert np.diff(begins).min() > 1.0


@pytest.mark.parametrize("viseme", sorted(set(VISEMES) - {"."}))
def test_a_viseme_is_nearly_reached_and_left(viseme: str) -> None:
    script = FaceScript()
    end_s = script.say(1.0, viseme, pace_s=0.12)
    curves = curves_of(script)
    for shape, value in VISEMES[viseme].items():
        said = curves[round(1.12 * GRID_HZ), SHAPE[shape]]
        assert 0.7 * value - 0.02 < said < value + 0.15
        assert curves[round((end_s + 0.2) * GRID_HZ), SHAPE[shape]] < 0.2


def test_a_mood_comes_stays_and_goes() -> None:
    script = FaceScript()
    script.mood("smile", 2.0, 1.0, strength=0.5)
    smile = curves_of(script)[:, SHAPE["MouthSmileLeft"]]
    assert smile[round(1.9 * GRID_HZ)] < 0.12
    assert smile[round(2.7 * GRID_HZ)] == pytest.approx(0.5 * MOODS["smile"]["MouthSmileLeft"], abs=0.1)
    assert smile[round(3.8 * GRID_HZ)] < 0.12


def test_gaze_is_what_the_eyes_were_told_to_do_but_for_darts() -> None:
    script = FaceScript()
    script.look(0.0, 0.0, 0.0)
    script.look(2.0, 0.5 * GAZE_SIDE_RAD, -0.1)
    gaze = gaze_of(curves_of(script))
    assert gaze.shape[1:] == (2, 2)
    np.testing.assert_allclose(gaze[:, 0], gaze[:, 1], atol=1e-5)  # parallel eyes
    later = gaze[3 * GRID_HZ : 7 * GRID_HZ, 0].mean(axis=0)
    np.testing.assert_allclose(later, [0.5 * GAZE_SIDE_RAD, -0.1], atol=0.03)


def test_the_demo_begins_at_rest_and_uses_nearly_every_shape() -> None:
    curves = curves_of(demo_face(), 26.6, seed=5)
    expressive = [i for i, name in enumerate(ARKIT_SHAPES) if not name.startswith("Eye")]
    assert np.median(curves[: 2 * GRID_HZ, expressive], axis=0).max() < 0.06
    assert (curves.max(axis=0) > 0.3).sum() >= 48
