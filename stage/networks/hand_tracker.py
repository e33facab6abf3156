"""Hands in the cameras that film bodies: whose, which side, in which views, and where.

The pose says where the wrists are in every frame, and which is the left one. A hand is read in its
best `views` (large, its wrist visible, see `best_views`); left and right take turns unless told
otherwise. Where to look comes from the solver's prediction, else from the hand's own landmarks of
its last turn carried along with the wrist, else from the pose alone.

The network always answers, and with the other hand in its region it reads that one. An answer is
refused without presence, away from the pose's wrist, of another size than the arm's, nearer to where
the actor's other hand is expected, or when the network lastingly takes it for the other side. Of two
arms that claim one hand the better claim has it (see `hand_claims`), the other has none: a hidden
hand yields nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from protocols.arrays import to_bytes
from protocols.messages import HandLandmarks, Prediction
from stage.networks.arms import SIDES, Arm, find_arms
from stage.networks.best_views import BestViews
from stage.networks.hand_claims import Claim, lost_claims
from stage.networks.hand_expectations import HandExpectations
from stage.networks.hands import HAND_EXPANSION, WRIST, HandReading, hand_region
from stage.networks.landmarks import Crop
from stage.networks.regions import FloatArray, ImageArray, Region
from stage.networks.turns import Turns
from stage.networks.wanted import Someone

SMALLEST_PALM_PX = 12.0
"""A smaller palm is not read: a finger is then less than two pixels wide."""

MIN_WRIST_CONFIDENCE = 0.15
"""A wrist less certain than this leads to no hand."""

SURE_WRIST_CONFIDENCE = 0.5
"""A wrist as certain as this has its hand within `MAX_FROM_WRIST`."""

MIN_SCORE = 0.5
"""The score below which the network says that there is no hand."""

HINT_SCORE = 0.2
"""A reading of at least this score says where to look the next time."""

MAX_FROM_WRIST = 0.8
"""Palms between the hand and the pose's wrist; 95 % are below 0.41 in real recordings."""

MAX_FROM_UNSURE_WRIST = 1.5
"""The same for a wrist that is hardly seen."""

MAX_GROWTH = 2.0
"""A palm is at most so many times larger or smaller than the arm says."""

MIN_TRUST = 0.25
"""A hand less likely than this of its side is not the hand."""

TRACKED_NS = 250_000_000
"""Landmarks older than this do not say where to look."""

CLAIMED_NS = 120_000_000
"""A hand read this long ago still holds its place against another's claim."""

_TRUST_RATE = 0.4


class HandReader(Protocol):
    """Reads hands in regions."""

    @property
    def facts(self) -> dict[str, str]:
        """What an operator may ask."""
        ...

    def read(self, crops: Sequence[Crop]) -> list[HandReading]:
        """The hand in each crop."""
        ...


@dataclass
class _Track:
    """A hand that has been read in a view."""

    points: npt.NDArray[np.float32]
    arm: Arm
    """The arm at that time."""
    seen_ns: int
    trust: float
    """How likely it is a hand of its side, over its last readings."""
    is_confirmed: bool
    """False for a mere hint of where to look."""

    def points_at(self, arm: Arm) -> npt.NDArray[np.float32]:
        """The points (21, 2), carried along with the wrist to where the arm is now."""
        return self.points[:, :2] + np.array([arm.x - self.arm.x, arm.y - self.arm.y], np.float32)


class _Look(NamedTuple):
    someone: Someone
    side: int
    arm: Arm
    crop: Crop

    @property
    def key(self) -> tuple[str, str, str]:
        return self.someone.actor, self.someone.view, SIDES[self.side]


class _Answer(NamedTuple):
    look: _Look
    reading: HandReading
    claim: Claim


