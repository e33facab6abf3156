"""What the accuracy benchmarks share: solve a stage offline, compare with what really happened."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from msgspec.structs import replace

from benchmarks.report import progress
from protocols.names import COCO_KEYPOINTS
from stage.bodies.body import load_body
from stage.config import Config
from stage.networks.load import load_reader
from stage.offline import Result, load_result, solve
from stage.offline._pictures import Recordings
from stage.offline._solve import solved_framesets
from stage.solving.assembly import make_solver
from stage.solving.people import Person

COCO_OF_NETWORK = np.array([0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28])
"""The network's point for each COCO keypoint."""


def solved(config: Config, folder: Path) -> Result:
    """Solve from scratch: no profile is read or left."""
    actors = tuple(replace(actor, profile=str(folder / actor.id)) for actor in config.actors)
    solve(replace(config, actors=actors), folder / "result.npz", report=progress)
    return load_result(folder / "result.npz")


def raw_network_points(config: Config) -> np.ndarray:
    """(T, 17, 3): per-frame triangulation of the raw network points by plain linear least squares (DLT)."""
    body, reader = load_body(), load_reader(config)
    found: list[np.ndarray] = []
    with Recordings(config) as recordings:
        solver = make_solver(config, body, recordings.sizes)
        for solved_one in solved_framesets(recordings.pictures(), reader, solver):
            best: dict[int, Person] = {}
            for person in solver.rig.people(solved_one.frameset.views):
                best.setdefault(person.camera, person)
            found.append(_linear(list(best.values()), solver.rig.R, solver.rig.t))
    return np.stack(found)[:, COCO_OF_NETWORK]


def _linear(people: list[Person], R: np.ndarray, t: np.ndarray) -> np.ndarray:
    """(33, 3): homogeneous linear triangulation, every view alike (Hartley and Zisserman, 12.2)."""
    if len(people) < 2:
        return np.full((33, 3), np.nan)
    P = np.concatenate([R, t[:, :, None]], 2)
    rows = [
        person.image[:, axis, None] * P[person.camera, 2] - P[person.camera, axis]
        for person in people
        for axis in (0, 1)
    ]
    _, _, Vt = np.linalg.svd(np.stack(rows, 1))
    return Vt[:, -1, :3] / Vt[:, -1, 3:]


def lag_frames(found: np.ndarray, true: np.ndarray) -> float:
    """Delay of positions (T, N, 3) behind the truth, frames, by cross-correlation of velocities, parabolic peak."""
    a, b = (np.diff(x - x.mean(0), axis=0).reshape(len(x) - 1, -1) for x in (found, true))
    shifts = range(-4, 5)
    scores = np.array([_correlation(a[4 + s : len(a) - 4 + s], b[4 : len(b) - 4]) for s in shifts])
    peak = int(np.clip(scores.argmax(), 1, len(scores) - 2))
    left, middle, right = scores[peak - 1 : peak + 2]
    return float(shifts[peak] + 0.5 * (left - right) / (left - 2 * middle + right))


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def nearest_frames(capture_ns: np.ndarray, true_ns: np.ndarray) -> np.ndarray:
    """Index of the true frame of each solved one."""
    return np.abs(true_ns[None] - capture_ns[:, None]).argmin(1)


__all__ = ["COCO_KEYPOINTS", "lag_frames", "nearest_frames", "raw_network_points", "solved"]
