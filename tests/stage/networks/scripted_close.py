"""Hands and faces with known places, and networks that see them; for tests of their trackers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from protocols.arrays import to_bytes
from protocols.messages import PersonLandmarks
from protocols.names import BODY_LANDMARKS
from stage.networks.face import EYE_CORNERS, FACE_EXPANSION, FaceReading
from stage.networks.face_detector import FoundFace
from stage.networks.hands import HandReading
from stage.networks.landmarks import Crop
from stage.networks.regions import ImageArray, Region
from stage.networks.wanted import Someone

FRAME_NS = 33_333_333
WIDTH, HEIGHT = 640, 480
SCALE = 200.0
"""Pixels per metre of the people here."""


@dataclass
class HandSeen:
    """A hand in a picture."""

    x: float
    """Its wrist."""
    y: float
    side: str
    score: float = 0.95
    palm: float = 0.13 * SCALE


@dataclass
class FaceSeen:
    """A face in a picture."""

    x: float
    """Its middle."""
    y: float
    size: float = 40.0
    score: float = 1.0
    angle: float = 0.0


@dataclass
class Picture:
    """What is in one camera's picture now; of hands that hide each other, the first is in front."""

    hands: list[HandSeen] = field(default_factory=list)
    faces: list[FaceSeen] = field(default_factory=list)


class World:
    """Pictures of some cameras, to be changed between frames."""

    def __init__(self, *cameras: str) -> None:
        self.pictures = {camera: Picture() for camera in cameras}

    def frames(self, frame: int) -> dict[str, tuple[ImageArray, int]]:
        """Images that say which camera they are of."""
        frames = {}
        for k, camera in enumerate(self.pictures):
            image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
            image[0, 0, 0] = k
            frames[camera] = (image, frame * FRAME_NS)
        return frames

    def of(self, image: ImageArray) -> Picture:
        return list(self.pictures.values())[int(image[0, 0, 0])]


def hand_points(hand: HandSeen) -> np.ndarray:
    """(21, 2): a flat hand that points up, its palm's square `palm` wide."""
    points = np.zeros((21, 2))
    for finger in range(5):
        for joint in range(4):
            points[1 + 4 * finger + joint] = (finger / 4 - 0.5, -0.35 * (joint + 1))
    points[:, 0] *= 1.0 if hand.side == "left" else -1.0
    points[1:5, 1] *= 0.5
    # Wrist at 0, the first joints of the fingers at -0.7: that is the extent of the palm's square.
    return points * hand.palm / 0.7 + (hand.x, hand.y)