class HandTracker:
    """Follows the hands of people in the cameras of a stage."""

    def __init__(
        self, network: HandReader, *, views: int = 2, alternate: bool = True, rate: float = 30.0, hold: int = 1
    ) -> None:
        """Start without hands.

        Args:
            network: Reads hands.
            views: In how many cameras each is read.
            alternate: Left and right in turn.
            hold: Instants that a turn lasts.
            rate: Frames per second.
        """
        self._network = network
        self._best = BestViews(views)
        self._hold = hold
        self._turns = Turns(round(1e9 / rate), 2 * hold) if alternate else None
        self._expectations = HandExpectations()
        self._tracks: dict[tuple[str, str, str], _Track] = {}
        self.counters: Counter[str] = Counter()
        """Since the start: hand_crops, hands_refused, hands_claimed_twice."""

    @property
    def facts(self) -> dict[str, str]:
        """What an operator may ask of the network."""
        return self._network.facts

    def step(
        self,
        frames: Mapping[str, tuple[ImageArray, int]],
        people: Sequence[Someone],
        predictions: Iterable[Prediction] = (),
    ) -> dict[str, tuple[HandLandmarks, ...]]:
        """Read the hands of people in the newest frames of some or all cameras.

        Args:
            frames: Per camera, the image and its capture time in ns.
            people: Who is in these frames and wanted.
            predictions: What has come from the solver since the last step.

        Returns:
            Per camera of `frames`, the hands read.
        """
        for prediction in predictions:
            self._expectations.note(prediction)
        self._forget(frames)
        arms = {(one.actor, one.view): pair for one in people if (pair := find_arms(one.points)) is not None}
        looks = self._looks(frames, people, arms)
        self.counters["hand_crops"] += len(looks)
        readings = self._network.read([look.crop for look in looks])
        judged = [self._judged(look, reading, arms) for look, reading in zip(looks, readings, strict=True)]
        answers = self._owned([answer for answer in judged if answer is not None], people, arms)
        result: dict[str, list[HandLandmarks]] = {camera: [] for camera in frames}
        for answer in answers:
            someone = answer.look.someone
            self._best.learn(_name(someone, answer.look.side), someone.view, answer.reading.score)
            self._tracks[answer.look.key] = _Track(
                answer.reading.points, answer.look.arm, someone.capture_ns, answer.claim.trust, True
            )
            result[someone.camera].append(_record(answer))
        return {camera: tuple(hands) for camera, hands in result.items()}

    def _looks(
        self,
        frames: Mapping[str, tuple[ImageArray, int]],
        people: Sequence[Someone],
        arms: Mapping[tuple[str, str], tuple[Arm, Arm]],
    ) -> list[_Look]:
        """The hands that are worth a look now."""
        present = [one for one in people if (one.actor, one.view) in arms]
        for someone in present:
            for side, arm in enumerate(arms[someone.actor, someone.view]):
                self._best.note(_name(someone, side), someone.view, _worth(arm), someone.capture_ns)
        looks = []
        for someone in sorted(present, key=lambda one: one.capture_ns):
            for side in self._sides(someone):
                arm = arms[someone.actor, someone.view][side]
                if not self._best.is_chosen(_name(someone, side), someone.view):
                    continue
                image = frames[someone.camera][0]
                region = self._region(someone, side, arm)
                if region.is_usable(image):
                    looks.append(_Look(someone, side, arm, Crop(image, region)))
        return looks

    def _sides(self, someone: Someone) -> tuple[int, ...]:
        """Which hands of somebody are read in this frame: the one whose turn it is, unless only the other is seen."""
        if self._turns is None:
            return (0, 1)
        side = self._turns.at(someone.capture_ns) // self._hold
        return (side,) if self._best.is_any_worth(_name(someone, side)) else (1 - side,)

    def _region(self, someone: Someone, side: int, arm: Arm) -> Region:
        """Where to look: where the hand is expected, as long as that agrees with the arm; else at the arm."""
        expected = self._expected(someone, side, arm)
        if expected is None:
            return arm.region()
        region = hand_region(expected)
        growth = region.width / (HAND_EXPANSION * arm.palm)
        far = _from_wrist(expected, arm) > _farthest(arm)
        return arm.region() if far or not 1.0 / MAX_GROWTH < growth < MAX_GROWTH else region

    def _expected(self, someone: Someone, side: int, arm: Arm) -> FloatArray | None:
        """Where the points (21, 2) of a hand that is followed should be: predicted, else carried along."""
        track = self._tracks.get((someone.actor, someone.view, SIDES[side]))
        if track is None:
            return None  # the solver's guess of a hand that nobody reads would never find it again
        predicted = self._expectations.places(someone.actor, someone.camera, someone.capture_ns)
        return track.points_at(arm) if predicted is None else predicted[side]

    def _judged(
        self, look: _Look, reading: HandReading, arms: Mapping[tuple[str, str], tuple[Arm, Arm]]
    ) -> _Answer | None:
        """The reading, with its claim to be this arm's; None if it is none, or clearly another's."""
        someone, arm, track = look.someone, look.arm, self._tracks.get(look.key)
        own = reading.side_score if look.side == 1 else 1.0 - reading.side_score
        trust = own if track is None else track.trust + _TRUST_RATE * (own - track.trust)
        finite = bool(np.isfinite(reading.points).all())
        palm = hand_region(reading.points).width / HAND_EXPANSION if finite else 0.0
        from_wrist = _from_wrist(reading.points, arm) if finite else math.inf
        fits = (
            1.0 / MAX_GROWTH < palm / arm.palm < MAX_GROWTH
            and from_wrist <= _farthest(arm)
            and trust >= MIN_TRUST
            and not self._is_other_hand(look, reading, arms[someone.actor, someone.view][1 - look.side])
        )
        if fits and reading.score >= MIN_SCORE:
            held = track is not None and track.is_confirmed
            claim = Claim(look.key, someone.camera, reading.points, palm, trust, from_wrist, held)
            return _Answer(look, reading, claim)
        self._best.learn(_name(someone, look.side), someone.view, 0.0)
        self.counters["hands_refused"] += 1
        if fits and reading.score >= HINT_SCORE:
            self._tracks[look.key] = _Track(reading.points, arm, someone.capture_ns, trust, False)
        else:
            self._tracks.pop(look.key, None)
        return None

    def _is_other_hand(self, look: _Look, reading: HandReading, other_arm: Arm) -> bool:
        """Whether a reading lies clearly nearer to where the solver expects the actor's other hand."""
        places = self._expectations.places(look.someone.actor, look.someone.camera, look.someone.capture_ns)
        if places is None:
            return False
        own = _apart(reading.points, places[look.side])
        other = _apart(reading.points, places[1 - look.side])
        return own - other > 0.5 * look.arm.palm and _from_wrist(reading.points, other_arm) < MAX_FROM_WRIST

    def _owned(
        self,
        answers: list[_Answer],
        people: Sequence[Someone],
        arms: Mapping[tuple[str, str], tuple[Arm, Arm]],
    ) -> list[_Answer]:
        """The answers, each hand only once; hands that were read a moment ago have a say."""
        claims = [answer.claim for answer in answers]
        read = {claim.key for claim in claims}
        for someone in people:
            for side, arm in enumerate(arms.get((someone.actor, someone.view), ())):
                key = (someone.actor, someone.view, SIDES[side])
                track = self._tracks.get(key)
                if key in read or track is None or not track.is_confirmed:
                    continue
                if someone.capture_ns - track.seen_ns <= CLAIMED_NS:
                    points = track.points_at(arm)
                    from_wrist = _from_wrist(points, arm)
                    claims.append(Claim(key, someone.camera, points, arm.palm, track.trust, from_wrist, True))
        lost = lost_claims(claims)
        self.counters["hands_claimed_twice"] += len(lost)
        for key in lost:
            self._tracks.pop(key, None)
        for answer in answers:
            if answer.claim.key in lost:
                self._best.learn(_name(answer.look.someone, answer.look.side), answer.look.someone.view, 0.0)
        return [answer for answer in answers if answer.claim.key not in lost]

    def _forget(self, frames: Mapping[str, tuple[ImageArray, int]]) -> None:
        """Let go of hands that are too old to say anything."""
        now_ns = max((capture_ns for _, capture_ns in frames.values()), default=0)
        for key in [key for key, track in self._tracks.items() if abs(now_ns - track.seen_ns) > TRACKED_NS]:
            del self._tracks[key]


