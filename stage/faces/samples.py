"""What the face networks say of rendered faces: the samples that the regressor is learned from and tested on.

Every person is filmed by one camera: at rest a few times, then in takes of one frame or some, every take another
part of a performance with the head turned otherwise. The networks look where a tracker would, at the region of the
last reading; measured, a region that is off by 3 % costs as much as a turn of the head by 4 degrees.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from protocols.messages import EYE_LANDMARK_COUNT, FACE_LANDMARK_COUNT
from protocols.names import ARKIT_SHAPES
from stage.bodies.body import RestBody
from stage.cameras.geometry import project
from stage.networks.face import FACE_EXPANSION, FaceNetwork, face_region, square_around
from stage.networks.landmarks import Crop
from stage.networks.regions import Region
from stage.synthetic.faces.expressions import random_curve
from stage.synthetic.faces.head import load_head
from stage.synthetic.faces.performer import FacePerformer
from stage.synthetic.faces.renderer import FaceRenderer
from stage.synthetic.faces.shots import FaceShot, random_shot

TAKES, LONG_TAKES, LONG, RESTS = 14, 1, 3, 3
"""Per person: takes of one frame, takes of LONG frames, pictures at rest."""
FRAMES = RESTS + TAKES + LONG_TAKES * LONG
LOWEST_SCORE = 0.5
_USUAL_SIZE, _USUAL_RISE = 0.966, 0.005
"""Measured: size and place of the networks' face against the true points'."""


class FaceSamples(NamedTuple):
    """N people, F = FRAMES pictures of each: first those at rest, then take after take."""

    points: np.ndarray
    """(N, F, 468, 3) float32, pixels; NaN where the network saw no face."""
    eyes: np.ndarray
    """(N, F, 2, 76, 2) float32, pixels; NaN where they were not read."""
    coefficients: np.ndarray
    """(N, F, 52) float32, the truth."""
    truth: np.ndarray
    """(N, F, P, 3) float32: some true points of the face, pixels and depth in pixels: what an ideal network saw."""
    size_px: np.ndarray
    """(N, F) float32, how large the face is in the picture."""
    take: np.ndarray
    """(N, F) int32, which take each frame belongs to; the first RESTS are at rest."""


def samples_of(seed: int, renderer: FaceRenderer, network: FaceNetwork, rest: RestBody | None = None) -> FaceSamples:
    """One person's samples (N = 1); the body is drawn by the seed unless it is given."""
    performer = FacePerformer(seed, renderer, rest)
    random = np.random.default_rng([53, seed])
    takes: list[tuple[FaceShot, np.ndarray, float]] = []
    view = random_shot(random)
    for _ in range(RESTS):
        calm = view.moved(random, 0.3)
        still = np.zeros((1, len(ARKIT_SHAPES))) + (random.random() < 0.5) * random.uniform(0.0, 0.03)
        takes.append((calm, still, 30.0))
    for frames in [LONG] * LONG_TAKES + [1] * TAKES:
        fps = float(random.choice([30.0, 60.0]))
        takes.append((view.moved(random), random_curve(random, frames, fps), fps))
    readings = [read_take(performer, shot, curve, fps, network, random) for shot, curve, fps in takes]
    points, eyes, truth = (np.concatenate([reading[k] for reading in readings])[None] for k in range(3))
    coefficients = np.concatenate([curve for _, curve, _ in takes]).astype(np.float32)[None]
    size = np.concatenate([np.full(len(curve), shot.size_px, np.float32) for shot, curve, _ in takes])[None]
    number = np.concatenate([np.full(len(curve), k, np.int32) for k, (_, curve, _) in enumerate(takes)])[None]
    return FaceSamples(points, eyes, coefficients, truth, size, number)


def read_take(
    performer: FacePerformer,
    shot: FaceShot,
    curve: np.ndarray,
    fps: float,
    network: FaceNetwork,
    random: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the networks say of a performance (T, 52): points (T, 468, 3), eyes (T, 2, 76, 2), truth (T, P, 3)."""
    points = np.full((len(curve), FACE_LANDMARK_COUNT, 3), np.nan, np.float32)
    eyes = np.full((len(curve), 2, EYE_LANDMARK_COUNT, 2), np.nan, np.float32)
    truths, region = [], None
    for frame, coefficients in enumerate(curve):
        seen = shot.after(frame / fps)
        image = performer.picture(coefficients, seen, random)
        truth = _truth(performer, coefficients, seen)
        truths.append(truth)
        if region is None:
            # As if the face had been read in the frame before.
            rough = jittered(usual_region(truth[:, :2], shot.roll), random, 0.02)
            region = face_region(network.read([Crop(image, rough)], eyes=False)[0].points)
        if not region.is_usable(image):
            region = None
            continue
        reading = network.read([Crop(image, jittered(region, random, 0.002))])[0]
        region = None if reading.score < LOWEST_SCORE else face_region(reading.points)
        if region is not None:
            points[frame] = reading.points
            eyes[frame] = np.nan if reading.eyes is None else reading.eyes
    return points, eyes, np.stack(truths).astype(np.float32)


def usual_region(truth: np.ndarray, roll: float) -> Region:
    """The region that a tracker has of a face whose true points (P, 2) these are, but for 3 % of its size."""
    about = square_around(truth, roll, FACE_EXPANSION * _USUAL_SIZE)
    rise = _USUAL_RISE * about.width
    return about._replace(x=about.x - rise * float(np.sin(-roll)), y=about.y - rise * float(np.cos(roll)))


def jittered(region: Region, random: np.random.Generator, amount: float) -> Region:
    """A region moved, scaled and turned a little, `amount` of its size."""
    side = region.width * float(np.exp(random.normal(0.0, amount)))
    dx, dy = (amount * side * random.normal(0.0, 0.5, 2)).tolist()
    return Region(region.x + dx, region.y + dy, side, side, region.angle + float(random.normal(0.0, amount)))


@functools.cache
def truth_vertices() -> np.ndarray:
    """(P,) body vertices spread over the front of the face: the true points of the samples."""
    head = load_head()
    place = head.place[: len(head.body_vertices)]
    front = (place[:, 1] < -0.115) & (place[:, 2] > 1.555) & (place[:, 2] < 1.735) & (head.material_of_vertices() == 0)
    return head.body_vertices[np.flatnonzero(front)[::4]]


def _truth(performer: FacePerformer, coefficients: np.ndarray, shot: FaceShot) -> np.ndarray:
    """(P, 3) pixels and depth, the depth in pixels too."""
    camera = shot.camera(performer.middle)
    pixels, depth = project(camera, performer.vertices(coefficients)[truth_vertices()])
    scale = shot.size_px / 0.19
    return np.column_stack([pixels, (depth - shot.distance_m) * scale])
