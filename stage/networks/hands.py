"""MediaPipe's hand landmark network: 21 points of the hand in a region.

1. The region is a square turned so that the hand points up (wrist below, fingers above), twice as
   large as the palm and shifted towards the fingers, as in the network's training. It comes from the
   hand's landmarks in the frame before, from a prediction, or from the forearm of the pose.
2. The network sees it in 224 x 224 and gives 21 points with a depth, the same in metres, whether a
   hand is there, and how likely it is a right one. It reads left and right hands alike.

The network's confidence is of the hand as a whole. A point's own is that, or 0 outside of the image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from protocols.messages import HAND_LANDMARK_COUNT
from protocols.names import HAND_LANDMARKS
from stage.errors import NetworkError
from stage.networks.engine import Engine, Normalisation
from stage.networks.face import square_around
from stage.networks.landmarks import Crop
from stage.networks.regions import FloatArray, ImageArray, Region, warp

HAND_EXPANSION = 2.0
"""Side of the region, in sizes of the palm with the first joints of the fingers."""

HAND_SHIFT = 0.1
"""How far the region's centre lies towards the fingers, in sizes of the palm."""

OUTPUTS = (0, 1, 2, 3)
"""Points, presence, side, points in metres."""

NORMALISATION = Normalisation()
"""RGB in [0, 1]."""

DEPTH_SCALE = 2.5
"""The network's depth is in units of 0.4 crops."""

WRIST, INDEX_MCP, MIDDLE_MCP, RING_MCP, PINKY_MCP = (
    HAND_LANDMARKS.index(name) for name in ("wrist", "index_mcp", "middle_mcp", "ring_mcp", "pinky_mcp")
)

_STEADY = [
    HAND_LANDMARKS.index(name)
    for name in HAND_LANDMARKS
    if name == "wrist" or (name.startswith("thumb_") and not name.endswith("_tip")) or name.endswith(("_mcp", "_pip"))
]
"""The points that say where the hand is: a finger that bends does not move the region."""


class HandReading(NamedTuple):
    """What the network says of one region."""

    points: npt.NDArray[np.float32]
    """(21, 4): x, y in image pixels, depth relative to the wrist in the same unit, larger is farther; confidence
    in [0, 1]."""
    world: npt.NDArray[np.float32] | None
    """(21, 3): metres about the hand's centre, camera axes; None when the network has none."""
    side_score: float
    """How likely it is a right hand, in [0, 1]."""
    score: float
    """Whether a hand is there, in [0, 1]."""


class HandNetwork:
    """Reads hands."""

    def __init__(self, engine: Engine) -> None:
        """Use an engine that runs the network's file with `OUTPUTS` and `NORMALISATION`.

        Raises:
            NetworkError: The engine runs another network.
        """
        self._engine = engine
        shapes = [output.shape[1:] for output in engine.infer(1)]
        values = HAND_LANDMARK_COUNT * 3
        if tuple(map(math.prod, shapes)) != (values, 1, 1, values):
            raise NetworkError(f"the network gives outputs of shapes {shapes}; expected MediaPipe's hand landmarks")

    @property
    def facts(self) -> dict[str, str]:
        """Engine, device, precision, threads, time per crop."""
        return self._engine.facts

    def read(self, crops: Sequence[Crop]) -> list[HandReading]:
        """The hand in each crop."""
        batch, size = self._engine.inputs.shape[:2]
        readings = []
        for first in range(0, len(crops), batch):
            group = crops[first : first + batch]
            for slot, crop in zip(self._engine.inputs, group, strict=False):
                warp(crop.image, crop.region, slot)
            points, presence, side, world = self._engine.infer(len(group))
            for i, crop in enumerate(group):
                unit = np.nan_to_num(points[i]).reshape(HAND_LANDMARK_COUNT, 3) / size
                scores = np.nan_to_num([presence[i, 0], side[i, 0]]).clip(0.0, 1.0).tolist()
                metres = np.nan_to_num(world[i]).reshape(HAND_LANDMARK_COUNT, 3)
                readings.append(_placed(unit, metres, scores[0], scores[1], crop))
        return readings


def hand_region(points: FloatArray) -> Region:
    """Where to look for the hand whose points (21, 2 or more) in image pixels are known."""
    return _towards_fingers(square_around(points[_STEADY, :2], hand_angle(points), 1.0))


def hand_angle(points: FloatArray) -> float:
    """Radians by which a hand (21, 2 or more) is turned clockwise on the screen from pointing up."""
    # MediaPipe's target: between the middle finger's joint and the mean of its neighbours'.
    target = 0.5 * points[MIDDLE_MCP, :2] + 0.25 * (points[INDEX_MCP, :2] + points[RING_MCP, :2])
    x, y = (target - points[WRIST, :2]).tolist()
    return math.atan2(x, -y)


def _towards_fingers(palm: Region) -> Region:
    shift = HAND_SHIFT * palm.height
    return Region(
        palm.x + shift * math.sin(palm.angle),
        palm.y - shift * math.cos(palm.angle),
        HAND_EXPANSION * palm.width,
        HAND_EXPANSION * palm.height,
        palm.angle,
    )


def _placed(
    unit: npt.NDArray[np.float32], metres: npt.NDArray[np.float32], score: float, side: float, crop: Crop
) -> HandReading:
    """A reading in image pixels and camera axes, from unit points (21, 3) and metres (21, 3) of the crop."""
    region = crop.region
    points = np.empty((HAND_LANDMARK_COUNT, 4), np.float32)
    points[:, :2] = region.to_image(unit[:, :2])
    points[:, 2] = (unit[:, 2] - unit[WRIST, 2]) * (DEPTH_SCALE * region.width)
    points[:, 3] = np.where(_inside(points, crop.image), score, 0.0)
    c, s = math.cos(region.angle), math.sin(region.angle)
    turned = metres @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]], np.float32)
    return HandReading(points, turned, side, score)


def _inside(points: FloatArray, image: ImageArray) -> npt.NDArray[np.bool_]:
    height, width = image.shape[:2]
    x, y = points[:, 0], points[:, 1]
    return (x > -0.5) & (y > -0.5) & (x < width - 0.5) & (y < height - 0.5)