def _record(answer: _Answer) -> HandLandmarks:
    """A hand as it crosses the bus; its points are the less certain, the less the hand fits its arm."""
    reading, claim, someone = answer.reading, answer.claim, answer.look.someone
    points = reading.points.copy()
    points[:, 3] *= min(2.0 * claim.trust, 1.0) / (1.0 + claim.from_wrist**2)
    world = b"" if reading.world is None else to_bytes(reading.world)
    side = SIDES[answer.look.side]
    return HandLandmarks(someone.track, someone.actor, side, to_bytes(points), world, reading.score)


def _name(someone: Someone, side: int) -> str:
    return f"{someone.actor}/{SIDES[side]}"


def _worth(arm: Arm) -> float:
    """Of a view of this hand: how many pixels of it can be seen."""
    if arm.confidence < MIN_WRIST_CONFIDENCE or arm.palm < SMALLEST_PALM_PX:
        return 0.0
    return arm.palm * arm.confidence


def _farthest(arm: Arm) -> float:
    return MAX_FROM_WRIST if arm.confidence >= SURE_WRIST_CONFIDENCE else MAX_FROM_UNSURE_WRIST


def _from_wrist(points: FloatArray, arm: Arm) -> float:
    """Distance of a hand's wrist from the pose's, in palms."""
    x, y = points[WRIST, :2].tolist()
    return math.hypot(x - arm.x, y - arm.y) / arm.palm


def _apart(points: FloatArray, others: FloatArray) -> float:
    """Mean distance of points (21, 2 or more), pixels."""
    apart = points[:, :2] - others[:, :2]
    return float(np.hypot(apart[:, 0], apart[:, 1]).mean())
