"""Learn what a network's landmarks mean on the body: `python -m stage.correspondence.learn`.

For each landmark, the combination of vertices w >= 0, sum w = 1, whose distance from the rays the network points
along is least over all samples:

    minimise  sum_s c_s | (I - r_s r_s^T)(V_s w - o_s) |^2

with V_s the posed candidate vertices, r_s the ray, o_s the camera and c_s the confidence, re-weighted for outliers:
non-negative least squares, whose solutions are sparse by nature. Candidates lie on the limb the landmark belongs to.
What remains is split by azimuth into a bias (the median) and an error (the spread about it).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tyro
from scipy.optimize import nnls

from protocols.messages import LANDMARK_COUNT
from protocols.names import BODY_LANDMARKS
from stage.bodies.body import BodyModel, load_body
from stage.config import BodySection
from stage.correspondence.landmark_map import LandmarkMap
from stage.correspondence.rough import rough_meaning
from stage.correspondence.samples import Sample, samples
from stage.networks.load import load_landmark_network

AZIMUTH_BINS = 12
MOST_VERTICES = 24
"""Vertices kept per landmark; the least weights beyond are dropped."""
_CANDIDATES = 160
_REACH_M = 0.16
_OUTLIER_M = 0.05
_ROUNDS = 3
_SUM_WEIGHT = 1e4
_LEAST_SIGMA_M = 0.010
_HANDS = range(17, 23)
"""Hands turn by themselves, so the body's azimuth says nothing of their bias."""
_HAND_DOUBT = 1.6
"""Their bias, left in the error, hardly changes from frame to frame; the error counts for more."""
_BIAS_PRIOR = 15.0
"""Samples that a bin's bias is shrunk by, towards none."""


@dataclass(frozen=True)
class Arguments:
    """Render bodies, run the network on them, and write its landmark map."""

    network: str = "mediapipe-pose"
    pictures: int = 3000
    seed: int = 11
    out: Path | None = None
    """Default: beside this module, where the solver looks."""


class Gathered(NamedTuple):
    """All samples, reduced to candidate vertices."""

    vertices: np.ndarray
    """(N, U, 3) float32."""
    centers: np.ndarray
    """(N, 3)."""
    rays: np.ndarray
    """(N, 33, 3)."""
    confidence: np.ndarray
    """(N, 33)."""
    R_camera_world: np.ndarray
    """(N, 3, 3)."""
    R_world_body: np.ndarray
    """(N, 3, 3)."""
    pelvis: np.ndarray
    """(N, 3)."""


