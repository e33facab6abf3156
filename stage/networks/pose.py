"""MediaPipe's pose networks: find people, then read 33 landmarks of each.

1. The *detector* sees the whole image in 224 x 224 and proposes 2,254 boxes, one per anchor. An
   anchor is a cell of a grid over the image (strides 8, 16 and three times 32, two anchors each);
   outputs are offsets from the anchor's centre in pixels of the 224 image. Of a person it also
   gives the hips' middle and the top of a circle about the whole body: centre, size and direction.
2. From these two points comes a square *region*, turned so that the person stands upright.
3. The *landmark network* sees that region in 256 x 256 and gives 33 landmarks with visibility and
   presence, the same in metres about the hips, whether a person is there at all, and the two
   points of step 2 again, so that the next frame needs no detector.
4. Each point is *refined* to the centre of mass of its heat map (64 x 64) near it. Measured on a
   real recording of four cameras, this takes the disagreement of the views from 13.3 to 9.7 pixels
   and the jitter of triangulated points from 27 to 17 mm per frame squared, for 0.8 ms: the
   network's direct coordinates have the resolution of bf16, one pixel of the crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from stage.errors import NetworkError
from stage.networks.engine import Engine, Normalisation, OpenVinoEngine
from stage.networks.regions import ByteImage, FloatArray, Region, letterbox, square_from_axis, warp

REGION_EXPANSION = 1.25
"""Margin of the landmark network's region about the body's circle, as in its training."""

MIN_DETECTION_SCORE = 0.5
MAX_OVERLAP = 0.3
"""Detections that overlap more than this (intersection over union) are of one person."""

POINTS = 33
REFINE_WINDOW = 7
"""Side of the part of the heat map about a point that its refinement looks at, in cells."""

MIN_PEAK = 0.5
"""A heat map that stays below this in the window leaves its point as it was."""
_AUX_CENTER, _AUX_TOP = 33, 34


class Detection(NamedTuple):
    """A person found in a whole image."""

    score: float
    box: npt.NDArray[np.float64]
    """(4,): left, top, right, bottom of the face and trunk, image pixels."""
    center: npt.NDArray[np.float64]
    """(2,): middle of the hips, image pixels."""
    top: npt.NDArray[np.float64]
    """(2,): top of the circle about the body, image pixels."""

    def region(self) -> Region:
        """The region the landmark network should look at."""
        return square_from_axis(self.center, self.top, REGION_EXPANSION)


class Landmarks(NamedTuple):
    """What a landmark network says of one region."""

    points: npt.NDArray[np.float32]
    """(33, 3): x, y in image pixels, confidence in [0, 1]."""
    world: npt.NDArray[np.float32] | None
    """(33, 3): metres about the hips' middle, camera axes; None when the network has none."""
    score: float
    """Whether a person is there, in [0, 1]."""
    next_region: Region
    """Where to look in the next frame."""


class Crop(NamedTuple):
    """A region of an image."""

    image: ByteImage
    region: Region


class LandmarkNetwork(Protocol):
    """Reads the landmarks of people in regions."""

    aspect: float
    """Width over height of the regions the network wants."""
    facts: dict[str, str]
    """What an operator may ask of it."""

    def landmarks(self, crops: Sequence[Crop]) -> list[Landmarks]:
        """The landmarks in each crop."""
        ...


def make_anchors() -> npt.NDArray[np.float64]:
    """Centres (2254, 2) of the detector's anchors, in units of the image."""
    layers = []
    for grid, per_cell in ((28, 2), (14, 2), (7, 6)):
        centers = (np.arange(grid) + 0.5) / grid
        y, x = np.meshgrid(centers, centers, indexing="ij")
        layers.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), per_cell, axis=0))
    return np.concatenate(layers)


class PoseDetector:
    """Finds people in whole images."""

    def __init__(self, path: Path, *, threads: int = 1, precision: str = "auto") -> None:
        """Compile the detector at `path`."""
        # [0, 255] becomes [-1, 1].
        normalisation = Normalisation(mean=(127.5, 127.5, 127.5), scale=(127.5, 127.5, 127.5))
        self._engine: Engine = OpenVinoEngine(path, (0, 1), normalisation, threads=threads, precision=precision)
        self._anchors = make_anchors()
        boxes, scores = self._engine.infer(1)
        if boxes.shape[1:] != (len(self._anchors), 12) or scores.shape[1:] != (len(self._anchors), 1):
            raise NetworkError(f"{path} gives {boxes.shape} and {scores.shape}; expected MediaPipe's pose detector")

    def detect(self, image: ByteImage, max_people: int) -> list[Detection]:
        """People in an image (H, W, 3), BGR, best first, at most `max_people`."""
        size = self._engine.inputs.shape[1]
        whole = letterbox(image.shape[1], image.shape[0], size, size)
        warp(image, whole, self._engine.inputs[0])
        boxes, logits = self._engine.infer(1)
        scores = _sigmoid(logits[0, :, 0])
        found = np.flatnonzero(scores >= MIN_DETECTION_SCORE)
        if len(found) == 0:
            return []
        raw, anchors = boxes[0, found].astype(np.float64) / size, self._anchors[found]
        points = whole.to_image(raw[:, 4:].reshape(-1, 4, 2) + anchors[:, None])  # (n, 4, 2)
        middle, half = raw[:, :2] + anchors, 0.5 * raw[:, 2:4]
        corners = np.concatenate([whole.to_image(middle - half), whole.to_image(middle + half)], axis=1)
        return _merged(scores[found].astype(np.float64), corners, points, max_people)


