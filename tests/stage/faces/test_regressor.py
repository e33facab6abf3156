from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from protocols.names import ARKIT_SHAPES
from stage.errors import NetworkError
from stage.faces.features import EYES, EYES_SEEN, FEATURE_COUNT, POINTS, WEIGHTS, describe, reference_face
from stage.faces.learn import Arguments, learn
from stage.faces.regressor import FaceRegressor
from stage.faces.rows import Described

REGRESSOR = FaceRegressor.load()
RANDOM = np.random.default_rng(8)
REST = describe(reference_face() * 80.0, np.zeros((2, 76, 2)) + 50.0)


def _window(spread: float) -> np.ndarray:
    return REST + spread * RANDOM.standard_normal((REGRESSOR.window, FEATURE_COUNT)).astype(np.float32)


def test_values_and_confidence_are_fractions() -> None:
    for spread in (0.0, 0.01, 0.1, 10.0):
        values, confidence = REGRESSOR.coefficients(_window(spread), REST)
        assert values.shape == confidence.shape == (len(ARKIT_SHAPES),)
        for part in (values, confidence):
            assert part.min() >= 0.0 and part.max() <= 1.0


def test_the_same_reading_gives_the_same_values() -> None:
    window = _window(0.02)
    first, again = REGRESSOR.coefficients(window, REST), REGRESSOR.coefficients(window.copy(), REST.copy())
    assert np.array_equal(first.values, again.values) and np.array_equal(first.confidence, again.confidence)


def test_one_frame_and_no_neutral_will_do() -> None:
    values, _ = REGRESSOR.coefficients(_window(0.01)[:1], None)
    assert np.isfinite(values).all()


def test_an_unheard_of_reading_is_not_trusted() -> None:
    usual = REGRESSOR.coefficients(np.repeat(REST[None], 3, 0), REST).confidence
    strange = np.repeat(REST[None], 3, 0)
    strange[:, POINTS] += 0.5 * RANDOM.standard_normal(POINTS.stop)
    assert REGRESSOR.coefficients(strange, REST).confidence.mean() < 0.2 * usual.mean()


def test_eye_shapes_are_trusted_less_without_eyes() -> None:
    blind = np.repeat(REST[None], 3, 0)
    blind[:, EYES] = 0.0
    blind[:, EYES_SEEN] = 0.0
    blink = ARKIT_SHAPES.index("EyeBlinkLeft")
    assert (
        REGRESSOR.coefficients(blind, REST).confidence[blink]
        < REGRESSOR.coefficients(np.repeat(REST[None], 3, 0), REST).confidence[blink]
    )


def test_it_is_quick_and_small() -> None:
    window, durations = _window(0.01), []
    for _ in range(40):
        begin = time.process_time_ns()
        REGRESSOR.coefficients(window, REST)
        durations.append(time.process_time_ns() - begin)
    assert min(durations) < 2e6
    assert WEIGHTS.stat().st_size < 4e6


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "regressor.npz"
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(NetworkError, match="cannot be read"):
        FaceRegressor.load(path)


def test_learning_finds_what_is_linear(tmp_path: Path) -> None:
    """Readings made of coefficients by a fixed linear effect: the learned file gives them back."""
    count, people = 1200, 40
    effect = RANDOM.standard_normal((len(ARKIT_SHAPES), EYES.stop)).astype(np.float32) * 0.02
    truth = (RANDOM.random((count, 52)) * (RANDOM.random((count, 52)) < 0.2)).astype(np.float32)
    now = np.repeat(REST[None], count, 0) + 1e-3 * RANDOM.standard_normal((count, FEATURE_COUNT)).astype(np.float32)
    now[:, EYES_SEEN] = 1.0
    neutral = now.copy()
    now[:, : EYES.stop] += truth @ effect
    rows = Described(now, now, neutral, truth, np.repeat(np.arange(people), count // people))
    arguments = Arguments(folder=tmp_path, epochs=25, members=1, hidden=(96, 64), directions=(60, 20, 4), batch=64)
    learned = learn(rows, reference_face(), arguments, lambda _: None)
    path = tmp_path / "learned.npz"
    np.savez(path, allow_pickle=False, **learned)
    regressor = FaceRegressor.load(path)
    held = rows.person % 10 == 9
    values, _ = regressor.run(now[held], now[held], neutral[held])
    assert np.corrcoef(values.ravel(), truth[held].ravel())[0, 1] > 0.6