def main(arguments: Arguments) -> None:
    """Learn and write."""
    body = load_body()
    network = load_landmark_network(BodySection(network=arguments.network), batch=1)
    rough = rough_meaning(body)
    candidates = [_candidates(body, row, i) for i, row in enumerate(rough)]
    used = np.unique(np.concatenate(candidates))
    begin = time.monotonic()
    rows: list[Sample] = []
    for sample in samples(arguments.pictures, body, network, rough, arguments.seed):
        rows.append(sample._replace(vertices=sample.vertices[used]))
        if len(rows) % 100 == 0:
            print(f"{len(rows)} samples, {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    learned = learn(_gather(rows), used, candidates)
    out = arguments.out or Path(__file__).with_name(f"{arguments.network}.npz")
    with out.open("wb") as file:
        np.savez_compressed(file, **{name: getattr(learned, name) for name in LandmarkMap.__dataclass_fields__})
    for name, sigma, bias in zip(BODY_LANDMARKS, learned.sigma_m, learned.bias_m, strict=True):
        print(f"{name:20s} error {sigma.mean() * 1e3:5.1f} mm  bias up to {np.abs(bias).max() * 1e3:5.1f} mm")


def learn(data: Gathered, used: np.ndarray, candidates: Sequence[np.ndarray]) -> LandmarkMap:
    """The landmark map of samples whose vertices are `used` of the mesh."""
    place = {int(vertex): i for i, vertex in enumerate(used)}
    vertices = np.zeros((LANDMARK_COUNT, MOST_VERTICES), np.int32)
    weights = np.zeros((LANDMARK_COUNT, MOST_VERTICES), np.float32)
    bias = np.zeros((LANDMARK_COUNT, AZIMUTH_BINS, 2), np.float32)
    sigma = np.zeros((LANDMARK_COUNT, AZIMUTH_BINS), np.float32)
    for landmark, own in enumerate(candidates):
        columns = np.array([place[int(vertex)] for vertex in own])
        w = best_combination(
            data.vertices[:, columns], data.rays[:, landmark], data.centers, data.confidence[:, landmark], _OUTLIER_M
        )
        kept = np.argsort(-w)[:MOST_VERTICES]
        kept = kept[w[kept] > 0]
        vertices[landmark, : len(kept)] = own[kept]
        weights[landmark, : len(kept)] = w[kept] / w[kept].sum()
        points = np.einsum("nkd,k->nd", data.vertices[:, columns[kept]], weights[landmark, : len(kept)])
        bias[landmark], sigma[landmark] = _by_azimuth(data, landmark, points)
        if landmark in _HANDS:
            bias[landmark] = 0.0
            sigma[landmark] *= _HAND_DOUBT
    return LandmarkMap(vertices, weights, bias, sigma)


def best_combination(
    vertices: np.ndarray, rays: np.ndarray, centers: np.ndarray, confidence: np.ndarray, outlier_m: float
) -> np.ndarray:
    """Weights (K,) of candidate vertices (N, K, 3) whose combination lies nearest to the rays of one landmark.

    Args:
        vertices: (N, K, 3) in the world, metres.
        rays: (N, 3) unit directions.
        centers: (N, 3) the cameras.
        confidence: (N,).
        outlier_m: Distance at which a sample counts half, metres.
    """
    V = vertices.astype(np.float64)
    across = np.eye(3) - rays[:, :, None] * rays[:, None, :]
    A = np.einsum("nij,nkj->nik", across, V)
    b = np.einsum("nij,nj->ni", across, centers)
    trust = confidence.copy()
    count = V.shape[1]
    w = np.full(count, 1.0 / count)
    for _ in range(_ROUNDS):
        weighted = A * trust[:, None, None]
        H = np.einsum("nik,nil->kl", weighted, A) + _SUM_WEIGHT + 1e-3 * np.eye(count)
        g = np.einsum("nik,ni->k", weighted, b) + _SUM_WEIGHT
        factor = np.linalg.cholesky(H)  # |Aw - b|^2 = |L^T w - L^-1 g|^2 + constant
        w, _ = nnls(factor.T, np.linalg.solve(factor, g))
        w /= w.sum()
        miss = np.linalg.norm(A @ w - b, axis=1)
        trust = confidence / (1.0 + (miss / outlier_m) ** 2)
    return w


def _by_azimuth(data: Gathered, landmark: int, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bias (A, 2) and error (A,), metres at the body, right and up in an image in which the body stands upright."""
    offset = points - data.centers
    r = data.rays[:, landmark]
    seen = r / np.einsum("ni,ni->n", r, data.R_camera_world[:, 2])[:, None]
    depth = np.einsum("ni,ni->n", offset, data.R_camera_world[:, 2])
    miss = np.einsum("nij,nj->ni", data.R_camera_world, seen * depth[:, None] - offset)[:, :2]
    up = np.einsum("nij,nj->ni", data.R_camera_world, data.R_world_body[:, :, 2])[:, :2]
    up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-6)
    right = np.stack([-up[:, 1], up[:, 0]], 1)
    error = np.stack([(miss * right).sum(1), (miss * up).sum(1)], 1)
    towards = np.einsum("ni,nij->nj", data.centers - data.pelvis, data.R_world_body)
    azimuth = np.arctan2(towards[:, 0], -towards[:, 1]) / (2.0 * np.pi) * AZIMUTH_BINS
    sure = data.confidence[:, landmark] > 0.5
    bias, sigma = np.zeros((AZIMUTH_BINS, 2)), np.zeros(AZIMUTH_BINS)
    everywhere = _spread(error[sure] if sure.any() else error)
    for index in range(AZIMUTH_BINS):
        away = np.abs((azimuth - index + AZIMUTH_BINS / 2) % AZIMUTH_BINS - AZIMUTH_BINS / 2)
        near = sure & (away < 1.0)
        count = int(near.sum())
        if count < 5:
            sigma[index] = 1.5 * everywhere
            continue
        bias[index] = np.median(error[near], 0) * count / (count + _BIAS_PRIOR)
        spread = _spread(error[near] - bias[index])
        sigma[index] = np.sqrt((count * spread**2 + _BIAS_PRIOR * everywhere**2) / (count + _BIAS_PRIOR))
    return bias, np.maximum(sigma, _LEAST_SIGMA_M)


def _spread(error: np.ndarray) -> float:
    """Deviation per axis, not misled by outliers."""
    return float(1.4826 * np.median(np.abs(error - np.median(error, 0))))


def _candidates(body: BodyModel, row: np.ndarray, landmark: int) -> np.ndarray:
    """Vertices about the rough place on the same limb, spread evenly (farthest point sampling)."""
    center = row @ body.mean_vertices
    share = np.zeros((len(body.bones),))
    np.add.at(share, body.skin_bones.reshape(-1), (body.skin_weights * row[:, None]).reshape(-1))
    limb = share > 0.05
    on_limb = (body.skin_weights * limb[body.skin_bones]).sum(1) > 0.5
    near = np.linalg.norm(body.mean_vertices - center, axis=1) < _REACH_M * (0.6 if landmark <= 10 else 1.0)
    pool = np.flatnonzero(near & on_limb)
    return spread_out(body.mean_vertices, pool, center, _CANDIDATES)


def spread_out(vertices: np.ndarray, pool: np.ndarray, center: np.ndarray, count: int) -> np.ndarray:
    """At most `count` of the vertices in `pool`, evenly spread from the one nearest to a centre on."""
    chosen = [pool[np.linalg.norm(vertices[pool] - center, axis=1).argmin()]]
    distance = np.linalg.norm(vertices[pool] - vertices[chosen[0]], axis=1)
    while len(chosen) < min(count, len(pool)):
        chosen.append(pool[distance.argmax()])
        distance = np.minimum(distance, np.linalg.norm(vertices[pool] - vertices[chosen[-1]], axis=1))
    return np.array(chosen)


def _gather(rows: Sequence[Sample]) -> Gathered:
    return Gathered(*(np.stack(column) for column in zip(*rows, strict=True)))


if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
