"""Laws of smoothing: what is smooth stays, noise goes, nothing is late, bones keep their length, losses are bridged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from protocols.names import ARKIT_SHAPES, RIG_BONES, RIG_PARENTS
from stage.smoothing import smoothed
from stage.takes.motion import Motion
from tests.stage.smoothing.motions import BEGAN_NS, REST, motion_of, noisy, waving

_PARENTS = np.array(RIG_PARENTS[1:])


def _lengths(motion: Motion) -> np.ndarray:
    return np.linalg.norm(motion.joints[:, 1:] - motion.joints[:, _PARENTS], axis=-1)


def _error_m(found: Motion, true: Motion) -> float:
    return float(np.linalg.norm(found.joints - true.joints, axis=-1).mean())


def _reversed(motion: Motion) -> Motion:
    rows = ("root", "rotations", "joints", "confidence", "state")
    turned = {name: getattr(motion, name)[::-1].copy() for name in rows}
    return replace(
        motion, capture_ns=(motion.capture_ns[0] + motion.capture_ns[-1]) - motion.capture_ns[::-1], **turned
    )


def test_a_steady_motion_is_left_as_it_is() -> None:
    frames = np.arange(90)[:, None]
    place = np.array([0.0, 0.0, 1.0]) + 0.05 * frames * np.array([1.0, 0.5, 0.0])
    turns = np.random.default_rng(1).normal(size=(1, len(RIG_BONES), 3)) * 0.05 * frames[..., None]
    steady = motion_of(place, turns)
    calm = smoothed(steady)
    assert np.abs(calm.joints - steady.joints).max() < 2e-5
    assert np.abs(np.abs((calm.rotations * steady.rotations).sum(-1)) - 1.0).max() < 1e-6


def test_noise_goes_and_movement_stays() -> None:
    true = waving()
    shaken = noisy(true)
    calm = smoothed(shaken)
    assert _error_m(calm, true) < 0.5 * _error_m(shaken, true)
    jitter = [float(np.abs(np.diff(m.joints, 2, axis=0)).mean()) for m in (true, calm, shaken)]
    assert jitter[1] < 1.5 * jitter[0] < 0.5 * jitter[2]


@pytest.mark.parametrize("hertz", [0.5, 1.0, 2.0])
def test_nothing_is_late(hertz: float) -> None:
    true = waving(frames=240, hertz=hertz)
    calm = smoothed(true)
    inner = slice(60, 180)
    turn = 2.0 * np.pi * hertz * (true.capture_ns[inner] - BEGAN_NS) * 1e-9
    waves = np.stack([np.sin(turn), np.cos(turn), np.ones(len(turn))], 1)
    height = calm.joints[inner, RIG_BONES.index("pelvis"), 2].astype(np.float64)
    (sine, cosine, _), *_ = np.linalg.lstsq(waves, height, rcond=None)
    assert abs(np.arctan2(cosine, sine)) / (2.0 * np.pi * hertz) < 1e-4  # seconds


def test_time_has_no_direction() -> None:
    shaken = noisy(waving())
    there, back = smoothed(shaken), _reversed(smoothed(_reversed(shaken)))
    assert np.abs(there.joints - back.joints).max() < 1e-5


def test_bones_keep_their_length_exactly() -> None:
    calm = smoothed(noisy(waving()))
    true = np.linalg.norm(REST[1:] - REST[_PARENTS], axis=-1)
    assert np.abs(_lengths(calm) - true).max() < 1e-6


def test_quaternions_are_unit_and_their_sign_says_nothing() -> None:
    shaken = noisy(waving())
    signs = np.random.default_rng(2).choice([-1.0, 1.0], shaken.rotations.shape[:2]).astype(np.float32)
    flipped = replace(shaken, rotations=shaken.rotations * signs[..., None])
    calm, same = smoothed(shaken), smoothed(flipped)
    assert np.abs(np.linalg.norm(calm.rotations, axis=-1) - 1.0).max() < 1e-6
    assert np.abs(calm.rotations - same.rotations).max() < 1e-5


def test_moments_of_loss_are_bridged() -> None:
    true = waving(frames=150)
    shaken = noisy(true, rad=0.01, metres=0.003)
    lost = slice(70, 80)  # a third of a second
    state, confidence = shaken.state.copy(), shaken.confidence.copy()
    state[lost], confidence[lost] = "holding", np.linspace(0.9, 0.1, 10)[:, None]
    root, rotations = shaken.root.copy(), shaken.rotations.copy()
    root[lost], rotations[lost] = root[69], rotations[69]
    held = replace(shaken, state=state, confidence=confidence, root=root, rotations=rotations)
    calm = smoothed(held)
    errors = [np.linalg.norm(m.joints - true.joints, axis=-1)[lost].mean() for m in (calm, motion_like(held))]
    assert errors[0] < 0.25 * errors[1]
    assert set(calm.state[lost]) == {"holding"}


def motion_like(held: Motion) -> Motion:
    """With the joints that its rotations say."""
    return smoothed(held, 1e-3)


def test_who_was_away_for_long_is_not_made_up() -> None:
    frames = 150
    state = np.full(frames, "tracking", "<U8")
    state[60:110] = "absent"
    place = np.tile([0.0, 0.0, 1.0], (frames, 1))
    place[60:] += [2.0, 0.0, 0.0]
    away = motion_of(place, np.zeros((frames, len(RIG_BONES), 3)), state=state)
    calm = smoothed(away)
    assert np.abs(calm.joints - away.joints)[75:105].max() < 0.05
    assert list(calm.state) == list(state)


def test_strength_is_how_much_goes() -> None:
    shaken = noisy(waving())
    assert smoothed(shaken, 0.0) is shaken
    jitter = [float(np.abs(np.diff(smoothed(shaken, s).joints, 2, axis=0)).mean()) for s in (0.5, 1.0, 2.0)]
    assert jitter[0] > jitter[1] > jitter[2]


@pytest.mark.parametrize("frames", [0, 1, 2, 3])
def test_short_motions_are_no_trouble(frames: int) -> None:
    short = waving(frames)
    assert smoothed(short).joints.shape == short.joints.shape


def _face(shapes: np.ndarray, rate: float = 60.0) -> Motion:
    count = len(shapes)
    return replace(
        waving(0),
        face_ns=BEGAN_NS + np.round(np.arange(count) * 1e9 / rate).astype(np.int64),
        shapes=shapes.astype(np.float32),
        head=np.tile(np.array([0, 0, 0, 1], np.float32), (count, 1)),
        gaze=np.zeros((count, 2, 2), np.float32),
    )


def test_blinks_stay_and_faces_become_calm() -> None:
    times = np.arange(240) / 60.0
    lids = [ARKIT_SHAPES.index(f"EyeBlink{side}") for side in ("Left", "Right")]
    mouth = ARKIT_SHAPES.index("MouthClose")
    true = np.full((240, 52), 0.3)
    true[:, lids] = np.exp(-(((times - 2.0) / 0.06) ** 2))[:, None]  # a usual blink: 0.1 s at half height
    true[:, mouth] = 0.8 * np.exp(-(((times - 3.0) / 0.1) ** 2))
    shaken = np.clip(true + np.random.default_rng(6).normal(size=true.shape) * 0.03, 0.0, 1.0)
    calm = smoothed(_face(shaken)).shapes
    assert calm[:, lids].max() > 0.9
    assert calm[:, mouth].max() > 0.72
    assert np.abs(calm - true).mean() < 0.5 * np.abs(shaken - true).mean()
    assert calm.min() >= 0.0
    assert calm.max() <= 1.0
