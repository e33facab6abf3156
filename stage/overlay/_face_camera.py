"""The picture of a face camera: what the networks see in it, and beside it what was solved.

Such a camera needs no calibration, so nothing of the solved head can be put in its place. Its landmarks are read
anew, as the live stage reads them.
"""

from __future__ import annotations

import cv2
import numpy as np
from msgspec.structs import replace

from protocols.arrays import from_bytes
from protocols.messages import FaceLandmarks
from stage.cameras.sources.source import Image
from stage.config import CameraSection, Config
from stage.networks.load import load_reader
from stage.offline import Result
from stage.overlay import _colours
from stage.overlay._bars import draw_bars
from stage.overlay._lines import in_colour
from stage.synthetic.raster import Floats

_IRIS = 71
"""Of an eye's points, the first of the iris: its centre, then four on its edge."""
_SHIFT = 4


class FaceCameraPainter:
    """Draws one face camera."""

    def __init__(self, config: Config, section: CameraSection, result: Result) -> None:
        """Load the networks.

        Raises:
            NetworkError: A network cannot be had, read or run.
        """
        self._id = section.id
        every_frame = replace(config, face=replace(config.face, rate=0.0))
        self._reader = load_reader(every_frame, [section.id])
        self._result = result if section.face_of == str(result.actor) else None

    def draw(self, image: Image, at_ns: int) -> Image:
        """The picture with the landmarks read in it; call it for every frame, in order."""
        seen = self._reader.step({self._id: (image, at_ns)}, [])[self._id]
        drawn = in_colour(image)
        for face in seen.faces:
            draw_landmarks(drawn, face)
        row = self._result.face_at(at_ns) if self._result is not None else -1
        if self._result is not None and row >= 0:
            draw_bars(drawn, self._result.face_shapes[row], self._result.face_confidence[row])
        return drawn


def draw_landmarks(image: Image, face: FaceLandmarks) -> None:
    """Draws the points of a face, its lids and irises, in place; how sure the face is, is its colour."""
    points = from_bytes(face.points, (-1, 3))[:, :2]
    _dots(image, points, _colours.by_confidence(face.score))
    if not face.eyes:
        return
    for eye in from_bytes(face.eyes, (2, -1, 2)):
        _dots(image, eye[:_IRIS], _colours.EYES)
        centre, edge = eye[_IRIS], eye[_IRIS + 1 :]
        radius = float(np.linalg.norm(edge - centre, axis=1).mean())
        place = np.rint(centre * 2**_SHIFT).astype(int)
        cv2.circle(image, place.tolist(), round(radius * 2**_SHIFT), _colours.POINTS, 1, cv2.LINE_AA, _SHIFT)


def _dots(image: Image, points: Floats, colour: _colours.Bgr) -> None:
    for x, y in np.rint(points * 2**_SHIFT).astype(int).tolist():
        cv2.circle(image, (x, y), 10, colour, cv2.FILLED, cv2.LINE_AA, _SHIFT)
