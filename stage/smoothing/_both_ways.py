"""One motion of two: solved in the order of time, and against it.

A live solver knows the past alone: it is a little late, and it needs a moment to find somebody. Solved backwards, the
same solver is as much too early, and knows at the beginning what it will have found. The middle of both is on time.
Where one of them has lost the actor, or not found it yet, the other one counts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.names import RIG_BONES
from stage.outputs.quaternions import rotate, slerp
from stage.takes.motion import Motion
from stage.takes.posing import world_joints

Floats = NDArray[np.floating]

_PELVIS = RIG_BONES.index("pelvis")
_WORTH = {"tracking": 1.0, "holding": 0.05}
_OTHER_WORTH, _LEAST_CONFIDENCE = 1e-6, 1e-3
_RANKS = ("absent", "fading", "holding", "tracking")


class _Joined(NamedTuple):
    """Samples of both at the times of either; where one has none, its nearest stands in, with no weight."""

    times_ns: NDArray[np.int64]
    first: NDArray[np.intp]
    has_first: NDArray[np.bool_]
    second: NDArray[np.intp]
    has_second: NDArray[np.bool_]

    @classmethod
    def of(cls, first_ns: NDArray[np.int64], second_ns: NDArray[np.int64]) -> _Joined:
        times_ns = np.union1d(first_ns, second_ns)
        return cls(times_ns, *_found(first_ns, times_ns), *_found(second_ns, times_ns))


def both_ways(forward: Motion, backward: Motion) -> Motion:
    """The middle of two motions of one actor, sample by sample as far as each can be trusted.

    Args:
        forward: Solved in the order of time.
        backward: Solved against it, times as they were; of the same body.
    """
    changed: dict[str, Any] = {}
    if len(forward.capture_ns) > 0 and len(backward.capture_ns) > 0:
        changed |= _body(forward, backward)
    elif len(backward.capture_ns) > 0:
        names = ("capture_ns", "root", "rotations", "joints", "rest_joints", "confidence", "state")
        changed |= {name: getattr(backward, name) for name in names}
    if len(forward.face_ns) > 0 and len(backward.face_ns) > 0:
        changed |= _face(forward, backward)
    elif len(backward.face_ns) > 0:
        changed |= {name: getattr(backward, name) for name in ("face_ns", "shapes", "head", "gaze")}
    return replace(forward, **changed)


def _body(forward: Motion, backward: Motion) -> dict[str, Any]:
    joined = _Joined.of(forward.capture_ns, backward.capture_ns)
    i, j = joined.first, joined.second
    first, second = _worth(forward, i, joined.has_first), _worth(backward, j, joined.has_second)
    share = second / (first + second)
    turn = slerp(forward.root[i, 3:], backward.root[j, 3:], share[:, :1])
    rotations = slerp(forward.rotations[i], backward.rotations[j], share[..., None])
    arm = (forward.rest_joints[_PELVIS] - forward.rest_joints[0]).astype(np.float64)
    arms = np.broadcast_to(arm, (len(turn), 3))
    pelvis = [m.root[k, :3] + rotate(m.root[k, 3:].astype(np.float64), arms) for m, k in ((forward, i), (backward, j))]
    middle = pelvis[0] + share[:, _PELVIS, None] * (pelvis[1] - pelvis[0])
    root = np.concatenate([middle - rotate(turn, arms), turn], 1).astype(np.float32)
    rotations[:, 0] = turn
    ranks = [
        np.where(has, [_RANKS.index(str(s)) if str(s) in _RANKS else 0 for s in m.state[k]], 0)
        for m, k, has in ((forward, i, joined.has_first), (backward, j, joined.has_second))
    ]
    confidence = np.maximum(
        forward.confidence[i] * joined.has_first[:, None], backward.confidence[j] * joined.has_second[:, None]
    )
    rotations = rotations.astype(np.float32)
    return {
        "capture_ns": joined.times_ns,
        "root": root,
        "rotations": rotations,
        "joints": world_joints(forward.rest_joints, root, rotations),
        "confidence": confidence.astype(np.float32),
        "state": np.array(_RANKS)[np.maximum(*ranks)].astype("<U8"),
    }


def _face(forward: Motion, backward: Motion) -> dict[str, Any]:
    joined = _Joined.of(forward.face_ns, backward.face_ns)
    i, j = joined.first, joined.second
    share = np.where(joined.has_first & joined.has_second, 0.5, np.where(joined.has_second, 1.0, 0.0))
    return {
        "face_ns": joined.times_ns,
        "shapes": _mixed(forward.shapes[i], backward.shapes[j], share),
        "head": slerp(forward.head[i], backward.head[j], share[:, None]).astype(np.float32),
        "gaze": _mixed(forward.gaze[i], backward.gaze[j], share),
    }


def _mixed(first: Any, second: Any, share: Floats) -> NDArray[np.float32]:
    part = share.reshape(-1, *[1] * (first.ndim - 1))
    return ((1.0 - part) * first + part * second).astype(np.float32)


def _worth(motion: Motion, rows: NDArray[np.intp], has: NDArray[np.bool_]) -> Floats:
    """(T, J): how much each bone of each sample counts; never 0, so that shares exist."""
    state = np.array([_WORTH.get(str(state), _OTHER_WORTH) for state in motion.state[rows]])
    confidence = np.clip(motion.confidence[rows], _LEAST_CONFIDENCE, 1.0).astype(np.float64)
    return confidence**2 * np.where(has, state, _OTHER_WORTH * _OTHER_WORTH)[:, None]


def _found(samples_ns: NDArray[np.int64], times_ns: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The sample at each time, else one near it, and whether it is at that time."""
    rows = np.minimum(np.searchsorted(samples_ns, times_ns), len(samples_ns) - 1)
    return rows, samples_ns[rows] == times_ns
