"""People: who is where in each camera, from frame to frame.

Two states, decided anew at every frame for all cameras together:

*Searching*, while not every actor is predicted by the solver and confirmed by two cameras. The
detector looks for people (every frame in a camera that shows nobody, else now and then, see
`schedule`), everybody found is followed and reported, bystanders too: only the solver, which sees
all cameras, can tell who is the actor.

*Covered*, when the solver predicts every actor and cameras confirm it. Each actor costs one crop
per camera and frame, placed by the prediction; the detector rests and nobody else is looked at.
With `views`, cameras take turns at resting: fewer crops, and each camera a little less often.

In both states an answer that is not where the person was expected is refused, never followed; a
track that is refused too often ends. Two tracks on one body become one. The same frames and
predictions always give the same result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from protocols.arrays import to_bytes
from protocols.messages import PersonLandmarks, Prediction
from stage.networks import tracks as rules
from stage.networks.detector import Detector
from stage.networks.expectations import Expectations
from stage.networks.landmarks import MIN_SCORE, Crop, LandmarkNetwork, Landmarks, body_circle
from stage.networks.regions import FloatArray, ImageArray, Region
from stage.networks.schedule import DetectorSchedule
from stage.networks.tracks import SideVotes, Track
from stage.networks.turns import Rota

MAX_DISTANCE_PREDICTED = 0.25
"""Body radii between landmarks and their prediction beyond which they are of somebody else.

