"""The fingers of one actor from frameset to frameset.

    never read -> read (every frameset or every other) -> holding (the last pose stays) -> easing to relaxed -> read ...

A hand's confidence falls from the moment it is not read. What is shown moves continuously through all of this and
never leaves the limits of the joints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from stage.bodies.body import BodyModel
from stage.bodies.hands import ANGLE_COUNT, SIDES, Floats
from stage.correspondence.hand_map import HandMap
from stage.solving.hands.anatomy import HIGH, LOW, RELAXED, USUAL_INFORMATION
from stage.solving.hands.evidence import HandEvidence
from stage.solving.hands.fit import HandFit, HandPrior, fit
from stage.solving.hands.model import HandModel, HandPose, finger_quaternions, place, place_bones
from stage.solving.hands.motion import HandMotion, HandMotionModel
from stage.solving.hands.readings import NO_HANDS, HandReader, Hands, Readings
from stage.solving.people import CameraRig, Person

KNOWN_S = 0.12
"""A hand read this long ago still says more of the wrist than the pose network does."""
HOLD_S = 0.8
"""A hand that is not read keeps its pose this long."""
EASE_S = 0.5
"""Then its angles go to the relaxed pose with this time constant."""
RETURN_S = 0.15
FIRST_ITERATIONS, ITERATIONS = 12, 2
FIRST_ANATOMY_WEIGHT, ANATOMY_WEIGHT_PER_S = 0.5, 6.0

_HANDS = len(SIDES)
_UNSURE_RAD = 0.5
_LOST_MISFIT = 3.0
_LOST_READINGS = 4
"""A hand that fits badly this many times in a row is started anew."""
_STARTS = np.stack([RELAXED, np.clip(3.5 * RELAXED, LOW, 0.8 * HIGH), 0.3 * LOW])
"""Relaxed, nearly a fist, flat."""


class HandKit(NamedTuple):
    """What the fingers of all actors share."""

    model: HandModel
    reader: HandReader
    smoothing: float

    @classmethod
    def of(cls, body: BodyModel, rig: CameraRig, meaning: HandMap, smoothing: float) -> HandKit:
        """For bodies before the cameras of a stage."""
        return cls(HandModel(body, meaning), HandReader(rig, meaning), smoothing)


class HandsShown(NamedTuple):
    """Both hands, left and right, as they are shown."""

    angles: Floats
    """(2, 20)."""
    G: Floats
    """(30, 3, 3): rotations of the finger bones from rest in the world, left hand first."""
    heads: Floats
    """(30, 3): their heads in the world, metres."""
    quaternions: Floats
    """(30, 4) xyzw: their rotations from rest relative to their parents."""
    confidence: Floats
    """(30,) in [0, 1], per finger bone."""


class HandsTrack:
    """Both hands of one actor."""

    def __init__(self, kit: HandKit, shape: torch.Tensor) -> None:
        self._model, self._reader = kit.model, kit.reader
        self._motions = HandMotionModel(kit.smoothing)
        self._motion: HandMotion | None = None
        self._followed = np.zeros(_HANDS, bool)
        self._read_ns = np.zeros(_HANDS, np.int64)
        self._misfits = np.zeros(_HANDS, np.int64)
        self._gliding_s = np.zeros(_HANDS)
        self._angles = np.tile(RELAXED, (_HANDS, 1))
        self._sureness = np.zeros((_HANDS, 15))
        self._time_ns = 0
        self.wear(shape)

    def wear(self, shape: torch.Tensor) -> None:
        """Take the hands of a body of shape (S,)."""
        self._geometry = self._model.geometry(shape)

    def read(self, people: Sequence[Person], palms: Floats, capture_ns: int) -> Hands:
        """The hands of claimed people that are where the palms (12, 3) are expected, left and right."""
        readings = self._reader.accept(people, palms.reshape(_HANDS, -1, 3))
        recent = self._followed & ((capture_ns - self._read_ns) * 1e-9 < KNOWN_S)
        known = sorted({*np.flatnonzero(recent).tolist(), *readings.hands})
        return NO_HANDS._replace(readings=readings, known=known)

    def step(self, readings: Readings, R: Floats, p: Floats, capture_ns: int) -> None:
        """Solve the next frameset; R (2, 3, 3) and p (2, 3) are the hand bones of the body."""
        dt = max(0.0, (capture_ns - self._time_ns) * 1e-9) if self._time_ns > 0 else 0.0
        self._time_ns = capture_ns
        read = readings.hands
        anew = [side for side in read if not self._followed[side] or self._misfits[side] >= _LOST_READINGS]
        for side in anew:
            self._start(side, self._reader.evidence([side], readings), R[side], p[side], capture_ns)
        known = [side for side in read if side not in anew]
        if len(known) > 0:
            self._follow(known, self._reader.evidence(known, readings), R[known], p[known], capture_ns)
        self._show(dt, capture_ns)

    def shown(self, R: Floats, p: Floats) -> HandsShown:
        """What to show now on hand bones R (2, 3, 3), p (2, 3)."""
        unread = np.where(self._followed, (self._time_ns - self._read_ns) * 1e-9, HOLD_S)
        fresh = np.clip(1.0 - unread / HOLD_S, 0.0, 1.0)
        G, heads = place_bones(self._geometry, HandPose(R, p, self._angles))
        return HandsShown(
            self._angles,
            G[:, 1:].reshape(-1, 3, 3),
            heads[:, 1:].reshape(-1, 3),
            finger_quaternions(self._geometry, self._angles).reshape(-1, 4),
            (self._sureness * fresh[:, None]).reshape(-1),
        )

    def expected(self, R: Floats, p: Floats, capture_ns: int) -> Floats:
        """(2, 21, 3): landmarks expected at a time, on hand bones R (2, 3, 3), p (2, 3), world, metres."""
        return place(self._geometry, HandPose(R, p, self._angles_at(capture_ns))).x.swapaxes(1, 2)

    def _start(self, side: int, evidence: HandEvidence, R: Floats, p: Floats, capture_ns: int) -> None:
        """From several poses at once; the one that comes to fit best."""
        starts = len(_STARTS)
        pose = HandPose(np.repeat(R[None], starts, 0), np.repeat(p[None], starts, 0), _STARTS)
        prior = HandPrior(_STARTS, np.zeros((starts, ANGLE_COUNT, ANGLE_COUNT)))
        repeated = HandEvidence(*(np.repeat(array, starts, 0) for array in evidence))
        found = fit(
            self._geometry.of([side] * starts),
            pose,
            prior,
            repeated,
            iterations=FIRST_ITERATIONS,
            anatomy_weight=FIRST_ANATOMY_WEIGHT,
        )
        best = int(found.cost.argmin())
        motion = self._motions.start(found.pose.angles[[best]], found.covariance[[best]])
        if self._motion is None:
            blank = np.linalg.inv(np.repeat(USUAL_INFORMATION[None], _HANDS, 0))
            self._motion = self._motions.start(np.tile(RELAXED, (_HANDS, 1)), blank)
        self._motion.put([side], motion)
        self._followed[side], self._gliding_s[side], self._misfits[side] = True, RETURN_S, 0
        self._note([side], motion, capture_ns)

    def _follow(self, sides: list[int], evidence: HandEvidence, R: Floats, p: Floats, capture_ns: int) -> None:
        assert self._motion is not None
        dt = (capture_ns - self._read_ns[sides]) * 1e-9
        predicted = self._motions.predict(self._motion.of(sides), dt)
        prior = self._motions.prior(predicted)
        found = fit(
            self._geometry.of(sides),
            HandPose(R, p, predicted.angles),
            prior,
            evidence,
            iterations=ITERATIONS,
            anatomy_weight=ANATOMY_WEIGHT_PER_S * float(dt.mean()),
        )
        motion = self._motions.update(predicted, prior, found)
        self._motion.put(sides, motion)
        self._count_misfits(sides, found)
        self._note(sides, motion, capture_ns)

    def _count_misfits(self, sides: list[int], found: HandFit) -> None:
        self._misfits[sides] = np.where(found.misfit > _LOST_MISFIT, self._misfits[sides] + 1, 0)

    def _note(self, sides: list[int], motion: HandMotion, capture_ns: int) -> None:
        self._read_ns[sides] = capture_ns
        variance = np.diagonal(motion.P_angles, axis1=1, axis2=2).reshape(-1, 5, 4)
        joints = variance[:, :, 1:].copy()
        joints[:, :, 0] += variance[:, :, 0]
        self._sureness[sides] = np.exp(-joints / _UNSURE_RAD**2).reshape(-1, 15)

    def _angles_at(self, capture_ns: int) -> Floats:
        """(2, 20) expected; of a hand that is not followed, what is shown."""
        if self._motion is None:
            return self._angles
        dt = np.maximum((capture_ns - self._read_ns) * 1e-9, 0.0)
        moved = self._motions.predicted_angles(self._motion, np.where(self._followed, dt, 0.0))
        return np.where(self._followed[:, None], moved, self._angles)

    def _show(self, dt: float, capture_ns: int) -> None:
        unread_s = (capture_ns - self._read_ns) * 1e-9
        self._followed &= unread_s < HOLD_S
        target = np.where(self._followed[:, None], self._angles_at(capture_ns), RELAXED)
        glide = np.minimum(1.0, dt / np.maximum(self._gliding_s, 1e-9))
        ease = 1.0 - np.exp(-dt / EASE_S)
        share = np.where(self._followed, glide, ease)
        self._gliding_s = np.maximum(self._gliding_s - dt, 0.0)
        self._angles = self._angles + share[:, None] * (target - self._angles)
