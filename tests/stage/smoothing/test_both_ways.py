"""The middle of a solve forwards and one backwards: on time, and whoever sees the actor counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stage.smoothing import both_ways
from stage.takes.motion import Motion
from tests.stage.smoothing.motions import waving


def _late(motion: Motion, frames: int) -> Motion:
    """As a solver shows it that is so many frames late (early below 0)."""
    rows = np.clip(np.arange(len(motion.capture_ns)) - frames, 0, len(motion.capture_ns) - 1)
    arrays = {name: getattr(motion, name)[rows] for name in ("root", "rotations", "joints")}
    return replace(motion, **arrays)


def _some(motion: Motion, rows: slice) -> Motion:
    names = ("capture_ns", "root", "rotations", "joints", "confidence", "state")
    return replace(motion, **{name: getattr(motion, name)[rows] for name in names})


def test_late_and_early_make_on_time() -> None:
    true = waving()
    middle = both_ways(_late(true, 1), _late(true, -1))
    errors = [np.linalg.norm(m.joints - true.joints, axis=-1)[2:-2].mean() for m in (middle, _late(true, 1))]
    assert errors[0] < 0.15 * errors[1]


def test_the_same_twice_is_the_same() -> None:
    true = waving()
    assert np.abs(both_ways(true, true).joints - true.joints).max() < 1e-5


def test_who_has_found_the_actor_counts() -> None:
    true = waving()
    first, second = _some(true, slice(20, None)), _some(true, slice(0, 100))
    middle = both_ways(first, second)
    assert np.array_equal(middle.capture_ns, true.capture_ns)
    assert np.abs(middle.joints - true.joints).max() < 1e-5


def test_who_has_lost_the_actor_does_not() -> None:
    true = waving()
    state, joints, root = true.state.copy(), true.joints.copy(), true.root.copy()
    state[40:50], root[40:50, 0] = "fading", 3.0
    lost = replace(true, state=state, joints=joints, root=root)
    for middle in (both_ways(lost, true), both_ways(true, lost)):
        assert np.abs(middle.joints - true.joints).max() < 1e-3
        assert set(middle.state) == {"tracking"}


def test_one_alone_is_itself() -> None:
    true, nothing = waving(), waving(0)
    assert np.array_equal(both_ways(true, nothing).joints, true.joints)
    assert np.array_equal(both_ways(nothing, true).joints, true.joints)
