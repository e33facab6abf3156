"""MediaPipe's face networks: 468 points of a face, and the lids, brow and iris of each eye.

1. The face's region is a square turned upright by the line of the eyes, 1.5 times as large as the
   face, so that the face fills two thirds of the network's 192 pixels. It was trained on that; in a
   wider one its points lose much of the expression.
2. The network gives 468 points with a depth in the same units, and whether a face is there. It looks at lips and
   eyes again with attention of their own; these points take the place of the coarse ones among the 468.
3. Each eye is looked at again by a network of its own, in a square of 2.3 times the distance of its
   corners, 64 pixels wide: 71 points of lids and brow, 5 of the iris. It knows the performer's right
   eye only; the left one is shown to it mirrored, and what it says is mirrored back. Point i of one
   eye therefore means the same as point i of the other.

The 468 points come from a network in f32 unless told otherwise: in bf16 they lie on a grid of half
a pixel of the crop, about 0.6 mm of a face, for 0.3 ms saved. The eyes' grid is finer than 0.1 mm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from protocols.messages import EYE_LANDMARK_COUNT, FACE_LANDMARK_COUNT
from stage.errors import NetworkError
from stage.networks.custom_ops import LEFT_EYE, LIPS, RIGHT_EYE
from stage.networks.engine import Engine, Normalisation
from stage.networks.landmarks import Crop
from stage.networks.regions import FloatArray, Region, warp

FACE_EXPANSION = 1.5
"""Side of the region, in sizes of the face."""

EYE_EXPANSION = 2.3
"""Side of an eye's region, in distances of its corners."""

EYE_CORNERS = ((263, 362), (33, 133))
"""Outer and inner corner of the performer's left eye and of the right one, among the 468 points."""

LOWEST_EYES_SCORE = 0.5
"""The eyes of a face less certain than this are not looked at."""

FACE_OUTPUTS = (0, 6, 1, 2, 3)
"""Of the face: points, presence; lips, right eye and left eye once more."""

OUTPUTS = (0, 1)
"""Of the eye: lids and brow, iris."""

_REFINED = (LIPS, RIGHT_EYE, LEFT_EYE)

NORMALISATION = Normalisation()
"""RGB in [0, 1], both networks."""

_EYE_CONTOUR_COUNT = 71
_IRIS_COUNT = 5


class FaceReading(NamedTuple):
    """What the networks say of one region."""

    points: npt.NDArray[np.float32]
    """(468, 3): x, y in image pixels, and depth in the same unit, larger is farther."""
    eyes: npt.NDArray[np.float32] | None
    """(2, 76, 2) image pixels: the performer's left eye, then the right; 71 points of lids and brow, then 5 of
    the iris, its centre first. None when they were not read."""
    score: float
    """Whether a face is there, in [0, 1]."""


