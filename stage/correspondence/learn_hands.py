"""Learn what a hand network's points mean: `python -m stage.correspondence.learn_hands`.

As `stage.correspondence.learn` does for the body: of each point, the combination of vertices of its finger whose
distance from the rays the network points along is least over many renders. What remains is a usual error, split into
metres and pixels by the size of the hand in the picture:

    error^2 = sigma_m^2 + (sigma_px * metres per pixel)^2

and the scale and usual error of the network's relief (see `stage.correspondence.hand_map`) against the model's.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from protocols.messages import HAND_LANDMARK_COUNT
from protocols.names import HAND_LANDMARKS
from stage.bodies.body import BodyModel, load_body
from stage.bodies.hands import FINGERS
from stage.correspondence.hand_map import HandMap, relief_filter
from stage.correspondence.hand_samples import HandSample, hand_samples
from stage.correspondence.learn import best_combination, spread_out
from stage.correspondence.rough_hand import hand_vertices, landmark_places, rough_hand
from stage.networks.load import load_hand_network

MOST_VERTICES = 16
_CANDIDATES = 90
_PALM_REACH_M, _FINGER_REACH_M = 0.045, 0.022
_OUTLIER_M = 0.012
_LEAST_SIGMA_M, _LEAST_SIGMA_PX = 0.003, 0.3
_LEAST_DEPTH_SIGMA_M = 0.012
_CLEAR_RELIEF_M = 0.01
_DOUBT = 1.3
"""The spread about the median tells of good readings; bad ones are more than a few."""


@dataclass(frozen=True)
class Arguments:
    """Render hands, run the network on them, and write what its points mean."""

    network: str = "mediapipe-hand"
    pictures: int = 2800
    seed: int = 11
    out: Path | None = None
    """Default: beside this module, where the solver looks."""


def main(arguments: Arguments) -> None:
    """Learn and write."""
    body, network = load_body(), load_hand_network()
    sided = hand_vertices(body)
    rough = rough_hand(body, sided["left"])
    begin = time.monotonic()
    rows: list[HandSample] = []
    for sample in hand_samples(arguments.pictures, body, network, rough, sided, arguments.seed):
        rows.append(sample)
        if len(rows) % 100 == 0:
            print(f"{len(rows)} samples, {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    learned = learn(HandSample(*(np.stack(column) for column in zip(*rows, strict=True))), body, sided)
    out = arguments.out or Path(__file__).with_name(f"{arguments.network}.npz")
    with out.open("wb") as file:
        np.savez_compressed(file, **{name: getattr(learned, name) for name in HandMap.__dataclass_fields__})
    for i, name in enumerate(HAND_LANDMARKS):
        print(
            f"{name:12s} error {learned.sigma_m[i] * 1e3:4.1f} mm and {learned.sigma_px[i]:4.2f} px, "
            f"relief {learned.depth_sigma_m[i] * 1e3:4.0f} mm"
        )


def learn(data: HandSample, body: BodyModel, sided: dict[str, np.ndarray]) -> HandMap:
    """The meaning of the points, from samples stacked (N, ...) whose vertices are those of `sided`."""
    left = sided["left"]
    count = HAND_LANDMARK_COUNT
    own, weights = np.zeros((count, MOST_VERTICES), np.int64), np.zeros((count, MOST_VERTICES))
    points = np.zeros((len(data.vertices), count, 3))
    for landmark, place in enumerate(landmark_places(body, left)):
        columns = _candidates(body, left, landmark, place)
        w = best_combination(data.vertices[:, columns], data.rays[:, landmark], data.center, data.score, _OUTLIER_M)
        kept = np.argsort(-w)[:MOST_VERTICES]
        kept = kept[w[kept] > 0]
        own[landmark, : len(kept)] = columns[kept]
        weights[landmark, : len(kept)] = w[kept] / w[kept].sum()
        points[:, landmark] = np.einsum("nkd,k->nd", data.vertices[:, columns[kept]], weights[landmark, : len(kept)])
    sigma_m, sigma_px = _errors(data, points)
    depth_scale, depth_sigma_m = _depth(data, points)
    return HandMap(
        left.astype(np.int32)[own],
        sided["right"].astype(np.int32)[own],
        weights.astype(np.float32),
        sigma_m.astype(np.float32),
        sigma_px.astype(np.float32),
        depth_sigma_m.astype(np.float32),
        np.array(depth_scale),
    )


def _errors(data: HandSample, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Usual error of each point, (21,) metres and (21,) pixels: a line through squares, for large and small hands."""
    off = np.einsum("nij,nlj->nli", data.R_camera_world, points - data.center[:, None])
    seen = np.einsum("nij,nlj->nli", data.R_camera_world, data.rays)
    miss = seen[..., :2] / seen[..., 2:] * off[..., 2:] - off[..., :2]
    pixel = data.pixel_m
    order = np.argsort(pixel)
    near, far = order[: len(order) // 2], order[len(order) // 2 :]
    squares = [(_DOUBT * 1.4826 * np.median(np.abs(miss[part]), (0, 2))) ** 2 for part in (near, far)]
    pixels = [float(np.median(pixel[part] ** 2)) for part in (near, far)]
    slope = np.maximum((squares[1] - squares[0]) / (pixels[1] - pixels[0]), _LEAST_SIGMA_PX**2)
    return np.sqrt(np.maximum(squares[0] - slope * pixels[0], _LEAST_SIGMA_M**2)), np.sqrt(slope)


def _depth(data: HandSample, points: np.ndarray) -> tuple[float, np.ndarray]:
    """Scale of the network's relief, and its usual error (21,), metres."""
    off = np.einsum("nij,nlj->nli", data.R_camera_world, points - data.center[:, None])
    relief = relief_filter(off[..., :2], np.ones(off.shape[:2]))
    true, told = ((relief @ depth[..., None])[..., 0] for depth in (off[..., 2], data.depth))
    scale = float(np.median((true / told)[np.abs(told) > _CLEAR_RELIEF_M]))
    sigma = _DOUBT * 1.4826 * np.median(np.abs(true - scale * told), 0)
    return scale, np.maximum(sigma, _LEAST_DEPTH_SIGMA_M)


def _candidates(body: BodyModel, used: np.ndarray, landmark: int, place: np.ndarray) -> np.ndarray:
    """Positions in `used` of vertices about a landmark, on its finger (and the palm, for the palm's own)."""
    palm = landmark == 0 or landmark % 4 == 1
    bones = ["hand_l"] if palm else []
    if landmark > 0:
        bones += [f"{FINGERS[(landmark - 1) // 4]}_0{part}_l" for part in (1, 2, 3)]
    index = [body.bones.index(bone) for bone in bones]
    on_finger = np.where(np.isin(body.skin_bones[used], index), body.skin_weights[used], 0.0).sum(1) > 0.5
    vertices = body.mean_vertices[used]
    near = np.linalg.norm(vertices - place, axis=1) < (_PALM_REACH_M if palm else _FINGER_REACH_M)
    return spread_out(vertices, np.flatnonzero((on_finger | (landmark == 0)) & near), place, _CANDIDATES)


if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
