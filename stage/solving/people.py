"""The people seen in a frameset, freed of lens and encoding; what association and solve work on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from protocols.arrays import from_bytes
from protocols.messages import LANDMARK_COUNT, CameraLandmarks
from stage.cameras.camera import Camera

_MIRRORED = {1: 4, 2: 5, 3: 6, 7: 8, 9: 10} | {i: i + 1 for i in range(11, 33, 2)}
MIRROR = np.arange(LANDMARK_COUNT)
"""Index of the same landmark on the other side."""
for _left, _right in _MIRRORED.items():
    MIRROR[_left], MIRROR[_right] = _right, _left

IN_PICTURE_MARGIN = 0.02
"""A landmark this share of the picture's size outside it is only guessed by the network."""


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

    def mirrored(self) -> Person:
        """The same person with left and right exchanged."""
        world = None if self.world is None else self.world[MIRROR]
        return Person(self.camera, self.image[MIRROR], self.confidence[MIRROR], world, self.score)


class CameraRig:
    """All cameras of the stage as arrays, in the order of the configuration."""

    def __init__(self, cameras: Sequence[Camera]) -> None:
        self.ids = tuple(camera.id for camera in cameras)
        self.cameras = {camera.id: camera for camera in cameras}
        """By id, at the size of their pictures once one has been seen."""
        self.R = np.stack([camera.R_camera_world for camera in cameras])
        """(C, 3, 3) world to camera."""
        self.t = np.stack([camera.t_camera_world for camera in cameras])
        """(C, 3)."""
        self.centers = np.stack([camera.center_world for camera in cameras])
        """(C, 3), metres."""

    def camera(self, camera_id: str, width: int, height: int) -> Camera:
        """A camera for pictures of a size.

        Raises:
            CalibrationError: The calibration is for another aspect.
        """
        camera = self.cameras[camera_id]
        if (camera.width, camera.height) != (width, height):
            camera = self.cameras[camera_id] = camera.scaled_to(width, height)
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
    pixels, confidence = points[:, :2], points[:, 2]
    size = np.array([seen.width, seen.height], np.float64)
    margin = IN_PICTURE_MARGIN * size
    inside = np.all((pixels >= -margin) & (pixels <= size + margin), 1)
    image = _rays(camera, np.where(inside[:, None], pixels, 0.5 * size))
    usable = inside & np.all(np.isfinite(image), 1)
    world = from_bytes(person.world, (LANDMARK_COUNT, 3)).astype(np.float64) if len(person.world) > 0 else None
    return Person(
        index, np.where(usable[:, None], image, 0.0), np.where(usable, confidence, 0.0), world, float(person.score)
    )


def _rays(camera: Camera, pixels: np.ndarray) -> np.ndarray:
    """Pixels (33, 2) in the picture as normalised coordinates, by OpenCV: far faster than our exact inverse."""
    return cv2.undistortPoints(pixels[:, None], camera.K, camera.distortion, criteria=_UNDISTORT_UNTIL)[:, 0]


_UNDISTORT_UNTIL = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 1e-7)
