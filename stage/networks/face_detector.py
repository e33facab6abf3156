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
from stage.networks.detector import make_anchors, merged, proposals
from stage.networks.engine import Engine, Normalisation
from stage.networks.face import FACE_EXPANSION
from stage.networks.regions import ImageArray, Region

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
        found, whole = proposals(self._engine, self._anchors, image)
        if len(found.scores) == 0:
            return []
        low, high = found.corners[:, :2], found.corners[:, 2:]
        values = np.concatenate([0.5 * (low + high), high - low, found.points], axis=1)
        faces = merged(found.scores, found.corners, values, max_faces)
        return [FoundFace(score, _region(face, whole)) for score, face in faces]


def _region(face: npt.NDArray[np.float64], whole: Region) -> Region:
    """Region of a face (8,) in units of the detector's picture: middle, size, right eye, left eye."""
    (x, y), (right_x, right_y), (left_x, left_y) = whole.to_image(face[[0, 1, 4, 5, 6, 7]].reshape(3, 2)).tolist()
    side = FACE_EXPANSION * float(max(face[2], face[3])) * whole.width
    return Region(x, y, side, side, math.atan2(left_y - right_y, left_x - right_x))
