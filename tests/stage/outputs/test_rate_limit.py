from __future__ import annotations

import numpy as np
import pytest

from stage.outputs.rate_limit import RateLimit

START_NS = 1_700_000_000_000_000_000


def sent(rate_hz: float, stage_hz: float, jitter_ms: float = 0.0, frames: int = 600) -> np.ndarray:
    """Numbers of the frames that are admitted."""
    rng = np.random.default_rng(0)
    times = START_NS + np.arange(frames) * 1e9 / stage_hz + rng.uniform(-jitter_ms, jitter_ms, frames) * 1e6
    limit = RateLimit(rate_hz, stage_hz)
    return np.array([number for number, time in enumerate(times.astype(np.int64).tolist()) if limit.admits(time)])


@pytest.mark.parametrize("rate_hz", [0.0, 30.0, 60.0])
def test_a_bound_that_the_stage_keeps_anyway_costs_nothing(rate_hz: float) -> None:
    assert len(sent(rate_hz, 30.0, jitter_ms=15.0)) == 600


@pytest.mark.parametrize("jitter_ms", [0.0, 3.0])
@pytest.mark.parametrize(
    ("rate_hz", "stage_hz"), [(15.0, 30.0), (20.0, 30.0), (25.0, 30.0), (10.0, 60.0), (24.0, 60.0)]
)
def test_rate_is_reached_and_not_exceeded(rate_hz: float, stage_hz: float, jitter_ms: float) -> None:
    numbers = sent(rate_hz, stage_hz, jitter_ms)
    assert len(numbers) == pytest.approx(600 * rate_hz / stage_hz, abs=2)
    assert np.diff(numbers).max() <= np.ceil(stage_hz / rate_hz)


def test_half_the_rate_is_every_other_frame_even_with_jitter() -> None:
    assert set(np.diff(sent(15.0, 30.0, jitter_ms=4.0))) == {2}


def test_gaps_and_jumps_back_start_again_at_once() -> None:
    limit = RateLimit(10.0, 30.0)
    assert limit.admits(START_NS)
    assert not limit.admits(START_NS + 33_000_000)
    assert limit.admits(START_NS + 5_000_000_000)
    assert not limit.admits(START_NS + 5_033_000_000)
    assert limit.admits(START_NS)
    assert not limit.admits(START_NS + 33_000_000)