class PoseNetwork:
    """Reads 33 landmarks per region."""

    aspect = 1.0

    def __init__(self, path: Path, *, batch: int = 1, threads: int = 1, precision: str = "auto") -> None:
        """Compile the landmark network at `path`."""
        self._engine: Engine = OpenVinoEngine(
            path, (0, 1, 4, 3), Normalisation(), batch=batch, threads=threads, precision=precision
        )
        shapes = [output.shape[1:] for output in self._engine.infer(1)]
        if shapes != [(195,), (1,), (117,), (64, 64, 39)]:
            raise NetworkError(f"{path} gives outputs of shapes {shapes}; expected MediaPipe's pose landmarks")
        self.facts = self._engine.facts

    def landmarks(self, crops: Sequence[Crop]) -> list[Landmarks]:
        """The landmarks in each crop."""
        batch, size = self._engine.inputs.shape[:2]
        results: list[Landmarks] = []
        for first in range(0, len(crops), batch):
            group = crops[first : first + batch]
            for slot, crop in zip(self._engine.inputs, group, strict=False):
                warp(crop.image, crop.region, slot)
            points, presence, world, heat = self._engine.infer(len(group))
            for i, crop in enumerate(group):
                rows = points[i].reshape(39, 5)
                unit = refined(rows[:, :2].astype(np.float64) / size, heat[i])
                results.append(_read(rows, unit, float(presence[i, 0]), world[i], crop.region))
        return results


def refined(unit: npt.NDArray[np.float64], heat: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Move points to the centre of mass of their heat maps in a window about them.

    Args:
        unit: (n, 2) x, y in [0, 1] across the crop.
        heat: (H, W, n) logits.

    Returns:
        (n, 2); a point outside of the map, or without a peak near it, stays where it was.
    """
    rows, columns, n = heat.shape
    reach = np.arange(REFINE_WINDOW) - REFINE_WINDOW // 2
    cell_x, cell_y = np.trunc(unit[:, 0] * columns).astype(int), np.trunc(unit[:, 1] * rows).astype(int)
    x, y = cell_x[:, None] + reach, cell_y[:, None] + reach  # (n, 7) each
    in_x, in_y = (x >= 0) & (x < columns), (y >= 0) & (y < rows)
    point = np.arange(n)[:, None, None]
    logits = heat[np.clip(y, 0, rows - 1)[:, :, None], np.clip(x, 0, columns - 1)[:, None, :], point]
    mass = _sigmoid(logits) * (in_y[:, :, None] & in_x[:, None, :])  # (n, 7, 7)
    total = np.maximum(mass.sum(axis=(1, 2)), 1e-9)
    inside = (cell_x >= 0) & (cell_x < columns) & (cell_y >= 0) & (cell_y < rows)
    peaked = inside & (mass.max(axis=(1, 2)) >= MIN_PEAK)
    moved = np.stack(
        [(mass.sum(axis=1) * x).sum(axis=1) / total / columns, (mass.sum(axis=2) * y).sum(axis=1) / total / rows],
        axis=1,
    )
    return np.where(peaked[:, None], moved, unit)


def _read(
    rows: npt.NDArray[np.float32],
    unit: npt.NDArray[np.float64],
    presence: float,
    world: npt.NDArray[np.float32],
    region: Region,
) -> Landmarks:
    """Turn raw outputs (39, 5), with refined points (39, 2), into landmarks of the image."""
    pixels = region.to_image(unit)  # (39, 2)
    out = np.empty((POINTS, 3), np.float32)
    out[:, :2] = pixels[:POINTS]
    out[:, 2] = _sigmoid(rows[:POINTS, 3]) * _sigmoid(rows[:POINTS, 4])
    upright = world.reshape(39, 3)[:POINTS]
    turned = upright.copy()
    c, s = np.cos(region.angle), np.sin(region.angle)
    turned[:, 0] = c * upright[:, 0] - s * upright[:, 1]
    turned[:, 1] = s * upright[:, 0] + c * upright[:, 1]
    next_region = square_from_axis(pixels[_AUX_CENTER], pixels[_AUX_TOP], REGION_EXPANSION)
    return Landmarks(out, turned, presence, next_region)


def _sigmoid(x: FloatArray) -> npt.NDArray[np.float32]:
    return (1.0 / (1.0 + np.exp(-np.clip(x, -60.0, 60.0)))).astype(np.float32)


def _merged(scores: FloatArray, boxes: FloatArray, points: FloatArray, max_people: int) -> list[Detection]:
    """One detection per person: overlapping boxes are averaged, weighted by their scores."""
    order = np.argsort(-scores, kind="stable")
    people: list[Detection] = []
    while len(order) > 0 and len(people) < max_people:
        same = overlap(boxes[order[0]], boxes[order]) > MAX_OVERLAP
        same[0] = True
        group = order[same]
        weights = scores[group] / scores[group].sum()
        mean = np.einsum("n,nkc->kc", weights, points[group])
        people.append(Detection(float(scores[group[0]]), weights @ boxes[group], mean[0], mean[1]))
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
