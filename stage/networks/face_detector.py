"""MediaPipe's short-range face detector: finds the faces in a whole picture.

It sees the picture in 128 x 128 and proposes 896 boxes on anchors, as the pose detector does, with
six points of each face, of which the eyes give the angle. A face smaller than about a tenth of the
picture is not found: it serves cameras that film a face, not those that film a stage.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from stage.errors import NetworkError
from stage.networks.detector import MIN_DETECTION_SCORE, make_anchors, merged
from stage.networks.engine import Engine, Normalisation
from stage.networks.face import FACE_EXPANSION
from stage.networks.regions import ImageArray, Region, letterbox, warp

OUTPUTS = (0, 1)
"""Boxes with points, scores."""

NORMALISATION = Normalisation(mean=(127.5, 127.5, 127.5), scale=(127.5, 127.5, 127.5))
"""RGB in [-1, 1]."""

ANCHOR_GRIDS = ((16, 2), (8, 6))
"""(cells per side, anchors per cell): strides 8 and three times 16 of 128 pixels."""

_VALUES = 16


class FoundFace(NamedTuple):
    """A face found in a whole picture."""

    score: float
    region: Region
    """Where the landmark network should look."""


class Faces(Protocol):
    """Finds faces in whole pictures."""

    def detect(self, image: ImageArray, max_faces: int) -> list[FoundFace]:
        """Faces in a picture, best first, at most `max_faces`."""
        ...


class FaceDetector:
    """Finds faces in whole pictures."""

    def __init__(self, engine: Engine) -> None:
        """Use an engine that runs the network's file with `OUTPUTS` and `NORMALISATION`.

        Raises:
            NetworkError: The engine runs another network.
        """
        self._engine = engine
        self._anchors = make_anchors(ANCHOR_GRIDS)
        shapes = [output.shape[1:] for output in engine.infer(1)]
        if shapes != [(len(self._anchors), _VALUES), (len(self._anchors), 1)]:
            raise NetworkError(f"the network gives outputs of shapes {shapes}; expected MediaPipe's face detector")

    def detect(self, image: ImageArray, max_faces: int) -> list[FoundFace]:
        """Faces in a picture, best first, at most `max_faces`."""
        size = self._engine.inputs.shape[1]
        whole = letterbox(image.shape[1], image.shape[0], size, size)
        warp(image, whole, self._engine.inputs[0])
        boxes, logits = self._engine.infer(1)
        scores = 1.0 / (1.0 + np.exp(-np.clip(logits[0, :, 0].astype(np.float64), -60.0, 60.0)))
        found = np.flatnonzero(scores >= MIN_DETECTION_SCORE)
        if len(found) == 0:
            return []
        raw, anchors = boxes[0, found].astype(np.float64) / size, self._anchors[found]
        middle, half = raw[:, :2] + anchors, 0.5 * raw[:, 2:4]
        corners = np.concatenate([middle - half, middle + half], axis=1)  # (n, 4)
        eyes = raw[:, 4:8] + np.tile(anchors, 2)  # (n, 4): right eye, left eye
        values = np.concatenate([middle, 2.0 * half, eyes], axis=1)
        return [
            FoundFace(score, _region(face, whole)) for score, face in merged(scores[found], corners, values, max_faces)
        ]


def _region(face: npt.NDArray[np.float64], whole: Region) -> Region:
    """Region of a face (8,) in units of the detector's picture: middle, size, right eye, left eye."""
    (x, y), (right_x, right_y), (left_x, left_y) = whole.to_image(face[[0, 1, 4, 5, 6, 7]].reshape(3, 2)).tolist()
    side = FACE_EXPANSION * float(max(face[2], face[3])) * whole.width
    return Region(x, y, side, side, math.atan2(left_y - right_y, left_x - right_x))
