"""Faces in the cameras that film bodies: whose, in which views, and where.

The pose says where each head is in every frame. A face is read in the best `views` of its actor
(large and frontal, see `best_views`). Its region comes from its own landmarks of the frame before,
carried along with the head, and from the head itself to begin with. An answer that is not where the
head is, of another size, or without presence, is refused; of two people who claim one face, that one
has it whose head is nearer.

Actors with a camera of their own for the face (see `face_camera`) are not looked at here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from protocols.arrays import to_bytes
from protocols.messages import FaceLandmarks
from stage.networks.best_views import BestViews
from stage.networks.face import FACE_EXPANSION, FaceReading, face_region
from stage.networks.head import Head, find_head
from stage.networks.landmarks import Crop
from stage.networks.regions import FloatArray, ImageArray, Region
from stage.networks.wanted import Someone

SMALLEST_FACE_PX = 24.0
"""A smaller face is not read: an opened mouth is then two pixels high, and the network's points are those of a mean
face."""

SMALLEST_EYES_FACE_PX = 40.0
"""In a smaller face the eyes are not read: an iris is then two pixels wide."""

MIN_FRONTAL = 0.2
"""Heads turned away further than this (80 degrees) are not looked at."""

MIN_SCORE = 0.5
"""The score below which the network says that there is no face."""

MAX_FROM_HEAD = 0.5
"""Sizes of the face between it and the head's own idea of it, beyond which it is another's."""

MAX_GROWTH = 1.6
"""A face is at most so many times larger or smaller than the head says."""

SAME_FACE = 0.3
"""Two readings nearer than this, in sizes, are of one face."""

REST_NS = 150_000_000
"""Between two attempts at a face that is covered, or none."""

TRACKED_NS = 200_000_000
"""Landmarks older than this do not say where to look."""


class FaceReader(Protocol):
    """Reads faces in regions."""

    @property
    def facts(self) -> dict[str, str]:
        """What an operator may ask."""
        ...

    def read(self, crops: Sequence[Crop], eyes: bool = True) -> list[FaceReading]:
        """The face in each crop."""
        ...


@dataclass
class _Track:
    """A face that has been read in a view."""

    points: npt.NDArray[np.float32]
    head: Head
    seen_ns: int


class _Look(NamedTuple):
    someone: Someone
    head: Head
    crop: Crop


class _Answer(NamedTuple):
    look: _Look
    reading: FaceReading
    distance: float
    """From the head, in sizes of the face."""


class FaceTracker:
    """Follows the faces of people in the cameras of a stage."""

    def __init__(
        self, network: FaceReader, *, views: int = 2, eyes: bool = True, elsewhere: Collection[str] = ()
    ) -> None:
        """Start without faces.

        Args:
            network: Reads faces.
            views: In how many cameras each is read.
            eyes: Whether eyes are read.
            elsewhere: Actors whose faces other cameras see.
        """
        self._network = network
        self._best = BestViews(views, REST_NS)
        self._eyes = eyes
        self._elsewhere = frozenset(elsewhere)
        self._tracks: dict[tuple[str, str], _Track] = {}
        self.counters: Counter[str] = Counter()
        """Since the start: face_crops, faces_refused, faces_merged."""

    @property
    def facts(self) -> dict[str, str]:
        """What an operator may ask of the network."""
        return self._network.facts

    def step(
        self, frames: Mapping[str, tuple[ImageArray, int]], people: Sequence[Someone]
    ) -> dict[str, tuple[FaceLandmarks, ...]]:
        """Read the faces of people in the newest frames of some or all cameras.

        Args:
            frames: Per camera, the image and its capture time in ns.
            people: Who is in these frames and wanted.

        Returns:
            Per camera of `frames`, the faces read.
        """
        looks = self._looks(frames, people)
        self.counters["face_crops"] += len(looks)
        large = [look for look in looks if look.head.size >= SMALLEST_EYES_FACE_PX]
        small = [look for look in looks if look.head.size < SMALLEST_EYES_FACE_PX]
        readings = [
            *zip(large, self._network.read([look.crop for look in large], self._eyes), strict=True),
            *zip(small, self._network.read([look.crop for look in small], False), strict=True),
        ]
        answers = [answer for look, reading in readings if (answer := self._judged(look, reading)) is not None]
        self._forget(frames)
        result: dict[str, list[FaceLandmarks]] = {camera: [] for camera in frames}
        for answer in self._owned(answers):
            someone = answer.look.someone
            self._tracks[someone.actor, someone.view] = _Track(
                answer.reading.points, answer.look.head, someone.capture_ns
            )
            result[someone.camera].append(face_record(answer.reading, someone.track, someone.actor))
        return {camera: tuple(faces) for camera, faces in result.items()}

    def _forget(self, frames: Mapping[str, tuple[ImageArray, int]]) -> None:
        """Let go of faces that are too old to say anything."""
        now_ns = max((capture_ns for _, capture_ns in frames.values()), default=0)
        for key in [key for key, track in self._tracks.items() if abs(now_ns - track.seen_ns) > TRACKED_NS]:
            del self._tracks[key]

    def _looks(self, frames: Mapping[str, tuple[ImageArray, int]], people: Sequence[Someone]) -> list[_Look]:
        """The heads that are worth a look now."""
        heads = []
        for someone in people:
            if someone.actor in self._elsewhere:
                continue
            head = find_head(someone.points)
            worth = 0.0 if head is None else _worth(head)
            self._best.note(someone.actor, someone.view, worth, someone.capture_ns)
            if head is not None and worth > 0.0:
                heads.append((someone, head))
        looks = []
        for someone, head in heads:
            image = frames[someone.camera][0]
            region = self._region(someone, head)
            if self._best.is_chosen(someone.actor, someone.view) and region.is_usable(image):
                looks.append(_Look(someone, head, Crop(image, region)))
        return looks

    def _region(self, someone: Someone, head: Head) -> Region:
        """Where to look: at the last landmarks, carried along with the head; else at the head."""
        track = self._tracks.get((someone.actor, someone.view))
        if track is None or not 0 < someone.capture_ns - track.seen_ns < TRACKED_NS:
            return head.region()
        region = face_region(track.points)
        return region._replace(x=region.x + head.x - track.head.x, y=region.y + head.y - track.head.y)

    def _judged(self, look: _Look, reading: FaceReading) -> _Answer | None:
        """The reading, with its distance from the head; None if it is none, or somebody else's."""
        head, someone = look.head, look.someone
        region = face_region(reading.points)
        size = region.width / FACE_EXPANSION
        distance = math.hypot(region.x - head.x, region.y - head.y) / head.size
        good = (
            reading.score >= MIN_SCORE
            and bool(np.isfinite(reading.points).all())
            and distance <= MAX_FROM_HEAD
            and 1.0 / MAX_GROWTH < size / head.size < MAX_GROWTH
        )
        self._best.learn(someone.actor, someone.view, reading.score if good else 0.0)
        if good:
            share = inside_share(reading.points, look.crop.image)
            return _Answer(look, reading._replace(score=reading.score * share), distance)
        self.counters["faces_refused"] += 1
        self._tracks.pop((someone.actor, someone.view), None)
        return None

    def _owned(self, answers: list[_Answer]) -> list[_Answer]:
        """The answers, each face only once: its owner's head is the nearest."""
        kept: list[_Answer] = []
        for answer in sorted(answers, key=lambda answer: answer.distance):
            someone = answer.look.someone
            if any(_same_face(answer, other) for other in kept):
                self.counters["faces_merged"] += 1
                self._tracks.pop((someone.actor, someone.view), None)
            else:
                kept.append(answer)
        return kept


