"""A clip, watched: every frame's landmarks, and the body shape that the live solver draws from them.

    pictures --> LandmarkReader --> bodies --> Solver, whose predictions guide the reader
                                --> faces  --> kept, with how sharp the picture is

Nothing is kept of the pictures themselves, so a clip may be long.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np

from protocols.arrays import from_bytes
from protocols.messages import FACE_LANDMARK_COUNT, CameraLandmarks, FaceLandmarks, Prediction
from stage.networks.reader import LandmarkReader
from stage.offline import Pictures, read_views
from stage.solving.framesets import Frameset
from stage.solving.solver import Solver

MOST_FRAMES = 20_000
_SHARPNESS_PX = 128


class SeenFace(NamedTuple):
    """One face in one frame."""

    frame: CameraLandmarks
    face: FaceLandmarks
    sharpness: float
    """See `face_sharpness`."""


@dataclass
class Clip:
    """What a clip showed."""

    actor: str
    faces: list[SeenFace] = field(default_factory=list)
    """Of the actor, in the order of time."""
    frames: Counter[str] = field(default_factory=Counter)
    """Per camera."""
    crowded: Counter[str] = field(default_factory=Counter)
    """Per camera, frames with more people than the actor."""
    framesets: int = 0
    """Of the body cameras."""
    tracked: int = 0
    """Of those, solved."""
    bodies: Counter[str] = field(default_factory=Counter)
    """Per camera, framesets to whose solution it contributed."""
    seconds: float = 0.0


def watch(actor: str, pictures: Iterable[Pictures], reader: LandmarkReader, solver: Solver | None) -> Clip:
    """Go through a clip once.

    Args:
        actor: Whom it shows.
        pictures: Of all cameras.
        reader: The networks.
        solver: Of the body cameras, if there are any; it estimates the body shape on the way.
    """
    clip, predictions, first_ns, last_ns = Clip(actor), [], -1, -1
    for tick in pictures:
        if sum(clip.frames.values()) >= MOST_FRAMES:
            break
        first_ns = tick.time_ns if first_ns < 0 else first_ns
        clip.seconds = (tick.time_ns - first_ns) * 1e-9
        views = read_views(reader, tick, tick.time_ns, predictions)
        bodies = {camera: view for camera, view in views.items() if camera not in reader.face_camera_ids}
        _note(clip, tick, views)
        if solver is not None and len(bodies) > 0:
            interval_ns = tick.time_ns - last_ns if last_ns >= 0 else 0
            predictions, last_ns = _solve(clip, solver, Frameset(tick.time_ns, bodies), interval_ns), tick.time_ns
    return clip


def face_sharpness(image: np.ndarray, points: np.ndarray) -> float:
    """How much fine detail the picture of a face has: a sharp one about 0.1 to 0.3, a blurred one below 0.05.

    The deviation of the Laplacian over that of the brightness, at one size for all faces.

    Args:
        image: (H, W, 3) BGR or (H, W), uint8.
        points: (N, 2 or more) landmarks, pixels.
    """
    height, width = image.shape[:2]
    low = np.clip(np.floor(points[:, :2].min(axis=0)), 0, [width - 2, height - 2]).astype(int)
    high = np.clip(np.ceil(points[:, :2].max(axis=0)), low + 2, [width, height]).astype(int)
    crop = image[low[1] : high[1], low[0] : high[0]]
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY) if crop.ndim == 3 else crop
    shrink = min(1.0, _SHARPNESS_PX / grey.shape[1])
    grey = cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA).astype(np.float32)
    grey = cv2.GaussianBlur(grey, (0, 0), 0.8)  # noise is no detail
    return float(cv2.Laplacian(grey, cv2.CV_32F).std() / (grey.std() + 1.0))


def points_of(face: FaceLandmarks) -> np.ndarray:
    """(468, 3) landmarks of a face, pixels."""
    return from_bytes(face.points, (FACE_LANDMARK_COUNT, 3))


def _solve(clip: Clip, solver: Solver, frameset: Frameset, interval_ns: int) -> list[Prediction]:
    clip.framesets += 1
    for performance in solver.step(frameset):
        if performance.actor == clip.actor and performance.state == "tracking":
            clip.tracked += 1
            clip.bodies.update(performance.cameras)
    return solver.predictions(frameset.capture_ns + interval_ns)


def _note(clip: Clip, tick: Pictures, views: dict[str, CameraLandmarks]) -> None:
    for camera, view in views.items():
        clip.frames[camera] += 1
        clip.crowded[camera] += len(view.persons) > 1
        for face in view.faces:
            if face.actor == clip.actor:
                sharpness = face_sharpness(tick.frames[camera].image, points_of(face))
                clip.faces.append(SeenFace(view, face, sharpness))
