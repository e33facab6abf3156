"""People: who is where in each camera, from frame to frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from protocols.messages import PersonLandmarks, Prediction
from stage.networks.pose import Crop, Landmarks, LandmarkNetwork, PoseDetector, overlap
from stage.networks.regions import ByteImage, Region
import numpy as np

MIN_SCORE = 0.5


@dataclass
class _Track:
    number: int
    region: Region


class PeopleTracker:
    def __init__(
        self, camera_ids: Sequence[str], detector: PoseDetector, network: LandmarkNetwork, max_people: int = 4
    ):
        self.detector, self.network, self.max_people = detector, network, max_people
        self._tracks: dict[str, list[_Track]] = {camera: [] for camera in camera_ids}
        self._next = dict.fromkeys(camera_ids, 0)
        self._age = dict.fromkeys(camera_ids, 0)

    def step(
        self, frames: Mapping[str, tuple[ByteImage, int]], predictions: Sequence[Prediction] = ()
    ) -> dict[str, tuple[PersonLandmarks, ...]]:
        out = {}
        for camera, (image, _) in frames.items():
            tracks = self._tracks[camera]
            if self._age[camera] % 15 == 0:
                for detection in self.detector.detect(image, self.max_people):
                    region = detection.region()
                    if not any(_iou(region, t.region) > 0.4 for t in tracks):
                        tracks.append(_Track(self._next[camera], region))
                        self._next[camera] += 1
            self._age[camera] += 1
            results = self.network.landmarks([Crop(image, t.region) for t in tracks])
            kept, persons = [], []
            for track, result in zip(tracks, results):
                if result.score < MIN_SCORE or any(_iou(result.next_region, k.region) > 0.4 for k in kept):
                    continue
                track.region = result.next_region
                kept.append(track)
                persons.append(_person(track, result))
            self._tracks[camera] = kept
            out[camera] = tuple(persons)
        return out


def _iou(a: Region, b: Region) -> float:
    box = lambda r: np.array([r.x - r.width / 2, r.y - r.height / 2, r.x + r.width / 2, r.y + r.height / 2])
    return float(overlap(box(a), box(b)[None])[0])


def _person(track: _Track, result: Landmarks) -> PersonLandmarks:
    world = b"" if result.world is None else result.world.astype("<f4").tobytes()
    return PersonLandmarks(track.number, result.points.astype("<f4").tobytes(), world, result.score)
