"""Feet that stand stay where they stand.

A foot stands while its ball hardly moves for a moment. What is left of its movement is taken away by the leg: knee and
hip bend a little, the foot keeps its direction, bones their length. Before and after, the correction fades.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from protocols.names import RIG_BONES
from stage.outputs.quaternions import Floats, conjugate, cross, dot, multiply, normalised, rotate, shortest_arc
from stage.takes.posing import world_pose

STANDING_M_S = 0.25
STANDING_S = 0.12
FADE_S = 0.12
MOST_M = 0.03
"""A foot that would have to be moved further is not held."""

_FOLLOW_HZ = 0.25
"""So slowly may a foot that stands wander: it is held where it was seen to stand."""
_STRAIGHT = 1.0 - 1e-4
_LEGS = tuple(tuple(RIG_BONES.index(f"{bone}_{side}") for bone in ("thigh", "calf", "foot", "ball")) for side in "lr")
_PELVIS = RIG_BONES.index("pelvis")


def planted(rest_joints: Floats, root: Floats, rotations: Floats, times_s: Floats) -> Floats:
    """Rotations (T, J, 4) with feet that stand held.

    Args:
        rest_joints: (J, 3) metres.
        root: (T, 7) T_world_root.
        rotations: (T, J, 4) from rest relative to the parent.
        times_s: (T,) seconds.
    """
    G, joints = world_pose(rest_joints, root, rotations)
    out = rotations.copy()
    for thigh, calf, foot, ball in _LEGS:
        missing = corrections(joints[:, ball], times_s)
        moved = np.flatnonzero(np.any(missing != 0.0, axis=1))
        if len(moved) == 0:
            continue
        hip, knee, ankle = (joints[moved, bone] for bone in (thigh, calf, foot))
        at_knee, at_hip = _bent(hip, knee, ankle, ankle + missing[moved])
        G_thigh = multiply(at_hip, G[moved, thigh])
        G_calf = multiply(at_hip, multiply(at_knee, G[moved, calf]))
        out[moved, thigh] = multiply(conjugate(G[moved, _PELVIS]), G_thigh)
        out[moved, calf] = multiply(conjugate(G_thigh), G_calf)
        out[moved, foot] = multiply(conjugate(G_calf), G[moved, foot])
    return out


def corrections(point: Floats, times_s: Floats) -> Floats:
    """(T, 3) what moves a point (T, 3) to where it stands, faded in and out; zero where it does not stand."""
    out, worth = np.zeros(point.shape), np.zeros(len(point))
    for part in standing(point, times_s):
        missing = _anchor(point[part], times_s[part]) - point[part]
        if np.abs(missing).max() > MOST_M:
            continue
        for edge, row in ((part.start, missing[0]), (part.stop - 1, missing[-1])):
            # Beyond the edges its correction fades; between two stands the nearer one counts.
            share = np.clip(1.0 - np.abs(times_s - times_s[edge]) / FADE_S, 0.0, 1.0)
            share = share * share * (3.0 - 2.0 * share)
            share[part] = 0.0
            better = share > worth
            out[better], worth[better] = (share[:, None] * row)[better], share[better]
        out[part], worth[part] = missing, 1.0
    return out


def standing(point: Floats, times_s: Floats) -> list[slice]:
    """The stretches in which a point (T, 3) stands."""
    step = np.maximum(np.diff(times_s), 1e-9)
    speed = np.linalg.norm(np.diff(point, axis=0), axis=1) / step
    slow = np.concatenate([[False], speed < STANDING_M_S, [False]])
    edges = np.flatnonzero(np.diff(slow.astype(np.int8)))
    stretches: list[slice] = []
    for begin, end in edges.reshape(-1, 2):  # steps begin..end-1 are slow: samples begin..end
        if times_s[end] - times_s[begin] >= STANDING_S:
            stretches.append(slice(int(begin), int(end) + 1))
    return stretches


def _anchor(point: Floats, times_s: Floats) -> Floats:
    """Where a standing point is: what wanders least and still is where it was seen."""
    steps = np.diff(times_s)
    stiff = 1.0 / (np.median(steps) * steps * (2.0 * np.pi * _FOLLOW_HZ) ** 2)
    bands = np.zeros((2, len(point)))
    bands[1] = 1.0
    bands[1, :-1] += stiff
    bands[1, 1:] += stiff
    bands[0, 1:] = -stiff
    return solveh_banded(bands, point, check_finite=False)


def _bent(hip: Floats, knee: Floats, ankle: Floats, target: Floats) -> tuple[Floats, Floats]:
    """Rotations (N, 4) in the world, of the shank about the knee, then of the whole leg about the hip."""
    upper, lower = knee - hip, ankle - knee
    a, b = np.sqrt(dot(upper, upper)), np.sqrt(dot(lower, lower))
    reach = np.clip(_length(target - hip), np.abs(a - b) / _STRAIGHT, (a + b) * _STRAIGHT)
    # The angle between thigh and shank, now and for that reach (law of cosines).
    now = np.arccos(np.clip(dot(upper, lower) / (a * b), -1.0, 1.0))
    wanted = np.arccos(np.clip((reach * reach - a * a - b * b) / (2.0 * a * b), -1.0, 1.0))
    half = 0.5 * (wanted - now)
    axis = normalised(cross(upper, lower))
    at_knee = np.concatenate([axis * np.sin(half), np.cos(half)], -1)
    at_knee = np.where(_length(axis) > 0.5, at_knee, np.array([0.0, 0.0, 0.0, 1.0]))  # a leg as straight as a rod
    at_hip = shortest_arc(upper + rotate(at_knee, lower), target - hip)
    return at_knee, at_hip


def _length(v: Floats) -> NDArray[np.floating]:
    return np.sqrt(dot(v, v))
