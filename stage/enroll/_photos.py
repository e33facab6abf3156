"""Photos of a face, from several sides: found and read, one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from protocols.messages import CameraLandmarks
from stage.config import Config
from stage.enroll._clip import SeenFace, face_sharpness
from stage.errors import EnrollError
from stage.networks.face import FaceNetwork, FaceReading, face_region
from stage.networks.face_tracker import face_record
from stage.networks.landmarks import Crop
from stage.networks.load import load_face_detector, load_face_network
from stage.networks.regions import Region

LEAST_SCORE = 0.5
_MOST_FACES = 4
_MOST_PIXELS = 2_000
"""Longer sides are shrunk to this; more tells the network nothing."""
_LOOKS = 3
"""Each reading gives a better region for the next."""


def read_photos(paths: Sequence[Path], actor: str, config: Config, report: Callable[[str], None]) -> list[SeenFace]:
    """The face in each photo; photos without one, or with several alike, are left out and told of.

    Raises:
        EnrollError: A photo cannot be read.
        NetworkError: A network cannot be had.
    """
    detector = load_face_detector(config.body.precision)
    network = load_face_network(config.body.precision, 1, 1, eyes=config.face.eyes, name=config.face.network)
    seen = []
    for number, path in enumerate(paths):
        image = _image(path)
        found = [face for face in detector.detect(image, _MOST_FACES) if face.region.is_usable(image)]
        if len(found) == 0:
            report(f"warning: {path}: no face found; left out")
            continue
        region, others = _largest([face.region for face in found])
        if others:
            report(f"warning: {path}: several faces; the largest is taken, crop the photo if that is wrong")
        reading = _read(network, image, region, eyes=config.face.eyes)
        if reading.score < LEAST_SCORE:
            report(f"warning: {path}: the face is not clear enough to be read; left out")
            continue
        height, width = image.shape[:2]
        record = face_record(reading, -1, actor)
        frame = CameraLandmarks(path.name, number, number, number, number, number, width, height, (), (), (record,))
        seen.append(SeenFace(frame, record, face_sharpness(image, reading.points)))
    return seen


def _read(network: FaceNetwork, image: np.ndarray, region: Region, *, eyes: bool) -> FaceReading:
    """The face in a region that is as rough as a detector's."""
    reading = network.read([Crop(image, region)], eyes=eyes)[0]
    for _ in range(_LOOKS - 1):
        if reading.score >= LEAST_SCORE:
            reading = network.read([Crop(image, face_region(reading.points))], eyes=eyes)[0]
    return reading


def _image(path: Path) -> np.ndarray:
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise EnrollError(f"{path}: {error.strerror}") from None
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) > 0 else None
    if image is None:
        raise EnrollError(f"{path} is no picture that can be read; JPEG and PNG can")
    shrink = min(1.0, _MOST_PIXELS / max(image.shape[:2]))
    return cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) if shrink < 1.0 else image


def _largest(regions: Sequence[Region]) -> tuple[Region, bool]:
    """The largest region, and whether another one is nearly as large."""
    ordered = sorted(regions, key=lambda region: -region.width)
    return ordered[0], len(ordered) > 1 and ordered[1].width > 0.5 * ordered[0].width
