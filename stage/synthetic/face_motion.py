"""A face script becomes 52 curves.

    shapes(t) = 1 - (1 - moods(t)) (1 - speech(t)),  then lids, gaze and unrest

Moods and speech are laid over each other so that the sum stays within [0, 1]. Speech goes from viseme to viseme
without overshoot, smoothed by as much as lips need to get there, so that neighbours colour each other. Lids close in
70 ms and open in 150 ms; blinks that nobody scripted come every few seconds and with large jumps of the eyes. Eyes
jump in 40 ms, then stay but for small darts. Everything is periodic in time, as the poses of a looping script are.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d

from protocols.names import ARKIT_SHAPES
from stage.synthetic.face_script import FaceScript, Mood
from stage.synthetic.raster import Floats

SHAPE = {name: index for index, name in enumerate(ARKIT_SHAPES)}
SHAPE_COUNT = len(ARKIT_SHAPES)

GAZE_SIDE_RAD, GAZE_UP_RAD, GAZE_DOWN_RAD = 0.238, 0.159, 0.180
"""How far the body model's eyes turn at full EyeLookIn or Out, Up and Down."""

_CLOSE_S, _SHUT_S, _OPEN_S = 0.07, 0.02, 0.15
_JUMP_S = 0.04
_LIPS_S = 0.028
"""Deviation of the smoothing of speech."""
_BLINK_EVERY_S = 3.2
_DART_EVERY_S = 0.7
_DART_RAD = 0.025
_LARGE_JUMP_RAD = 0.22
_UNREST = {
    "BrowInnerUp": 0.05, "BrowOuterUpLeft": 0.03, "BrowOuterUpRight": 0.03, "BrowDownLeft": 0.03, "BrowDownRight": 0.03,
    "EyeSquintLeft": 0.04, "EyeSquintRight": 0.04, "MouthPressLeft": 0.04, "MouthPressRight": 0.04, "JawOpen": 0.012,
    "MouthSmileLeft": 0.03, "MouthSmileRight": 0.03, "MouthShrugLower": 0.03,
}  # fmt: skip
"""How much living skin moves while nothing happens."""


def animate(script: FaceScript, count: int, hz: int, *, seed: int = 0) -> Floats:
    """The curves of one loop of a script: (count, 52) float32 in [0, 1].

    Args:
        script: What the face does.
        count: How many instants; the loop lasts `count / hz`.
        hz: Instants per second.
        seed: Of what nobody scripted.
    """
    random = np.random.default_rng(seed)
    times, period = np.arange(count) / hz, count / hz
    curves = 1.0 - (1.0 - _moods(script.moods, times, period)) * (1.0 - _speech(script, times, period, hz))
    for name, amount in _UNREST.items():
        unrest = gaussian_filter1d(random.standard_normal(count), 0.4 * hz, mode="wrap") * np.sqrt(0.4 * hz) * 1.9
        curves[:, SHAPE[name]] += amount * np.maximum(unrest, 0.0)
    yaw, pitch, jumps = _gaze(script, times, period, random)
    _add_gaze(curves, yaw, pitch)
    lids = _lids(_all_blinks(script.blinks, jumps, period, random), times, period)
    for shape in ("EyeBlinkLeft", "EyeBlinkRight"):
        curves[:, SHAPE[shape]] = np.maximum(curves[:, SHAPE[shape]], lids)
    # A closed lid has nothing left to squint or to open wide.
    for side in ("Left", "Right"):
        closed = curves[:, SHAPE[f"EyeBlink{side}"]]
        curves[:, SHAPE[f"EyeWide{side}"]] *= 1.0 - closed
    return np.clip(curves, 0.0, 1.0).astype(np.float32)


def gaze_of(curves: Floats) -> Floats:
    """(T, 2, 2) radians: yaw (positive to the performer's left) and pitch (positive up) of left and right eye."""
    out = np.empty((len(curves), 2, 2), np.float32)
    for eye, (side, left, right) in enumerate((("Left", "Out", "In"), ("Right", "In", "Out"))):
        look = {name: curves[:, SHAPE[f"EyeLook{name}{side}"]] for name in ("In", "Out", "Up", "Down")}
        out[:, eye, 0] = GAZE_SIDE_RAD * (look[left] - look[right])
        out[:, eye, 1] = GAZE_UP_RAD * look["Up"] - GAZE_DOWN_RAD * look["Down"]
    return out


