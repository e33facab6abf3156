from __future__ import annotations

import numpy as np

from stage.faces.neutral import Neutral

DT = 1.0 / 30.0


def _gather(frames: list[np.ndarray], seconds: float = 1.0) -> Neutral:
    neutral = Neutral(seconds)
    for frame in frames:
        neutral.add(frame, DT)
    return neutral


def _still(count: int, value: float = 1.0) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [np.full(8, value) + random.normal(0.0, 0.01, 8) for _ in range(count)]


def test_rest_is_known_after_the_wanted_seconds():
    assert _gather(_still(28)).value is None
    value = _gather(_still(32)).value
    assert value is not None
    np.testing.assert_allclose(value, 1.0, atol=0.02)


def test_blinks_do_not_count():
    frames = _still(40)
    for blink in (5, 6, 20, 21):
        frames[blink] = frames[blink] + 0.8
    value = _gather(frames).value
    assert value is not None
    np.testing.assert_allclose(value, 1.0, atol=0.02)


def test_what_is_known_is_not_measured_again():
    known = np.full(8, 3.0, np.float32)
    neutral = Neutral(1.0, known)
    assert not any(neutral.add(frame, DT) for frame in _still(60))
    assert neutral.value is known


def test_a_face_that_never_rests_gets_a_neutral_all_the_same():
    random = np.random.default_rng(1)
    frames = [random.normal(1.0, 0.3 if i % 2 else 0.01, 8) for i in range(200)]
    assert _gather(frames).value is not None


def test_numbers_that_were_never_read_stay_unknown():
    frames = [np.where(np.arange(8) < 6, frame, np.nan) for frame in _still(40)]
    frames[3][2] = np.nan
    value = _gather(frames).value
    assert value is not None
    assert np.isfinite(value).tolist() == [True] * 6 + [False] * 2


def test_zero_seconds_measure_nothing():
    assert _gather(_still(60), seconds=0.0).value is None
