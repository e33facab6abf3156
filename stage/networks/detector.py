"""MediaPipe's pose detector: finds people in a whole image.

It sees the image in 224 x 224 and proposes 2,254 boxes, one per *anchor*. An anchor is a cell of a
grid over the image (strides 8, 16 and three times 32, two anchors each); the outputs are offsets
from the anchor's centre in pixels of the 224 image. Besides the box of a face and trunk it gives
two points of each person: the middle of the hips, and the top of a circle about the whole body.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from stage.errors import NetworkError
from stage.networks.engine import Engine, Normalisation, OpenVinoEngine
from stage.networks.regions import Circle, FloatArray, ImageArray, Region, letterbox, warp

MIN_DETECTION_SCORE = 0.5

POINTS_READ = 2
"""Points of a proposal that are used: hips and top of a person, the eyes of a face."""

MAX_OVERLAP = 0.3
"""Proposals that overlap more than this (intersection over union) are of one person."""


ANCHOR_GRIDS = ((28, 2), (14, 2), (7, 6))
"""(cells per side, anchors per cell): strides 8, 16 and three times 32 of 224 pixels."""


class Detection(NamedTuple):
    """A person found in a whole image."""

    score: float
    circle: Circle
    """The circle about the whole body."""


class Detector(Protocol):
    """Finds people in whole images."""

    def detect(self, image: ImageArray, max_people: int) -> list[Detection]:
        """People in an image, best first, at most `max_people`."""
        ...


def make_anchors(grids: Sequence[tuple[int, int]]) -> npt.NDArray[np.float64]:
    """Centres (n, 2) of a detector's anchors, in units of the image, from (cells per side, anchors per cell)."""
    layers = []
    for grid, per_cell in grids:
        centers = (np.arange(grid) + 0.5) / grid
        y, x = np.meshgrid(centers, centers, indexing="ij")
        layers.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), per_cell, axis=0))
    return np.concatenate(layers)


class PoseDetector:
    """Finds people in whole images."""

    def __init__(self, path: Path, *, threads: int = 1, precision: str = "auto") -> None:
        """Compile the detector at `path`.

        Raises:
            NetworkError: The file is missing, corrupt, or another network.
        """
        to_plus_minus_one = Normalisation(mean=(127.5, 127.5, 127.5), scale=(127.5, 127.5, 127.5))
        self._engine: Engine = OpenVinoEngine(path, (0, 1), to_plus_minus_one, threads=threads, precision=precision)
        self._anchors = make_anchors(ANCHOR_GRIDS)
        shapes = [output.shape[1:] for output in self._engine.infer(1)]
        if shapes != [(len(self._anchors), 12), (len(self._anchors), 1)]:
            raise NetworkError(f"{path} gives outputs of shapes {shapes}; expected MediaPipe's pose detector")

    def detect(self, image: ImageArray, max_people: int) -> list[Detection]:
        """People in an image, best first, at most `max_people`."""
        people = []
        found, whole = proposals(self._engine, self._anchors, image)
        if len(found.scores) == 0:
            return []
        for score, points in merged(found.scores, found.corners, found.points, max_people):
            hips, top = whole.to_image(points.reshape(2, 2))
            people.append(Detection(score, Circle(hips[0], hips[1], top[0] - hips[0], top[1] - hips[1])))
        return people


class Proposals(NamedTuple):
    """What a detector with anchors proposes, in units of its own square picture; n proposals of k points."""

    scores: npt.NDArray[np.float64]
    """(n,), each at least `MIN_DETECTION_SCORE`."""
    corners: npt.NDArray[np.float64]
    """(n, 4) left, top, right, bottom."""
    points: npt.NDArray[np.float64]
    """(n, 2 k): x and y of the first `POINTS_READ` points."""


def proposals(engine: Engine, anchors: npt.NDArray[np.float64], image: ImageArray) -> tuple[Proposals, Region]:
    """Run a detector on a whole picture; also where in the picture its own square lies."""
    size = engine.inputs.shape[1]
    whole = letterbox(image.shape[1], image.shape[0], size, size)
    warp(image, whole, engine.inputs[0])
    boxes, logits = engine.infer(1)
    scores = 1.0 / (1.0 + np.exp(-np.clip(logits[0, :, 0].astype(np.float64), -60.0, 60.0)))
    found = np.flatnonzero(scores >= MIN_DETECTION_SCORE)
    raw, at = boxes[0, found].astype(np.float64) / size, anchors[found]
    middle, half = raw[:, :2] + at, 0.5 * raw[:, 2:4]
    corners = np.concatenate([middle - half, middle + half], axis=1)
    points = raw[:, 4 : 4 + 2 * POINTS_READ] + np.tile(at, POINTS_READ)
    return Proposals(scores[found], corners, points), whole


def merged(
    scores: FloatArray, boxes: FloatArray, points: FloatArray, max_people: int
) -> list[tuple[float, npt.NDArray[np.float64]]]:
    """One (score, points) per person, best first: overlapping proposals are averaged by their scores.

    Args:
        scores: (n,) in [0, 1].
        boxes: (n, 4) left, top, right, bottom.
        points: (n, k) what is averaged.
        max_people: How many are wanted.
    """
    order = np.argsort(-scores, kind="stable")
    people = []
    while len(order) > 0 and len(people) < max_people:
        same = overlap(boxes[order[0]], boxes[order]) > MAX_OVERLAP
        same[0] = True
        group = order[same]
        weights = scores[group] / scores[group].sum()
        people.append((float(scores[group[0]]), weights @ points[group]))
        order = order[~same]
    return people


def overlap(box: FloatArray, boxes: FloatArray) -> npt.NDArray[np.float64]:
    """Intersection over union (n,) of `box` (4,) with `boxes` (n, 4)."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.clip(high - low, 0.0, None), axis=1)
    area = np.prod(np.clip(box[2:] - box[:2], 0.0, None))
    areas = np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0.0, None), axis=1)
    return shared / np.maximum(area + areas - shared, 1e-9)
