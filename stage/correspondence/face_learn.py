"""Learn what the 468 points of a face mean: `python -m stage.correspondence.face_learn`.

As for the body's landmarks (see `stage.correspondence.learn`): for each point, the combination of vertices
w >= 0, sum w = 1, whose distance from the rays the network points along is least over all samples,

    minimise  sum_s c_s | (I - r_s r_s^T)(V_s w - o_s) |^2

with V_s the vertices of candidates, r_s the ray, o_s the camera and c_s a weight that outliers lose. Nothing is known
of a point beforehand. So its rough place is first the vertex nearest to all its rays; candidates are those within
2.2 cm of it along the skin. Upper and lower lip are far from each other that way, and so are the lids.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from scipy.optimize import nnls
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from protocols.messages import FACE_LANDMARK_COUNT
from stage.bodies.body import BodyModel, load_body
from stage.bodies.regions import PARTS, load_regions
from stage.correspondence.face_map import NETWORK, FaceMap
from stage.correspondence.face_samples import FaceSample, face_samples
from stage.networks.load import load_face_network

MOST_VERTICES = 8
_CANDIDATES = 80
_REACH_M = 0.022
_OUTLIER_M = 0.004
_ROUNDS = 4
_SUM_WEIGHT = 1e4
_ROUGH_SAMPLES = 200
_FARTHEST_M = 0.02


@dataclass(frozen=True)
class Arguments:
    """Render faces, run the network on them, and write its face map."""

    pictures: int = 1800
    seed: int = 5
    out: Path | None = None
    """Default: beside this module, where the face solver looks."""


def main(arguments: Arguments) -> None:
    """Learn and write."""
    body = load_body()
    network = load_face_network(eyes=False)
    skin = face_skin(body)
    begin = time.monotonic()
    rows: list[FaceSample] = []
    for sample in face_samples(arguments.pictures, body, network, skin, arguments.seed):
        rows.append(sample)
        if len(rows) % 100 == 0:
            print(f"{len(rows)} samples, {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    learned = learn(rows, body, skin)
    out = arguments.out or Path(__file__).with_name(f"{NETWORK}.npz")
    with out.open("wb") as file:
        np.savez_compressed(file, **{name: getattr(learned, name) for name in FaceMap.__dataclass_fields__})
    low, middle, high = np.percentile(learned.sigma_m, (5, 50, 95)) * 1e3
    print(f"{len(rows)} samples, error per axis {middle:.2f} mm (5 % {low:.2f}, 95 % {high:.2f})")


def face_skin(body: BodyModel) -> np.ndarray:
    """(U,) vertices of the skin of the front of the head, without eyes and mouth cavity."""
    skin = np.unique(body.faces[load_regions().parts == PARTS.index("head")])
    front = body.mean_vertices[skin, 1] < body.mean_vertices[skin, 1].min() + 0.13
    return skin[front]


def learn(rows: Sequence[FaceSample], body: BodyModel, skin: np.ndarray) -> FaceMap:
    """The face map of samples whose vertices are `skin`."""
    V = np.stack([row.vertices for row in rows]).astype(np.float64)  # (N, U, 3)
    centers = np.stack([row.center for row in rows])
    rays = np.stack([row.rays for row in rows])
    along = _geodesics(body, skin)
    vertices = np.zeros((FACE_LANDMARK_COUNT, MOST_VERTICES), np.int32)
    weights = np.zeros((FACE_LANDMARK_COUNT, MOST_VERTICES), np.float32)
    sigma = np.zeros(FACE_LANDMARK_COUNT, np.float32)
    for point in range(FACE_LANDMARK_COUNT):
        r = rays[:, point]
        near = _spread_out(along, _rough(V, centers, r), _REACH_M)
        w = _combination(V[:, near], centers, r)
        kept = np.argsort(-w)[:MOST_VERTICES]
        kept = kept[w[kept] > 0]
        vertices[point, : len(kept)] = skin[near[kept]]
        weights[point, : len(kept)] = w[kept] / w[kept].sum()
        place = np.einsum("nkd,k->nd", V[:, near[kept]], weights[point, : len(kept)])
        miss = place - centers
        miss -= np.einsum("ni,ni->n", miss, r)[:, None] * r
        sigma[point] = np.median(np.linalg.norm(miss, axis=1)) / 1.1774  # of two axes: Rayleigh's median
    return FaceMap(vertices, weights, sigma)


def _rough(V: np.ndarray, centers: np.ndarray, rays: np.ndarray) -> int:
    """The vertex nearest to rays (N, 3)."""
    step = max(1, len(V) // _ROUGH_SAMPLES)
    offset = V[::step] - centers[::step, None]
    depth = np.einsum("nui,ni->nu", offset, rays[::step])
    distance = np.sqrt(np.maximum((offset**2).sum(2) - depth**2, 0.0))
    return int(np.minimum(distance, _FARTHEST_M).mean(0).argmin())


def _combination(V: np.ndarray, centers: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """Weights (K,) of the candidates (N, K, 3)."""
    across = np.eye(3) - rays[:, :, None] * rays[:, None, :]
    A = np.einsum("nij,nkj->nik", across, V)
    b = np.einsum("nij,nj->ni", across, centers)
    trust = np.ones(len(V))
    w = np.full(V.shape[1], 1.0 / V.shape[1])
    for _ in range(_ROUNDS):
        rows = (A * np.sqrt(trust)[:, None, None]).reshape(-1, V.shape[1])
        H = rows.T @ rows + _SUM_WEIGHT + 1e-5 * np.eye(V.shape[1])
        g = rows.T @ (b * np.sqrt(trust)[:, None]).reshape(-1) + _SUM_WEIGHT
        factor = np.linalg.cholesky(H)  # |Aw - b|^2 = |L^T w - L^-1 g|^2 + constant
        w, _ = nnls(factor.T, np.linalg.solve(factor, g))
        w /= w.sum()
        miss = np.linalg.norm(A @ w - b, axis=1)
        trust = 1.0 / (1.0 + (miss / _OUTLIER_M) ** 2)
    return w


def _geodesics(body: BodyModel, skin: np.ndarray) -> np.ndarray:
    """(U, U) distances along the skin of the mean body, infinite beyond the reach."""
    place = np.full(len(body.mean_vertices), -1)
    place[skin] = np.arange(len(skin))
    edges = np.concatenate([body.faces[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    parts = np.tile(load_regions().parts == PARTS.index("head"), 3)
    inside = parts & (place[edges] >= 0).all(1)
    a, b = place[edges[inside]].T
    length = np.linalg.norm(body.mean_vertices[skin[a]] - body.mean_vertices[skin[b]], axis=1)
    graph = coo_matrix((length, (a, b)), shape=(len(skin), len(skin))).tocsr()
    return dijkstra(graph, directed=False, limit=_REACH_M)


def _spread_out(along: np.ndarray, start: int, reach: float) -> np.ndarray:
    """Candidates about a vertex, spread evenly (farthest point sampling)."""
    pool = np.flatnonzero(along[start] < reach)
    chosen, distance = [start], along[start, pool].copy()
    while len(chosen) < min(_CANDIDATES, len(pool)):
        chosen.append(int(pool[distance.argmax()]))
        distance = np.minimum(distance, np.minimum(along[chosen[-1], pool], 2.0 * reach))
    return np.array(chosen)


if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