def _moods(moods: list[Mood], times: Floats, period: float) -> Floats:
    curves = np.zeros((len(times), SHAPE_COUNT))
    for mood in moods:
        since = (times - mood.begin_s) % period
        gone = mood.come_s + mood.stay_s
        amount = _ease(since / mood.come_s) * (1.0 - _ease((since - gone) / mood.go_s))
        for shape, value in mood.shapes.items():
            column = SHAPE[shape]
            curves[:, column] = 1.0 - (1.0 - curves[:, column]) * (1.0 - value * amount)
    return curves


def _speech(script: FaceScript, times: Floats, period: float, hz: int) -> Floats:
    curves = np.zeros((len(times), SHAPE_COUNT))
    if len(script.visemes) == 0:
        return curves
    spoken = dict(sorted(script.visemes, key=lambda viseme: viseme[0]))  # a later one at the same time wins
    at = np.array(list(spoken))
    values = np.zeros((len(at), SHAPE_COUNT))
    for row, shapes in enumerate(spoken.values()):
        for shape, value in shapes.items():
            values[row, SHAPE[shape]] = value
    around = np.concatenate([at - period, at, at + period])
    curves = PchipInterpolator(around, np.tile(values, (3, 1)))(times)
    return gaussian_filter1d(curves, _LIPS_S * hz, axis=0, mode="wrap")


def _gaze(
    script: FaceScript, times: Floats, period: float, random: np.random.Generator
) -> tuple[Floats, Floats, list[float]]:
    """Yaw and pitch (T,) and the times of large jumps."""
    looks = sorted(script.looks) or [(0.0, 0.0, 0.0)]
    darts = [(at, *random.normal(0.0, _DART_RAD, 2)) for at in _spread(period, _DART_EVERY_S, random)]
    place = np.array([looks[-1][1], looks[-1][2]])  # the loop begins as it ends
    gaze, large = np.tile(place, (len(times), 1)), []
    for at, *target in looks:
        jump = np.array(target) - place
        gaze += _ease((times - at) / _JUMP_S)[:, None] * jump
        if np.linalg.norm(jump) > _LARGE_JUMP_RAD:
            large.append(at)
        place = np.array(target)
    dart = np.array([darts[-1][1], darts[-1][2]]) if darts else np.zeros(2)
    gaze += dart
    for at, *target in darts:
        gaze += _ease((times - at) / _JUMP_S)[:, None] * (np.array(target) - dart)
        dart = np.array(target)
    return gaze[:, 0], gaze[:, 1], large


def _add_gaze(curves: Floats, yaw: Floats, pitch: Floats) -> None:
    left, right = np.maximum(yaw, 0.0) / GAZE_SIDE_RAD, np.maximum(-yaw, 0.0) / GAZE_SIDE_RAD
    for side, towards_left in (("Left", "Out"), ("Right", "In")):
        curves[:, SHAPE[f"EyeLook{towards_left}{side}"]] = left
        curves[:, SHAPE[f"EyeLook{'In' if towards_left == 'Out' else 'Out'}{side}"]] = right
        curves[:, SHAPE[f"EyeLookUp{side}"]] = np.maximum(pitch, 0.0) / GAZE_UP_RAD
        curves[:, SHAPE[f"EyeLookDown{side}"]] = np.maximum(-pitch, 0.0) / GAZE_DOWN_RAD


def _all_blinks(scripted: list[float], jumps: list[float], period: float, random: np.random.Generator) -> list[float]:
    """Scripted blinks, those that come with jumps of the eyes, and the usual ones where none is near."""
    blinks = list(scripted)
    for candidate in (*jumps, *_spread(period, _BLINK_EVERY_S, random)):
        if all(abs(np.remainder(candidate - other + 0.5 * period, period) - 0.5 * period) > 1.0 for other in blinks):
            blinks.append(candidate)
    return blinks


def _lids(blinks: list[float], times: Floats, period: float) -> Floats:
    """(T,) how far the lids are closed."""
    lids = np.zeros(len(times))
    for blink in blinks:
        since = (times - blink) % period
        lids = np.maximum(lids, _ease(since / _CLOSE_S) * (1.0 - _ease((since - _CLOSE_S - _SHUT_S) / _OPEN_S)))
    return lids


def _spread(period: float, every_s: float, random: np.random.Generator) -> list[float]:
    """Times that are about `every_s` apart, irregularly."""
    count = max(1, round(period / every_s))
    return list((np.arange(count) + random.uniform(0.2, 0.8, count)) * period / count)


def _ease(share: Floats) -> Floats:
    clipped = np.clip(share, 0.0, 1.0)
    return clipped * clipped * (3.0 - 2.0 * clipped)
