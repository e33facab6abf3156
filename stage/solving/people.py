"""The people seen in a frameset, freed of lens and encoding; what association and solve work on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from protocols.arrays import from_bytes
from protocols.messages import HAND_LANDMARK_COUNT, LANDMARK_COUNT, CameraLandmarks
from stage.bodies.hands import SIDES
from stage.cameras.camera import Camera

_MIRRORED = {1: 4, 2: 5, 3: 6, 7: 8, 9: 10} | {i: i + 1 for i in range(11, 33, 2)}
MIRROR = np.arange(LANDMARK_COUNT)
"""Index of the same landmark on the other side."""
for _left, _right in _MIRRORED.items():
    MIRROR[_left], MIRROR[_right] = _right, _left

IN_PICTURE_MARGIN = 0.02
"""A landmark this share of the picture's size outside it is only guessed by the network."""


@dataclass(frozen=True, eq=False)
class HandSeen:
    """One hand of a person in one camera."""

    camera: int
    """Index of the camera in the rig."""
    side: int
    """Index into `stage.bodies.hands.SIDES`."""
    image: np.ndarray
    """(21, 2) normalised image coordinates."""
    depth: np.ndarray
    """(21,): the network's depth relative to the wrist, in units of image coordinates at the hand's distance."""
    confidence: np.ndarray
    """(21,) in [0, 1]; 0 outside the picture."""
    pixel: float
    """Size of a pixel in image coordinates."""


@dataclass(frozen=True, eq=False)
class Person:
    """One person in one camera."""

    camera: int
    """Index of the camera in the rig."""
    image: np.ndarray
    """(33, 2) normalised image coordinates."""
    confidence: np.ndarray
    """(33,) in [0, 1]; 0 outside the picture."""
    world: np.ndarray | None
    """(33, 3) the network's own 3D in camera axes, metres about the hips."""
    score: float
    hands: tuple[HandSeen, ...] = ()

    def mirrored(self) -> Person:
        """The same person with left and right exchanged."""
        world = None if self.world is None else self.world[MIRROR]
        hands = tuple(replace(hand, side=1 - hand.side) for hand in self.hands)
        return Person(self.camera, self.image[MIRROR], self.confidence[MIRROR], world, self.score, hands)


class CameraRig:
    """All cameras of the stage as arrays, in the order of the configuration."""

    def __init__(self, cameras: Sequence[Camera]) -> None:
        self.ids = tuple(camera.id for camera in cameras)
        self._calibrated = {camera.id: camera for camera in cameras}
        self.cameras = dict(self._calibrated)
        """By id, at the size of their pictures once one has been seen."""
        self.R = np.array([camera.R_camera_world for camera in cameras]).reshape(-1, 3, 3)
        """(C, 3, 3) world to camera."""
        self.t = np.array([camera.t_camera_world for camera in cameras]).reshape(-1, 3)
        """(C, 3)."""
        self.centers = np.array([camera.center_world for camera in cameras]).reshape(-1, 3)
        """(C, 3), metres."""

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """Width and height of each camera's pictures, as far as they have been seen."""
        return {camera_id: (camera.width, camera.height) for camera_id, camera in self.cameras.items()}

    @sizes.setter
    def sizes(self, sizes: Mapping[str, tuple[int, int]]) -> None:
        for camera_id, (width, height) in sizes.items():
            self.cameras[camera_id] = self._calibrated[camera_id].scaled_to(width, height)

    def camera(self, camera_id: str, width: int, height: int) -> Camera:
        """A camera for pictures of a size.

        Raises:
            CalibrationError: The calibration is for another aspect.
        """
        camera = self.cameras[camera_id]
        if (camera.width, camera.height) != (width, height):
            # From the calibration each time: a camera is the same whatever sizes came before.
            camera = self.cameras[camera_id] = self._calibrated[camera_id].scaled_to(width, height)
        return camera

    def people(self, views: Mapping[str, CameraLandmarks]) -> list[Person]:
        """Everybody in a frameset, cameras in the order of the rig."""
        return [
            _person(index, self.camera(camera_id, seen.width, seen.height), seen, number)
            for index, camera_id in enumerate(self.ids)
            if (seen := views.get(camera_id)) is not None
            for number in range(len(seen.persons))
        ]


def _person(index: int, camera: Camera, seen: CameraLandmarks, number: int) -> Person:
    person = seen.persons[number]
    points = from_bytes(person.points, (LANDMARK_COUNT, 3)).astype(np.float64)
    world = from_bytes(person.world, (LANDMARK_COUNT, 3)).astype(np.float64) if len(person.world) > 0 else None
    own = [hand for hand in seen.hands if hand.track == person.track]
    hands = [from_bytes(hand.points, (HAND_LANDMARK_COUNT, 4)).astype(np.float64) for hand in own]
    image, usable = _in_picture(camera, np.concatenate([points[:, :2], *(hand[:, :2] for hand in hands)]))
    pixel = 2.0 / float(camera.K[0, 0] + camera.K[1, 1])
    first = LANDMARK_COUNT
    found = []
    for hand, rows in zip(own, hands, strict=True):
        part = slice(first, first + HAND_LANDMARK_COUNT)
        trust = np.where(usable[part] & np.isfinite(rows).all(1), rows[:, 3], 0.0)
        found.append(
            HandSeen(index, SIDES.index(hand.side), image[part], np.nan_to_num(rows[:, 2]) * pixel, trust, pixel)
        )
        first = part.stop
    confidence = np.where(usable[:LANDMARK_COUNT], points[:, 2], 0.0)
    return Person(index, image[:LANDMARK_COUNT], confidence, world, float(person.score), tuple(found))


def _in_picture(camera: Camera, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normalised coordinates (N, 2) of pixels, and which (N,) mean anything; the others are 0."""
    size = np.array([camera.width, camera.height], np.float64)
    margin = IN_PICTURE_MARGIN * size
    inside = np.all((pixels >= -margin) & (pixels <= size + margin), 1)
    image = _rays(camera, np.where(inside[:, None], pixels, 0.5 * size))
    usable = inside & np.all(np.isfinite(image), 1)
    return np.where(usable[:, None], image, 0.0), usable


def _rays(camera: Camera, pixels: np.ndarray) -> np.ndarray:
    """Pixels (N, 2) in the picture as normalised coordinates, by OpenCV: far faster than our exact inverse."""
    return cv2.undistortPoints(pixels[:, None], camera.K, camera.distortion, criteria=_UNDISTORT_UNTIL)[:, 0]


_UNDISTORT_UNTIL = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 1e-7)
