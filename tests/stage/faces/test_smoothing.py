from __future__ import annotations

import numpy as np
import pytest

from protocols.names import ARKIT_SHAPES
from stage.faces.smoothing import REGIONS, face_filter, lag_seconds
from tests.stage.faces.exact_face import BLINKS, JAW_OPEN

DT = 1.0 / 60.0


def _run(signal: np.ndarray, strength: float = 1.0, trust: float = 1.0) -> np.ndarray:
    smoother = face_filter(strength)
    return np.stack([smoother.step(np.full(len(ARKIT_SHAPES), value), DT, trust) for value in signal])


def test_a_blink_of_two_frames_comes_through():
    out = _run(np.r_[np.zeros(20), 1.0, 1.0, np.zeros(10)])[:, BLINKS]
    assert out.max() > 0.9
    assert out[24].max() < 0.1


def test_a_still_face_is_still():
    noise = np.random.default_rng(0).normal(0.3, 0.02, 900)
    out = _run(noise)[60:]
    assert out.std(0).max() < 0.01 * 1.35
    others = [i for i in range(len(ARKIT_SHAPES)) if i not in BLINKS]
    assert out[:, others].std(0).max() < 0.01


def test_the_lag_is_as_stated():
    time = np.arange(0.0, 8.0, DT)
    out = _run(0.25 + 0.25 * np.sin(2.0 * np.pi * time))[:, JAW_OPEN]
    late = time > 2.0
    shifts = np.arange(0.0, 0.08, 0.001)
    errors = [np.std(out[late] - (0.25 + 0.25 * np.sin(2.0 * np.pi * (time[late] - shift)))) for shift in shifts]
    assert shifts[int(np.argmin(errors))] == pytest.approx(lag_seconds()["Jaw"], abs=0.004)


def test_every_region_states_its_lag_and_lids_are_quickest():
    lags = lag_seconds()
    assert set(lags) == set(REGIONS)
    assert min(lags, key=lambda region: lags[region]) == "EyeBlink"
    assert max(lags.values()) < 0.05


def test_off_is_off():
    signal = np.random.default_rng(1).uniform(size=30)
    np.testing.assert_allclose(_run(signal, strength=0.0)[:, 0], signal)


def test_what_is_not_trusted_keeps_its_value():
    signal = np.r_[np.full(60, 0.2), np.full(15, 0.8)]
    sure, unsure = _run(signal, trust=1.0)[-1, JAW_OPEN], face_filter()
    for value in signal[:60]:
        unsure.step(np.full(len(ARKIT_SHAPES), value), DT)
    kept = [unsure.step(np.full(len(ARKIT_SHAPES), value), DT, 0.05) for value in signal[60:]][-1][JAW_OPEN]
    assert sure > 0.75
    assert kept < 0.4