On a real recording with predictions one frame late (four frames late), 99 % of the distances are
below 0.08 (0.13).
"""

MAX_DISTANCE_PER_FRAME = 0.35
"""The same between successive frames at 30 fps; up to three times as much at lower rates."""

MAX_GROWTH = 1.6
"""A person does not grow or shrink by more than this in the image from one frame to the next."""

SAME_BODY = 0.25
"""Body radii between two tracks below which they follow one body."""

MISSES_FOUND = 2
"""Frames that a person without prediction may be missed before the track ends."""

MISSES_ACTOR = 10

TIMELESS_NS = 1_000_000_000
"""After a gap like this, or a step back in time, nothing is known about where people are."""

_FRAME_NS = 1_000_000_000 // 30


class _Look(NamedTuple):
    """One crop to be read in this step."""

    camera: str
    track: Track
    crop: Crop
    expected: FloatArray | None
    """(33, 2 or 3): where the landmarks should be; None for a person just found."""
    max_distance: float


class _Answer(NamedTuple):
    """A confirmed reading."""

    look: _Look
    landmarks: Landmarks
    distance: float
    """From the expectation, in body radii."""


class _View:
    """What is remembered of one camera."""

    def __init__(self, index: int) -> None:
        self.tracks: list[Track] = []
        self.last_ns = -1
        self.interval_ns = 0
        self.next_number = 0
        self.schedule = DetectorSchedule(index)


class PeopleTracker:
    """Follows people in all cameras of a stage."""

    def __init__(
        self,
        camera_ids: Sequence[str],
        actor_ids: Sequence[str],
        detector: Detector,
        network: LandmarkNetwork,
        *,
        max_people: int = 4,
        views: int = 0,
        period_ns: int = _FRAME_NS,
    ) -> None:
        """Start with nobody.

        Args:
            camera_ids: The cameras whose frames will come.
            actor_ids: The configured actors; the search ends when all are found.
            detector: Finds people.
            network: Reads their landmarks.
            max_people: People per camera followed without a prediction.
            views: In how many cameras actors are read in one instant while all is well; 0 is all.
            period_ns: Time between instants.
        """
        self._views = {camera: _View(index) for index, camera in enumerate(camera_ids)}
        self._detector = detector
        self._network = network
        self._max_people = max_people
        self._rota = Rota(camera_ids, views, period_ns)
        self._expectations = Expectations(actor_ids)
        self._votes = {actor: SideVotes() for actor in actor_ids}
        self.counters: Counter[str] = Counter()
        """Since the start: crops, detections, refused, merged, sides_exchanged, bad_predictions."""

    @property
    def facts(self) -> dict[str, str]:
        """What an operator may ask of the networks."""
        return self._network.facts

    def step(
        self, frames: Mapping[str, tuple[ImageArray, int]], predictions: Iterable[Prediction] = ()
    ) -> dict[str, tuple[PersonLandmarks, ...]]:
        """Read everybody in the newest frames of some or all cameras.

        Args:
            frames: Per camera, the image (H, W, 3) uint8 BGR and its capture time in ns.
            predictions: What has come from the solver since the last step.

        Returns:
            Per camera of `frames`, the people seen; actors first.
        """
        for prediction in predictions:
            self.counters["bad_predictions"] += self._expectations.note(prediction)
        looks: list[_Look] = []
        for camera, (image, capture_ns) in frames.items():
            looks += self._looks(camera, image, capture_ns)
        self.counters["crops"] += len(looks)
        readings = self._network.landmarks([look.crop for look in looks])
        answers: dict[str, list[_Answer]] = {camera: [] for camera in frames}
        for look, reading in zip(looks, readings, strict=True):
            answer = self._judged(look, reading)
            if answer is None:
                look.track.missed += 1
                self.counters["refused"] += reading.score >= MIN_SCORE
            else:
                answers[look.camera].append(answer)
        return {camera: self._settle(camera, frames[camera][1], answers[camera]) for camera in frames}

    def _looks(self, camera: str, image: ImageArray, capture_ns: int) -> list[_Look]:
        """Decide who is looked for in this frame, and where."""
        view = self._views[camera]
        gap_ns = capture_ns - view.last_ns
        if view.last_ns >= 0 and not 0 < gap_ns < TIMELESS_NS:
            view.tracks.clear()
            view.schedule.restart()
        else:
            view.interval_ns = gap_ns if view.last_ns >= 0 else 0
        view.last_ns = capture_ns
        covered = self._expectations.all_covered(capture_ns, view.interval_ns)
        if covered and self._rota.rests(camera, capture_ns):
            return []
        looks = self._looks_at_actors(camera, image, capture_ns)
        if covered:
            view.tracks = [track for track in view.tracks if track.actor != ""]
            view.schedule.rest(capture_ns)
            return looks
        found = [track for track in view.tracks if track.actor == ""]
        if view.schedule.is_due(capture_ns, someone=len(view.tracks) > 0):
            found += self._found(view, image, self._max_people - len(view.tracks))
        slowness = float(np.clip(view.interval_ns / _FRAME_NS, 1.0, 3.0))
        for track in found:
            expected, region = track.expected_at(capture_ns)
            looks.append(_Look(camera, track, Crop(image, region), expected, slowness * MAX_DISTANCE_PER_FRAME))
        return looks

    def _looks_at_actors(self, camera: str, image: ImageArray, capture_ns: int) -> list[_Look]:
        """Crops for the actors that the solver expects in this camera; their tracks are bound to them."""
        view = self._views[camera]
        looks = []
        for actor in self._expectations.actors:
            expected = self._expectations.places(actor, camera, capture_ns, view.interval_ns)
            if expected is None:
                self._release(view, actor)
                continue
            region = self._network.region_of(body_circle(expected))
            if not region.is_usable(image):
                self._release(view, actor)
                continue
            track = self._bound(view, actor, expected, region)
            track.region = region
            looks.append(_Look(camera, track, Crop(image, region), expected, MAX_DISTANCE_PREDICTED))
        return looks

    def _release(self, view: _View, actor: str) -> None:
        """An actor without prediction here becomes a person like others, followed by its own landmarks."""
        for track in view.tracks:
            if track.actor == actor:
                track.actor = ""
                track.missed = min(track.missed, MISSES_FOUND)
        view.tracks = [track for track in view.tracks if track.actor != "" or track.is_confirmed]

    def _bound(self, view: _View, actor: str, expected: FloatArray, region: Region) -> Track:
        """The track of an actor in a camera: its own, or a found person who stands there, or a new one."""
        radius = rules.body_radius(expected)

        def far(track: Track) -> float:
            return rules.distance(track.points, expected, radius) if track.is_confirmed else np.inf

        for track in view.tracks:
            if track.actor == actor:
                if not track.is_confirmed or far(track) < 2.0 * MAX_DISTANCE_PREDICTED:
                    return track
                track.actor = ""  # The solver has changed its mind; this person stays who it is.
        found = [track for track in view.tracks if track.actor == "" and far(track) < MAX_DISTANCE_PREDICTED]
        if len(found) > 0:
            track = min(found, key=far)
            track.actor = actor
            return track
        track = Track(region, actor)
        view.tracks.append(track)
        return track

    def _found(self, view: _View, image: ImageArray, room: int) -> list[Track]:
        """New tracks for people that the detector finds and nobody follows yet."""
        if room <= 0:
            return []
        self.counters["detections"] += 1
        new: list[Track] = []
        for detection in self._detector.detect(image, self._max_people):
            region = self._network.region_of(detection.circle)
            if region.is_usable(image) and not any(_same_place(region, track.region) for track in view.tracks):
                new.append(Track(region))
        view.tracks += new[:room]
        return new[:room]

    def _judged(self, look: _Look, reading: Landmarks) -> _Answer | None:
        """The reading, mended if sides are exchanged; None if it is nobody, or somebody else."""
        image, region = look.crop
        usable = reading.score >= MIN_SCORE and reading.next_region.is_usable(image)
        if not usable or not np.isfinite(reading.points).all():
            return None
        height, width = image.shape[:2]
        if look.expected is None:
            return _Answer(look, reading._replace(points=rules.without_outside(reading.points, width, height)), 0.0)
        radius = rules.body_radius(look.expected)
        exchanged = rules.sides_exchanged(reading.points, look.expected, radius)
        mended = rules.exchange_sides(reading) if exchanged else reading
        distance = rules.distance(mended.points, look.expected, radius)
        if look.track.actor != "" and self._votes[look.track.actor].exchanges(exchanged):
            self.counters["sides_exchanged"] += 1
            reading = mended
        growth = reading.next_region.width / region.width
        if distance > look.max_distance or not 1.0 / MAX_GROWTH < growth < MAX_GROWTH:
            return None
        return _Answer(look, reading._replace(points=rules.without_outside(reading.points, width, height)), distance)

    def _settle(self, camera: str, capture_ns: int, answers: list[_Answer]) -> tuple[PersonLandmarks, ...]:
        """Merge tracks on one body, move the others on, end the lost, and report."""
        view = self._views[camera]
        order = {actor: k for k, actor in enumerate(self._expectations.actors)}
        kept: list[_Answer] = []
        for answer in sorted(answers, key=_precedence):
            if any(_same_body(answer, other) for other in kept):
                self.counters["merged"] += 1
                answer.look.track.missed += 1
            else:
                kept.append(answer)
        for answer in kept:
            track = answer.look.track
            if not track.is_confirmed:
                track.number = view.next_number
                view.next_number += 1
            track.move(answer.landmarks, capture_ns)
            if track.actor != "":
                self._expectations.confirm(track.actor, camera, capture_ns)
        view.tracks = [track for track in view.tracks if track.missed <= _patience(track)]
        kept.sort(key=lambda answer: (order.get(answer.look.track.actor, len(order)), answer.look.track.number))
        return tuple(_person(answer) for answer in kept)


def _patience(track: Track) -> int:
    if not track.is_confirmed:
        return 0
    return MISSES_ACTOR if track.actor != "" else MISSES_FOUND


def _precedence(answer: _Answer) -> tuple[float, int]:
    """Of two tracks on one body, that stays which comes as expected: the other has moved onto it.

    An actor is given the benefit of the doubt; between the equally good, the older stays.
    """
    track = answer.look.track
    found = answer.look.expected is None
    doubt = 0.5 if track.actor != "" else 1.0
    return (np.inf if found else doubt * answer.distance, track.number if track.is_confirmed else 1 << 30)


def _same_body(one: _Answer, other: _Answer) -> bool:
    a, b = one.landmarks.points, other.landmarks.points
    return rules.distance(a, b, min(rules.body_radius(a), rules.body_radius(b))) < SAME_BODY


def _same_place(one: Region, other: Region) -> bool:
    return bool(np.hypot(one.x - other.x, one.y - other.y) < 0.15 * min(one.width, other.width))


def _person(answer: _Answer) -> PersonLandmarks:
    track, landmarks = answer.look.track, answer.landmarks
    world = b"" if landmarks.world is None else to_bytes(landmarks.world)
    return PersonLandmarks(track.number, to_bytes(landmarks.points), world, landmarks.score, track.actor)
