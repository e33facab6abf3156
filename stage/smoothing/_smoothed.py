"""A whole motion made smooth."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.names import ARKIT_SHAPES, RIG_BONES
from stage.outputs.quaternions import rotate
from stage.smoothing._feet import planted
from stage.smoothing._spline import Spline
from stage.smoothing._trust import body_weights, bridged
from stage.takes.motion import Motion
from stage.takes.posing import world_joints

Floats = NDArray[np.floating]

BODY_HZ = 4.0
"""Half of a movement of this frequency comes through, at strength 1; of half the frequency, 94 %."""
PLACE_HZ = 3.0
"""Likewise of the pelvis' way through the room."""
FACE_HZ = {"EyeBlink": 9.0, "EyeLook": 6.0, "Jaw": 6.0, "Mouth": 6.0, "Tongue": 6.0}
"""Likewise of shapes, by the beginning of their names: a blink has 0.1 s and lips that close hardly more."""
OTHER_FACE_HZ = 4.0
GAZE_HZ = 6.0

_GAP_S = 1.0
"""What lies further apart is smoothed apart."""
_PELVIS = RIG_BONES.index("pelvis")
_STILL_RAD = 1e-7


def smoothed(motion: Motion, strength: float = 1.0) -> Motion:
    """The motion without jitter and without lag.

    Args:
        motion: Of one actor.
        strength: 1 is tuned for people; 2 lets through half the frequencies, 0.5 twice, 0 changes nothing.
    """
    if strength <= 0.0:
        return motion
    changed: dict[str, Any] = {}
    if len(motion.capture_ns) > 2:
        changed |= _body(motion, strength)
    if len(motion.face_ns) > 2:
        changed |= _face(motion, strength)
    return replace(motion, **changed)


def _body(motion: Motion, strength: float) -> dict[str, Any]:
    times_s = _seconds(motion.capture_ns)
    weights = body_weights(motion.confidence, motion.state, times_s)
    rotations = np.asarray(motion.rotations, np.float64)
    rotations = np.concatenate([motion.root[:, None, 3:], rotations[:, 1:]], 1)  # Root's own is that of `root`
    arm = (motion.rest_joints[_PELVIS] - motion.rest_joints[0]).astype(np.float64)
    pelvis = motion.root[:, :3] + rotate(rotations[:, 0], np.broadcast_to(arm, (len(rotations), 3)))
    for part in _parts(times_s):
        spline = Spline(times_s[part])
        for bone in range(rotations.shape[1]):
            q = rotations[part, bone]
            if np.abs(q - q[0]).max() > _STILL_RAD:
                density = _density(BODY_HZ / strength, times_s)
                rotations[part, bone] = spline.smoothed_rotations(q, weights[part, bone], density)
        density = _density(PLACE_HZ / strength, times_s)
        pelvis[part] = spline.smoothed(pelvis[part], weights[part, _PELVIS], density)
    rotations *= np.where(rotations[..., 3:] < 0.0, -1.0, 1.0)
    place = pelvis - rotate(rotations[:, 0], np.broadcast_to(arm, (len(rotations), 3)))
    root = np.concatenate([place, rotations[:, 0]], 1)
    rotations = planted(motion.rest_joints.astype(np.float64), root, rotations, times_s)
    state = np.where(bridged(motion.state, times_s), "holding", motion.state).astype("<U8")
    root32, rotations32 = root.astype(np.float32), rotations.astype(np.float32)
    joints = world_joints(motion.rest_joints, root32, rotations32)
    return {"root": root32, "rotations": rotations32, "joints": joints, "state": state}


def _face(motion: Motion, strength: float) -> dict[str, Any]:
    times_s = _seconds(motion.face_ns)
    shapes, head = np.array(motion.shapes, np.float64), np.array(motion.head, np.float64)
    gaze = np.array(motion.gaze, np.float64).reshape(-1, 4)
    alike = np.ones(len(times_s))
    for part in _parts(times_s):
        spline = Spline(times_s[part])
        for shape, name in enumerate(ARKIT_SHAPES):
            cutoff = next((hz for begin, hz in FACE_HZ.items() if name.startswith(begin)), OTHER_FACE_HZ)
            density = _density(cutoff / strength, times_s)
            column = shapes[part, shape : shape + 1]
            shapes[part, shape : shape + 1] = spline.smoothed(column, alike[part], density)
        head[part] = spline.smoothed_rotations(head[part], alike[part], _density(BODY_HZ / strength, times_s))
        gaze[part] = spline.smoothed(gaze[part], alike[part], _density(GAZE_HZ / strength, times_s))
    return {
        "shapes": np.clip(shapes, 0.0, 1.0).astype(np.float32),
        "head": head.astype(np.float32),
        "gaze": gaze.reshape(-1, 2, 2).astype(np.float32),
    }


def _seconds(times_ns: NDArray[np.int64]) -> Floats:
    return (times_ns - times_ns[0]) * 1e-9


def _density(cutoff_hz: float, times_s: Floats) -> float:
    """Power of the acceleration with which a spline over samples of weight 1 halves this frequency."""
    return float(np.median(np.diff(times_s))) * (2.0 * np.pi * cutoff_hz) ** 4


def _parts(times_s: Floats) -> list[slice]:
    """The stretches between gaps."""
    edges = [0, *(np.flatnonzero(np.diff(times_s) > _GAP_S) + 1), len(times_s)]
    return [slice(begin, end) for begin, end in pairwise(edges)]
