"""The face in a camera that films one actor's face: head-mounted, or standing before it.

*Following*: the region comes from the landmarks of the frame before. An answer that jumps, grows or
has no presence is refused. A presence that falls is passed on as it is, down to `WEAKEST_SCORE`;
after `PATIENCE_NS` without any, the face is lost.

*Lost*: the detector looks at the picture and the best face is followed: large, central, and not much
smaller than the one that was lost, as long as that is remembered. It could be a poster on the wall.

A face that never moves may be a poster as well: only then, the detector is asked now and then whether
there is a better one. A living face is never left for another, however large, that looks in.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from protocols.messages import FaceLandmarks
from stage.networks.face import FACE_EXPANSION, FaceReading, face_region
from stage.networks.face_detector import Faces, FoundFace
from stage.networks.face_tracker import FaceReader, face_record, inside_share
from stage.networks.landmarks import Crop
from stage.networks.regions import ImageArray, Region
from stage.networks.schedule import DetectorSchedule

FOUND_SCORE = 0.5
"""A face just found has at least this presence."""

WEAKEST_SCORE = 0.1
"""A face that is followed is reported down to this presence, and the region moves with it from `FOUND_SCORE` on."""

PATIENCE_NS = 250_000_000
"""After so long without a good answer, a face is lost."""

MAX_JUMP = 0.6
"""Sizes of the face that it moves from one frame to the next, at most."""

MAX_GROWTH = 1.5
"""A face is not larger or smaller by more than this from one frame to the next."""

STILL_NS = 3_000_000_000
"""A face that has not moved for so long may be a picture of one."""

STIR = 0.03
"""Sizes of the face by which some of its points move when it lives: a blink is more, the noise of a picture less."""

BETTER = 1.5
"""A face this much better than one that never moves takes its place."""

REMEMBERED_NS = 10_000_000_000
"""How long the size of a lost face is remembered."""

SMALLER = 0.5
"""A face smaller than so many sizes of the lost one is not taken for it."""

_FEW = 10
"""Points that move in a blink."""

MAX_FACES = 4

TIMELESS_NS = 1_000_000_000
"""After a gap like this, or a step back in time, nothing is known."""


@dataclass
class _Track:
    """The face that is followed."""

    points: npt.NDArray[np.float32]
    region: Region
    seen_ns: int
    """Of the last good answer."""
    still_points: npt.NDArray[np.float32]
    """The landmarks when it last moved ..."""
    still_ns: int
    """... and when that was."""

    @property
    def size(self) -> float:
        """Of the face, pixels."""
        return self.region.width / FACE_EXPANSION


class _View:
    """What is remembered of one camera."""

    def __init__(self, actor: str, index: int) -> None:
        self.actor = actor
        self.schedule = DetectorSchedule(index)
        self.track: _Track | None = None
        self.last_ns = -1
        self.lost_size = 0.0
        self.lost_ns = 0

    def lose(self, capture_ns: int) -> None:
        """The face has gone; its size is remembered."""
        if self.track is not None:
            self.lost_size, self.lost_ns = self.track.size, capture_ns
        self.track = None
        self.schedule.restart()


class FaceCameraTracker:
    """Follows the one face in each of the cameras that are bound to an actor's face."""

    def __init__(self, actors: Mapping[str, str], detector: Faces, network: FaceReader, *, eyes: bool = True) -> None:
        """Start without faces.

        Args:
            actors: Per camera, the actor whose face it films.
            detector: Finds faces.
            network: Reads them.
            eyes: Whether eyes are read.
        """
        self._views = {camera: _View(actor, index) for index, (camera, actor) in enumerate(actors.items())}
        self._detector = detector
        self._network = network
        self._eyes = eyes
        self.counters: Counter[str] = Counter()
        """Since the start: face_crops, face_detections, faces_refused, faces_lost, faces_left."""

    @property
    def facts(self) -> dict[str, str]:
        """What an operator may ask of the network."""
        return self._network.facts

    def step(self, frames: Mapping[str, tuple[ImageArray, int]]) -> dict[str, tuple[FaceLandmarks, ...]]:
        """Read the face in the newest frames of some or all cameras.

        Args:
            frames: Per camera, the image (H, W, 3) BGR or (H, W), uint8, and its capture time in ns.

        Returns:
            Per camera of `frames`, the face or nothing.
        """
        regions = {
            camera: region
            for camera, (image, capture_ns) in frames.items()
            if (region := self._region(self._views[camera], image, capture_ns)) is not None
        }
        crops = [Crop(frames[camera][0], region) for camera, region in regions.items()]
        self.counters["face_crops"] += len(crops)
        result: dict[str, tuple[FaceLandmarks, ...]] = {camera: () for camera in frames}
        for (camera, region), reading in zip(regions.items(), self._network.read(crops, self._eyes), strict=True):
            image, capture_ns = frames[camera]
            view = self._views[camera]
            score = self._judged(view, reading, region, image, capture_ns)
            if score >= WEAKEST_SCORE:
                result[camera] = (face_record(reading._replace(score=score), -1, view.actor),)
        return result

    def _region(self, view: _View, image: ImageArray, capture_ns: int) -> Region | None:
        """Where to look in this frame; None when no face is known or found."""
        if view.last_ns >= 0 and not 0 < capture_ns - view.last_ns < TIMELESS_NS:
            view.lose(capture_ns)
        view.last_ns = capture_ns
        track = view.track
        if track is not None and capture_ns - track.seen_ns > PATIENCE_NS:
            self.counters["faces_lost"] += 1
            view.lose(capture_ns)
            track = None
        if track is None:
            return self._found(view, image, capture_ns)
        if capture_ns - track.still_ns > STILL_NS and view.schedule.is_due(capture_ns, someone=True):
            better = self._better(track, image)
            if better is not None:
                self.counters["faces_left"] += 1
                view.track = None
                return better
        return track.region

    def _found(self, view: _View, image: ImageArray, capture_ns: int) -> Region | None:
        """The region of the best face that the detector finds, when it is time to look."""
        if not view.schedule.is_due(capture_ns, someone=False):
            return None
        remembered = 0 <= capture_ns - view.lost_ns < REMEMBERED_NS
        smallest = SMALLER * view.lost_size if remembered else 0.0
        found = [face for face in self._detect(image) if face.region.width / FACE_EXPANSION >= smallest]
        return max(found, key=lambda face: _worth(face.region, image)).region if len(found) > 0 else None

    def _better(self, track: _Track, image: ImageArray) -> Region | None:
        """The region of a face that is clearly better than one that never moves."""
        found = self._detect(image)
        if len(found) == 0:
            return None
        best = max(found, key=lambda face: _worth(face.region, image)).region
        same = math.hypot(best.x - track.region.x, best.y - track.region.y) < track.size
        return best if not same and _worth(best, image) > BETTER * _worth(track.region, image) else None

    def _detect(self, image: ImageArray) -> list[FoundFace]:
        self.counters["face_detections"] += 1
        return [face for face in self._detector.detect(image, MAX_FACES) if face.region.is_usable(image)]

    def _judged(self, view: _View, reading: FaceReading, region: Region, image: ImageArray, capture_ns: int) -> float:
        """The score to report of a reading, 0 when it is refused; a good one moves the track."""
        if not np.isfinite(reading.points).all():
            return 0.0
        now = face_region(reading.points)
        growth = now.width / region.width
        jump = math.hypot(now.x - region.x, now.y - region.y) * FACE_EXPANSION / region.width
        track = view.track
        # The detector's regions are rough; landmarks are held to those of the frame before.
        steady = track is None or (1.0 / MAX_GROWTH < growth < MAX_GROWTH and jump < MAX_JUMP)
        if not steady or not now.is_usable(image):
            self.counters["faces_refused"] += 1
            return 0.0
        score = reading.score * inside_share(reading.points, image)
        if reading.score < FOUND_SCORE:
            return score if track is not None else 0.0
        if track is None:
            view.track = _Track(reading.points, now, capture_ns, reading.points, capture_ns)
            return score
        if _stirred(reading.points, track.still_points) > STIR * track.size:
            track.still_points, track.still_ns = reading.points, capture_ns
        track.points, track.region, track.seen_ns = reading.points, now, capture_ns
        return score


def _stirred(points: npt.NDArray[np.float32], before: npt.NDArray[np.float32]) -> float:
    """How far those points (468, 3) that moved most have moved, pixels: lids and lips are few among the many."""
    way = points[:, :2] - before[:, :2]
    return float(np.partition(np.hypot(way[:, 0], way[:, 1]), -_FEW)[-_FEW])


def _worth(region: Region, image: ImageArray) -> float:
    """Of a face as the performer's: its size, half as much at the corner of the picture as in the middle."""
    height, width = image.shape[:2]
    from_middle = math.hypot(region.x - 0.5 * width, region.y - 0.5 * height) / (0.5 * math.hypot(width, height))
    return region.width * (1.0 - 0.5 * min(from_middle, 1.0))
