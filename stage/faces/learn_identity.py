"""Learn whose face a face at rest is: `python -m stage.faces.learn_identity`.

Rendered people at rest, seen a few times from about the front; the network's points, laid on the mean face and
averaged, tell the identity of the same size by ridge regression on the principal components of the points.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tyro

from protocols.names import ARKIT_SHAPES
from stage.bodies.body import BodyModel, load_body
from stage.correspondence.face_map import load_face_map
from stage.correspondence.face_samples import read_face
from stage.faces.gather import PeoplePool
from stage.faces.head_pose import R_CAMERA_FACING
from stage.faces.identity_map import WEIGHTS, laid
from stage.faces.model import HEAD, FaceModel
from stage.networks.face import FaceNetwork
from stage.networks.load import load_face_network
from stage.synthetic.faces.performer import FacePerformer
from stage.synthetic.faces.renderer import FaceRenderer
from stage.synthetic.faces.shots import FaceShot

FIRST_SEED = 60_000
VIEWS, LEAST_VIEWS = 4, 3
COMPONENTS, RIDGE = 60, 100.0
_HELD_OUT = 0.1
_FRONT_M = -0.10


@dataclass(frozen=True)
class Arguments:
    """Render people, run the network on them, and write the identity map."""

    people: int = 1600
    out: Path = WEIGHTS


def main(arguments: Arguments) -> None:
    """Learn and write."""
    body = load_body()
    model, truth = FaceModel(body, load_face_map()), HeadTruth(body)
    network, renderer, pool = load_face_network(eyes=False), FaceRenderer(), PeoplePool()
    rows: list[np.ndarray] = []
    wanted: list[np.ndarray] = []
    begin = time.monotonic()
    for seed in range(FIRST_SEED, FIRST_SEED + arguments.people):
        performer = FacePerformer(seed, renderer, pool.person(np.random.default_rng([54, seed])))
        seen = [laid(points, model.mean, model.stable) for points in _views(performer, seed, body, network)]
        if len(seen) >= LEAST_VIEWS:
            rows.append(np.mean(seen, axis=0))
            wanted.append(truth.identity(performer.rest.vertices))
        if len(rows) % 100 == 0:
            print(f"{len(rows)} people, {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    X, Y = np.stack(rows), np.stack(wanted)
    kept = int((1.0 - _HELD_OUT) * len(X))
    learned = regress(X[:kept] - model.mean, Y[:kept])
    told = learned.identity((X[kept:] - model.mean).reshape(len(X) - kept, -1))
    print(f"{len(X)} people; of those held out, {truth.error_mm(0.0 * told, Y[kept:]):.2f} mm by the mean face,")
    print(f"{truth.error_mm(told, Y[kept:]):.2f} mm by theirs, as large as the mean")
    learned = regress(X - model.mean, Y)
    with arguments.out.open("wb") as file:
        np.savez_compressed(
            file,
            components=learned.components.astype(np.float32),
            weights=learned.weights.astype(np.float32),
            middle=learned.middle.astype(np.float32),
            offset=learned.offset.astype(np.float32),
            reference=model.mean.astype(np.float32),
            stable=model.stable.astype(np.int32),
        )


class Regression(NamedTuple):
    """From points, less the reference, to identities."""

    middle: np.ndarray
    """(1404,)."""
    components: np.ndarray
    """(K, 1404): their products with points are of unit deviation."""
    weights: np.ndarray
    """(I, K)."""
    offset: np.ndarray
    """(I,)."""

    def identity(self, away: np.ndarray) -> np.ndarray:
        """(N, I) of points (N, 1404)."""
        return (away - self.middle) @ self.components.T @ self.weights.T + self.offset


def regress(X: np.ndarray, Y: np.ndarray) -> Regression:
    """From points (N, 468, 3) to identities (N, I)."""
    flat = X.reshape(len(X), -1)
    mean, middle = flat.mean(0), Y.mean(0)
    _, S, Vt = np.linalg.svd(flat - mean, full_matrices=False)
    to_unit = Vt[:COMPONENTS] / (S[:COMPONENTS, None] / np.sqrt(len(X)))
    A = (flat - mean) @ to_unit.T
    W = np.linalg.solve(A.T @ A + RIDGE * np.eye(A.shape[1]), A.T @ (Y - middle))
    return Regression(mean, to_unit, W.T, middle)


class HeadTruth:
    """Identities of exact heads, made as large as the mean."""

    def __init__(self, body: BodyModel) -> None:
        share = (body.skin_weights * (body.skin_bones == HEAD)).sum(1)
        self._head = np.flatnonzero(share > 0.99)
        self._base = (body.mean_vertices[self._head] - body.mean_joints[HEAD]).astype(np.float64)
        self._front = np.flatnonzero(body.mean_vertices[self._head, 1] < _FRONT_M)
        basis = body.face_basis[:, self._head].astype(np.float64)
        self._basis = basis
        flat = basis.reshape(len(basis), -1)
        self._inverse = np.linalg.solve(flat @ flat.T + 1e-9 * np.eye(len(flat)), flat)

    def identity(self, vertices: np.ndarray) -> np.ndarray:
        """(I,) of a body (V, 3), its face laid on the mean one."""
        away = vertices[self._head] @ R_CAMERA_FACING.T
        return self._inverse @ (laid(away, self._base, self._front) - self._base).reshape(-1)

    def error_mm(self, told: np.ndarray, true: np.ndarray) -> float:
        """Mean distance on the front of the face of identities (N, I)."""
        away = np.tensordot(told - true, self._basis[:, self._front], 1)
        return float(np.linalg.norm(away, axis=2).mean() * 1e3)


def _views(performer: FacePerformer, seed: int, body: BodyModel, network: FaceNetwork) -> Iterator[np.ndarray]:
    """The network's points (468, 3) of a person at rest, from about the front."""
    random = np.random.default_rng([54, seed])
    rest, distance, size = np.zeros(len(ARKIT_SHAPES)), random.uniform(0.5, 2.5), random.uniform(90, 240)
    for _ in range(VIEWS):
        shot = FaceShot(
            distance_m=float(distance),
            size_px=float(size),
            yaw=float(random.normal(0.0, 0.25)),
            pitch=float(random.normal(0.0, 0.12)),
            roll=float(random.normal(0.0, 0.05)),
        )
        image = performer.picture(rest, shot, random)
        reading = read_face(image, shot.camera(performer.middle), performer.vertices(rest), body, network)
        if reading is not None:
            yield reading.points.astype(np.float64)


if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
