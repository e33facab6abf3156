"""The arm as the pose sees it: where the hand is, how large, where it points.

Fitted on real recordings to the hands that the hand network found there: turned as from the wrist to
the middle of the knuckles of index and little finger (6 degrees off, median; by the forearm 8, often 25),
the centre of its region 1.2 times as far as those, off by 0.15 palms. Knuckles near the wrist on the
screen mean a hand that points at the camera; its size then comes from the body's.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from protocols.names import BODY_LANDMARKS
from stage.networks.hands import HAND_EXPANSION
from stage.networks.regions import FloatArray, Region

SIDES = ("left", "right")

PALM_KNUCKLES = 1.6
"""Size of a palm (the extent of `hands.hand_region` before its margin) in distances of wrist and knuckles ..."""

PALM_M = (0.10, 0.16)
"""... but at least and at most this, in metres, at the scale of the body."""

CENTRE = 1.2
"""Where the region's centre is, in distances of wrist and knuckles."""

_LENGTHS_M = (
    (("left_shoulder", "right_shoulder"), 0.33),
    (("left_shoulder", "left_hip"), 0.48),
    (("right_shoulder", "right_hip"), 0.48),
    (("left_shoulder", "left_elbow"), 0.28),
    (("right_shoulder", "right_elbow"), 0.28),
    (("left_elbow", "left_wrist"), 0.25),
    (("right_elbow", "right_wrist"), 0.25),
)
"""Distances of landmarks of an adult, roughly, that a view shortens and never lengthens."""

_SPANS = [(BODY_LANDMARKS.index(a), BODY_LANDMARKS.index(b), metres) for (a, b), metres in _LENGTHS_M]
_POINTS = [tuple(BODY_LANDMARKS.index(f"{side}_{point}") for point in ("wrist", "index", "pinky")) for side in SIDES]
_SURE = 0.5


class Arm(NamedTuple):
    """Where the pose puts a hand."""

    x: float
    """The wrist, image pixels."""
    y: float
    confidence: float
    """Of the wrist."""
    palm: float
    """Size of the palm, pixels."""
    knuckles_x: float
    """From the wrist to the middle of index and little finger's knuckles."""
    knuckles_y: float

    def region(self) -> Region:
        """Where to look for the hand."""
        side = HAND_EXPANSION * self.palm
        angle = math.atan2(self.knuckles_x, -self.knuckles_y)
        return Region(self.x + CENTRE * self.knuckles_x, self.y + CENTRE * self.knuckles_y, side, side, angle)


def find_arms(points: FloatArray) -> tuple[Arm, Arm] | None:
    """The left and the right arm of body landmarks (33, 3); None when the body has no size."""
    rows = points.tolist()
    scales = sorted(
        math.hypot(rows[a][0] - rows[b][0], rows[a][1] - rows[b][1]) / metres
        for a, b, metres in _SPANS
        if min(rows[a][2], rows[b][2]) >= _SURE
    )
    if len(scales) == 0 or not 0.0 < scales[-1] < math.inf:
        return None
    scale = scales[-2] if len(scales) > 1 else scales[0]  # the largest may be a landmark gone astray
    left, right = (_arm(rows, places, scale) for places in _POINTS)
    return left, right


def _arm(rows: list[list[float]], places: tuple[int, ...], scale: float) -> Arm:
    wrist, index, pinky = (rows[k] for k in places)
    x, y = 0.5 * (index[0] + pinky[0]) - wrist[0], 0.5 * (index[1] + pinky[1]) - wrist[1]
    palm = min(max(PALM_KNUCKLES * math.hypot(x, y), PALM_M[0] * scale), PALM_M[1] * scale)
    return Arm(wrist[0], wrist[1], wrist[2], palm, x, y)