class FaceNetwork:
    """Reads faces, and their eyes where there is a network for them."""

    def __init__(self, face: Engine, eye: Engine | None = None) -> None:
        """Use engines that run the networks' files with `FACE_OUTPUTS`, `OUTPUTS` and `NORMALISATION`.

        Raises:
            NetworkError: An engine runs another network.
        """
        self._face = face
        self._eye = eye
        refined = tuple(2 * len(indices) for indices in _REFINED)
        expected = [(face, (FACE_LANDMARK_COUNT * 3, 1, *refined), "face landmarks with attention")]
        if eye is not None:
            expected.append((eye, (_EYE_CONTOUR_COUNT * 3, _IRIS_COUNT * 3), "eye landmarks"))
        for engine, sizes, what in expected:
            shapes = [output.shape[1:] for output in engine.infer(1)]
            if tuple(map(math.prod, shapes)) != sizes:
                raise NetworkError(f"the network gives outputs of shapes {shapes}; expected MediaPipe's {what}")

    @property
    def facts(self) -> dict[str, str]:
        """Engine, device, precision, threads, time per crop of a face and of an eye."""
        facts = dict(self._face.facts)
        if self._eye is not None:
            facts["ms per eye"] = self._eye.facts.get("ms per crop", "")
        return facts

    def read(self, crops: Sequence[Crop], eyes: bool = True) -> list[FaceReading]:
        """The face in each crop, and its eyes if wanted, if a face is there and there is a network for them."""
        readings = self._read_faces(crops)
        if not eyes or self._eye is None:
            return readings
        certain = [k for k, reading in enumerate(readings) if reading.score >= LOWEST_EYES_SCORE]
        regions = [eye_regions(readings[k].points) for k in certain]
        usable = [
            (k, pair)
            for k, pair in zip(certain, regions, strict=True)
            if all(region.is_usable(crops[k].image) for region in pair)
        ]
        pairs = self._read_eyes([Crop(crops[k].image, region) for k, pair in usable for region in pair])
        for (k, _), points in zip(usable, pairs, strict=True):
            readings[k] = readings[k]._replace(eyes=points)
        return readings

    def _read_faces(self, crops: Sequence[Crop]) -> list[FaceReading]:
        batch, size = self._face.inputs.shape[:2]
        readings = []
        for first in range(0, len(crops), batch):
            group = crops[first : first + batch]
            for slot, crop in zip(self._face.inputs, group, strict=False):
                warp(crop.image, crop.region, slot)
            points, presence, *refined = self._face.infer(len(group))
            for i, crop in enumerate(group):
                unit = np.nan_to_num(points[i]).reshape(FACE_LANDMARK_COUNT, 3) / size
                for indices, finer in zip(_REFINED, refined, strict=True):
                    unit[list(indices), :2] = np.nan_to_num(finer[i]).reshape(-1, 2) / size
                score = _sigmoid(float(presence[i].ravel()[0]))
                readings.append(FaceReading(_placed(unit, crop.region), None, score))
        return readings

    def _read_eyes(self, crops: Sequence[Crop]) -> list[npt.NDArray[np.float32]]:
        """Points (2, 76, 2) of each pair of crops: left eye, right eye."""
        assert self._eye is not None
        batch, size = self._eye.inputs.shape[:2]
        points = np.empty((len(crops), EYE_LANDMARK_COUNT, 2), np.float32)
        regions = [crop.region.mirrored() if k % 2 == 0 else crop.region for k, crop in enumerate(crops)]
        for first in range(0, len(crops), batch):
            group = range(first, min(first + batch, len(crops)))
            for slot, k in zip(self._eye.inputs, group, strict=False):
                warp(crops[k].image, regions[k], slot)
            outlines, irises = self._eye.infer(len(group))
            for i, k in enumerate(group):
                outline = outlines[i].reshape(_EYE_CONTOUR_COUNT, 3)[:, :2]
                unit = np.concatenate([outline, irises[i].reshape(_IRIS_COUNT, 3)[:, :2]]) / size
                points[k] = regions[k].to_image(np.nan_to_num(unit))
        return list(points.reshape(-1, 2, EYE_LANDMARK_COUNT, 2))


def face_region(points: FloatArray) -> Region:
    """Where to look for the face whose points (468, 2 or 3) in image pixels are known."""
    return square_around(points[:, :2], face_angle(points), FACE_EXPANSION)


def square_around(points: FloatArray, angle: float, expansion: float) -> Region:
    """The square turned by `angle` about points (n, 2), `expansion` times as large as their greater extent."""
    c, s = math.cos(angle), math.sin(angle)
    upright = points @ np.array([[c, -s], [s, c]])  # (n, 2): along and across the region's axes
    (x0, y0), (x1, y1) = upright.min(axis=0).tolist(), upright.max(axis=0).tolist()
    x, y = 0.5 * (x0 + x1), 0.5 * (y0 + y1)
    side = expansion * max(x1 - x0, y1 - y0)
    return Region(c * x - s * y, s * x + c * y, side, side, angle)


def eye_regions(points: FloatArray) -> tuple[Region, Region]:
    """Where to look for the performer's left and right eye of a face (468, 2 or 3), upright with the face."""
    angle = face_angle(points)
    left, right = (points[list(corners), :2] for corners in EYE_CORNERS)
    return _eye_region(left, angle), _eye_region(right, angle)


def face_angle(points: FloatArray) -> float:
    """Radians by which the line of the eyes of a face (468, 2 or 3) is turned clockwise on the screen."""
    x, y = (points[EYE_CORNERS[0][0], :2] - points[EYE_CORNERS[1][0], :2]).tolist()
    return math.atan2(y, x)


def _eye_region(corners: FloatArray, angle: float) -> Region:
    (x0, y0), (x1, y1) = corners.tolist()
    side = EYE_EXPANSION * math.hypot(x1 - x0, y1 - y0)
    return Region(0.5 * (x0 + x1), 0.5 * (y0 + y1), side, side, angle)


def _placed(unit: npt.NDArray[np.float32], region: Region) -> npt.NDArray[np.float32]:
    """Unit points (n, 3) of a crop in image pixels."""
    points = np.empty((len(unit), 3), np.float32)
    points[:, :2] = region.to_image(unit[:, :2])
    points[:, 2] = unit[:, 2] * abs(region.width)
    return points


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(max(x, -60.0), 60.0)))
