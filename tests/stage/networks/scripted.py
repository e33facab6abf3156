"""A small world of people with known places, and networks that see it; for tests of the tracker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from protocols.arrays import to_bytes
from protocols.messages import Prediction
from protocols.names import BODY_LANDMARKS
from stage.networks.detector import Detection
from stage.networks.landmarks import Crop, Landmarks, body_circle
from stage.networks.regions import Circle, ImageArray, Region, square_about
from stage.networks.tracks import OTHER_SIDE

FRAME_NS = 33_333_333
WIDTH, HEIGHT = 640, 480

_HEIGHTS = {
    "shoulder": -0.50, "elbow": -0.25, "wrist": 0.0, "pinky": 0.05, "index": 0.06, "thumb": 0.03,
    "hip": 0.0, "knee": 0.42, "ankle": 0.85, "heel": 0.88, "foot": 0.9,
}  # fmt: skip
_WIDTHS = {"shoulder": 0.18, "elbow": 0.28, "wrist": 0.3, "pinky": 0.3, "index": 0.3, "thumb": 0.3}


def body(x: float, y: float, radius: float, mirrored: bool = False) -> np.ndarray:
    """Landmarks (33, 2) of a standing person with hips at (x, y), facing the camera."""
    points = np.zeros((len(BODY_LANDMARKS), 2), np.float32)
    for k, name in enumerate(BODY_LANDMARKS):
        part = name.replace("left_", "").replace("right_", "").split("_")[0]
        side = 1.0 if "left" in name else -1.0 if "right" in name else 0.0
        points[k] = side * _WIDTHS.get(part, 0.1), _HEIGHTS.get(part, -0.75)
    return points[OTHER_SIDE] * radius + (x, y) if mirrored else points * radius + (x, y)


Walk = Callable[[int], tuple[float, float, float] | None]
"""Frame number -> hips x, y and radius in pixels, or None while away."""


@dataclass
class World:
    """People in cameras; in each camera the first is the nearest and hides the others."""

    people: dict[str, dict[str, Walk]]
    """Per camera and person, a path."""
    turned: Callable[[str, int], bool] = lambda _camera, _frame: False
    """Whether the network takes everybody's front for the back in a camera's frame."""

    def image(self, camera: str, frame: int) -> ImageArray:
        """An image that says where and when it was taken."""
        image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        image[0, 0] = list(self.people).index(camera), frame // 256, frame % 256
        return image

    def frames(self, frame: int) -> dict[str, tuple[ImageArray, int]]:
        return {camera: (self.image(camera, frame), frame * FRAME_NS) for camera in self.people}

    def points(self, camera: str, person: str, frame: int) -> np.ndarray | None:
        place = self.people[camera][person](frame)
        return None if place is None else body(*place)

    def prediction(self, actor: str, person: str, frame: int, cameras: Sequence[str] | None = None) -> Prediction:
        """What a perfect solver would say of `person`, whom it takes for `actor`."""
        places = {camera: self.points(camera, person, frame) for camera in cameras or self.people}
        known = {camera: to_bytes(points) for camera, points in places.items() if points is not None}
        return Prediction(actor, frame * FRAME_NS, known)

    def seen(self, image: ImageArray) -> list[np.ndarray]:
        """Everybody in an image, nearest first."""
        camera, frame = list(self.people)[image[0, 0, 0]], int(image[0, 0, 1]) * 256 + int(image[0, 0, 2])
        everybody = [self.points(camera, person, frame) for person in self.people[camera]]
        turned = self.turned(camera, frame)
        return [points[OTHER_SIDE] if turned else points for points in everybody if points is not None]


class ScriptedNetwork:
    """Reads the nearest person about the middle of a region, whoever that is, as real networks do."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.facts = {"engine": "scripted"}
        self.crops = 0

    def region_of(self, circle: Circle) -> Region:
        return square_about(circle, 1.25)

    def landmarks(self, crops: Sequence[Crop]) -> list[Landmarks]:
        self.crops += len(crops)
        return [self._read(crop) for crop in crops]

    def _read(self, crop: Crop) -> Landmarks:
        points = np.zeros((33, 3), np.float32)
        for person in self._world.seen(crop.image):
            circle = body_circle(person)
            if np.hypot(circle.x - crop.region.x, circle.y - crop.region.y) < 0.3 * crop.region.width:
                points[:, :2], points[:, 2] = person, 0.9
                return Landmarks(points, np.ones((33, 3), np.float32), 0.99, self.region_of(circle))
        return Landmarks(points, None, 0.01, crop.region)


class ScriptedDetector:
    """Finds everybody who is not hidden."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.runs = 0

    def detect(self, image: ImageArray, max_people: int) -> list[Detection]:
        self.runs += 1
        circles: list[Circle] = []
        for person in self._world.seen(image):
            circle = body_circle(person)
            if all(np.hypot(circle.x - c.x, circle.y - c.y) > 0.5 * circle.radius for c in circles):
                circles.append(circle)
        return [Detection(0.9, circle) for circle in circles[:max_people]]