def face_record(reading: FaceReading, track: int, actor: str) -> FaceLandmarks:
    """A reading as it crosses the bus."""
    eyes = b"" if reading.eyes is None else to_bytes(reading.eyes)
    return FaceLandmarks(track, actor, to_bytes(reading.points), eyes, reading.score)


def inside_share(points: FloatArray, image: ImageArray) -> float:
    """Share of points (n, 2 or 3) within the image; the others are guesses."""
    height, width = image.shape[:2]
    x, y = points[:, 0], points[:, 1]
    inside = (x > -0.5) & (y > -0.5) & (x < width - 0.5) & (y < height - 0.5)
    return float(np.count_nonzero(inside)) / len(points)


def _worth(head: Head) -> float:
    """Of a view of this head: how many pixels of the face can be seen."""
    if head.frontal < MIN_FRONTAL or head.size < SMALLEST_FACE_PX:
        return 0.0
    return head.size * head.frontal * head.confidence


def _same_face(one: _Answer, other: _Answer) -> bool:
    if one.look.someone.camera != other.look.someone.camera:
        return False
    a, b = face_region(one.reading.points), face_region(other.reading.points)
    return math.hypot(a.x - b.x, a.y - b.y) * FACE_EXPANSION < SAME_FACE * min(a.width, b.width)
