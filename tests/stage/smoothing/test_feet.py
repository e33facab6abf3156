"""Feet that stand are held where they stand; those that go are left alone."""

from __future__ import annotations

import numpy as np

from protocols.names import RIG_BONES
from stage.smoothing._feet import MOST_M, corrections, planted, standing
from stage.takes.posing import world_pose
from tests.stage.smoothing.motions import REST

_TIMES = np.arange(90) / 30.0


def _step() -> np.ndarray:
    """A foot that stands a second, steps half a metre, and stands again, trembling."""
    way = np.clip((_TIMES - 1.0) / 0.5, 0.0, 1.0)
    point = np.zeros((90, 3))
    point[:, 0] = 0.5 * way * way * (3.0 - 2.0 * way)
    point[:, 2] = 0.1 * np.sin(np.pi * way)
    return point + 0.002 * np.sin(40.0 * _TIMES)[:, None]


def test_stands_are_found() -> None:
    first, second = standing(_step(), _TIMES)
    assert first.start == 0
    assert abs(_TIMES[first.stop - 1] - 1.0) < 0.15
    assert abs(_TIMES[second.start] - 1.5) < 0.15
    assert second.stop == 90


def test_a_standing_foot_is_still_and_a_moving_one_goes_on() -> None:
    point = _step()
    missing = corrections(point, _TIMES)
    held = point + missing
    for part in (slice(0, 26), slice(50, 90)):
        assert np.abs(np.diff(held[part], axis=0)).max() < 0.2 * np.abs(np.diff(point[part], axis=0)).max()
    assert np.abs(missing).max() <= MOST_M
    assert np.abs(np.diff(held, axis=0)).max() < 1.2 * np.abs(np.diff(point, axis=0)).max()
    assert not missing[36:40].any()


def test_legs_take_the_correction_and_keep_lengths_and_directions() -> None:
    rest = REST.astype(np.float64).copy()
    for side in "lr":
        for name, place in (("thigh", (0.1, 0.0, 0.9)), ("calf", (0.1, -0.02, 0.5)), ("foot", (0.1, 0.0, 0.1))):
            rest[RIG_BONES.index(f"{name}_{side}")] = np.array(place) * [1 if side == "l" else -1, 1, 1]
        rest[RIG_BONES.index(f"ball_{side}")] = [0.1 if side == "l" else -0.1, -0.12, 0.02]
    rest[0], rest[1] = (0.0, 0.0, 0.0), (0.0, 0.0, 1.0)
    sway = 0.01 * np.sin(2.0 * np.pi * 0.7 * _TIMES)
    root = np.zeros((90, 7))
    root[:, 0], root[:, 2], root[:, 6] = sway, -0.05 + sway, 1.0
    rotations = np.tile([0.0, 0.0, 0.0, 1.0], (90, len(RIG_BONES), 1))
    half = 0.15
    for side in "lr":  # bent knees
        rotations[:, RIG_BONES.index(f"thigh_{side}")] = [-np.sin(half), 0.0, 0.0, np.cos(half)]
        rotations[:, RIG_BONES.index(f"calf_{side}")] = [np.sin(2 * half), 0.0, 0.0, np.cos(2 * half)]
    G, joints = world_pose(rest, root, rotations)
    G_held, held = world_pose(rest, root, planted(rest, root, rotations, _TIMES))
    ball, foot = RIG_BONES.index("ball_l"), RIG_BONES.index("foot_l")
    assert np.abs(np.diff(held[:, ball], axis=0)).max() < 0.3 * np.abs(np.diff(joints[:, ball], axis=0)).max()
    assert np.abs(np.abs((G_held[:, foot] * G[:, foot]).sum(-1)) - 1.0).max() < 1e-9
    others = [bone for bone, name in enumerate(RIG_BONES) if not name.startswith(("calf", "foot", "ball"))]
    assert np.abs(held[:, others] - joints[:, others]).max() < 1e-9
