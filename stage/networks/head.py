"""The head as the pose sees it: where the face is, how large, how it is turned, how frontal."""

from __future__ import annotations

import math
from typing import NamedTuple

from protocols.names import BODY_LANDMARKS
from stage.networks.face import FACE_EXPANSION
from stage.networks.regions import FloatArray, Region

EARS_SIZE = 1.3
"""Size of a face (the greater extent of its 468 points) in distances of its ears, seen from the front."""

NOSE_SIZE = 1.85
"""The same in distances of the nose from the line of the ears, seen from the side."""

MIN_CONFIDENCE = 0.3
"""Head points less certain than this on average show no face."""

_NOSE, _LEFT_EAR, _RIGHT_EAR, _LEFT_EYE, _RIGHT_EYE, _MOUTH_LEFT, _MOUTH_RIGHT = (
    BODY_LANDMARKS.index(name)
    for name in ("nose", "left_ear", "right_ear", "left_eye", "right_eye", "mouth_left", "mouth_right")
)
_FEATURES = [_NOSE, _LEFT_EYE, _RIGHT_EYE, _MOUTH_LEFT, _MOUTH_RIGHT]


class Head(NamedTuple):
    """A head in a picture."""

    x: float
    """The middle of the face, image pixels."""
    y: float
    size: float
    """Of the face, pixels: the greater extent that its 468 points would have from the front."""
    angle: float
    """Radians by which the head is turned clockwise on the screen."""
    frontal: float
    """Cosine of the head's turn away from the camera: 1 faces it, 0 is a profile, below the face is hidden."""
    confidence: float

    def region(self) -> Region:
        """Where to look for the face."""
        side = FACE_EXPANSION * self.size
        return Region(self.x, self.y, side, side, self.angle)


def find_head(points: FloatArray) -> Head | None:
    """The head of body landmarks (33, 3); None when nothing can be said of it.

    The line of the ears shortens with the cosine of the head's turn, the way from there to the nose grows with
    its sine: both together give turn and size.
    """
    rows = points.tolist()
    confidence = sum(rows[k][2] for k in _FEATURES) / len(_FEATURES)
    if confidence < MIN_CONFIDENCE:
        return None
    eyes_x, eyes_y = _middle(rows, _LEFT_EYE, _RIGHT_EYE)
    mouth_x, mouth_y = _middle(rows, _MOUTH_LEFT, _MOUTH_RIGHT)
    up_x, up_y = eyes_x - mouth_x, eyes_y - mouth_y
    length = math.hypot(up_x, up_y)
    if not 0.0 < length < math.inf:
        return None
    across_x, across_y = -up_y / length, up_x / length  # to the left of somebody who faces the camera
    left, right, nose = rows[_LEFT_EAR], rows[_RIGHT_EAR], rows[_NOSE]
    ears = EARS_SIZE * ((left[0] - right[0]) * across_x + (left[1] - right[1]) * across_y)
    middle_x, middle_y = _middle(rows, _LEFT_EAR, _RIGHT_EAR)
    ahead = NOSE_SIZE * ((nose[0] - middle_x) * across_x + (nose[1] - middle_y) * across_y)
    size = math.hypot(ears, ahead)
    if not 0.0 < size < math.inf:
        return None
    angle = math.atan2(across_y, across_x)
    return Head(0.5 * (eyes_x + mouth_x), 0.5 * (eyes_y + mouth_y), size, angle, ears / size, confidence)


def _middle(rows: list[list[float]], a: int, b: int) -> tuple[float, float]:
    return 0.5 * (rows[a][0] + rows[b][0]), 0.5 * (rows[a][1] + rows[b][1])