class ScriptedHands:
    """Reads the front hand about the middle of a region, whosever it is, as real networks do."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.facts: dict[str, str] = {"ms per crop": "0.0"}
        self.crops: list[Crop] = []

    def read(self, crops: Sequence[Crop]) -> list[HandReading]:
        self.crops += crops
        return [self._read(crop) for crop in crops]

    def _read(self, crop: Crop) -> HandReading:
        points = np.zeros((21, 4), np.float32)
        for hand in self._world.of(crop.image).hands:
            places = hand_points(hand)
            if np.hypot(*(places.mean(0) - (crop.region.x, crop.region.y))) < 0.5 * crop.region.width:
                points[:, :2], points[:, 3] = places, hand.score
                right = 0.98 if hand.side == "right" else 0.02
                return HandReading(points, np.zeros((21, 3), np.float32), right, hand.score)
        points[:, :2] = hand_points(HandSeen(crop.region.x, crop.region.y, "left"))
        return HandReading(points, None, 0.5, 0.0)


def face_points(face: FaceSeen) -> np.ndarray:
    """(468, 3): points on an ellipse, `size` high, with the corners of the eyes in their places."""
    around = np.linspace(0.0, 2.0 * np.pi, 468, endpoint=False)
    points = np.stack([0.4 * np.sin(around), 0.5 * np.cos(around)], axis=1)
    for (outer, inner), side in zip(EYE_CORNERS, (1.0, -1.0), strict=True):
        points[outer], points[inner] = (0.3 * side, -0.15), (0.1 * side, -0.15)
    c, s = np.cos(face.angle), np.sin(face.angle)
    turned = points @ np.array([[c, s], [-s, c]]) * face.size + (face.x, face.y)
    return np.concatenate([turned, np.zeros((468, 1))], axis=1).astype(np.float32)


class ScriptedFaces:
    """Reads and finds faces: the nearest to the middle of a region; all in a picture."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.facts: dict[str, str] = {"ms per crop": "0.0"}
        self.crops: list[Crop] = []
        self.looks = 0

    def read(self, crops: Sequence[Crop], eyes: bool = True) -> list[FaceReading]:
        self.crops += crops
        return [self._read(crop, eyes) for crop in crops]

    def detect(self, image: ImageArray, max_faces: int) -> list[FoundFace]:
        self.looks += 1
        found = [
            FoundFace(0.9, Region(face.x, face.y, FACE_EXPANSION * face.size, FACE_EXPANSION * face.size, 0.0))
            for face in self._world.of(image).faces
            if face.score > 0.3
        ]
        return found[:max_faces]

    def _read(self, crop: Crop, eyes: bool) -> FaceReading:
        def far(face: FaceSeen) -> float:
            return float(np.hypot(face.x - crop.region.x, face.y - crop.region.y))

        near = [face for face in self._world.of(crop.image).faces if far(face) < 0.5 * crop.region.width]
        if len(near) == 0:
            return FaceReading(face_points(FaceSeen(crop.region.x, crop.region.y)), None, 0.001)
        face = min(near, key=far)
        return FaceReading(face_points(face), np.zeros((2, 76, 2), np.float32) if eyes else None, face.score)


def pose(
    x: float, y: float, *, left: tuple[float, float] | None, right: tuple[float, float] | None, turn: float = 0.0
) -> np.ndarray:
    """(33, 3): landmarks of somebody whose neck is at (x, y) and who faces the camera, with wrists at places.

    Args:
        x: Of the neck.
        y: Of the neck.
        left: The left wrist, its hand points up; None is unseen.
        right: The right one.
        turn: Of the head, radians.
    """
    points = np.zeros((33, 3), np.float32)
    points[:, :2], points[:, 2] = (x, y), 0.9

    def put(name: str, dx: float, dy: float) -> None:
        points[BODY_LANDMARKS.index(name), :2] = (x + dx * SCALE, y + dy * SCALE)

    c, s = float(np.cos(turn)), float(np.sin(turn))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        put(f"{side}_shoulder", 0.165 * sign, 0.05)
        put(f"{side}_hip", 0.1 * sign, 0.53)
        put(f"{side}_ear", 0.075 * sign * c, -0.15)
        put(f"{side}_eye", 0.035 * sign * c + 0.09 * s, -0.18)
        put(f"mouth_{side}", 0.025 * sign * c + 0.09 * s, -0.10)
    put("nose", 0.105 * s, -0.14)
    for side, wrist in (("left", left), ("right", right)):
        shoulder = points[BODY_LANDMARKS.index(f"{side}_shoulder"), :2]
        points[BODY_LANDMARKS.index(f"{side}_elbow"), :2] = shoulder if wrist is None else 0.5 * (shoulder + wrist)
        for name, up in (("wrist", 0.0), ("index", 0.09), ("pinky", 0.07), ("thumb", 0.05)):
            k = BODY_LANDMARKS.index(f"{side}_{name}")
            points[k] = (0.0, 0.0, 0.0) if wrist is None else (wrist[0], wrist[1] - up * SCALE, 0.9)
    return points


def someone(camera: str, points: np.ndarray, frame: int, actor: str = "ann", track: int = 0) -> Someone:
    return Someone(camera, track, actor, points.astype(np.float32), frame * FRAME_NS)


def person(points: np.ndarray, actor: str = "ann", track: int = 0) -> PersonLandmarks:
    return PersonLandmarks(track, to_bytes(points), b"", 0.9, actor)
