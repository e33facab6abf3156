"""One actor from frameset to frameset: found, followed, lost, back again.

    nobody -> tracking -> holding (lost, the last pose eases out) -> fading (to rest) -> absent -> tracking ...

What is shown moves continuously through all of these: on return the shown pose glides to the tracked one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from protocols.messages import LANDMARK_COUNT
from stage.solving.anatomy import Anatomy
from stage.solving.contact import Contacts, sole_vertices
from stage.solving.evidence import Evidence
from stage.solving.fit import PoseFitter, Prior
from stage.solving.hands.readings import NO_HANDS, NO_READINGS, Hands
from stage.solving.hands.track import HandKit, HandsShown, HandsTrack
from stage.solving.linearise import Body, Placed, place
from stage.solving.motion import Motion, MotionModel, lag_seconds
from stage.solving.observation import EvidenceBuilder
from stage.solving.people import CameraRig, Person
from stage.solving.pose import Pose
from stage.solving.shape_estimate import ShapeEstimate
from stage.solving.skeleton import SOLVED_BONES, Points, Skeleton
from stage.solving.triangulation import L_HIP, R_HIP, Triangulated, trunk_frame

HOLD_S, FADE_S, RETURN_S = 0.5, 1.0, 0.3
FIRST_ITERATIONS, ITERATIONS = 16, 2
FIRST_ANATOMY_WEIGHT, ANATOMY_WEIGHT_PER_S = 0.1, 20.0
"""Usual poses count in full for a start; later as much as this per second, as evidence accumulates."""

HAND_BONES = [SOLVED_BONES.index("hand_l"), SOLVED_BONES.index("hand_r")]

_START_INFORMATION = 1.0
_EASE_PER_S = 12.0
_LAG_EVERY = 8
_UNSURE_RAD = 0.35


class Shown(NamedTuple):
    """What an actor shows after a frameset."""

    state: str
    G: torch.Tensor
    """(K, 3, 3)."""
    p: torch.Tensor
    """(K, 3)."""
    D: torch.Tensor
    """(K, 3, 3)."""
    confidence: np.ndarray
    """(K,) in [0, 1]."""
    hands: HandsShown | None = None
    """None where fingers are not solved."""


class ActorModel(NamedTuple):
    """What all actors of a stage share."""

    skeleton: Skeleton
    points: Points
    """33 landmarks, then the soles, then where fingers are solved the palms."""
    anatomy: Anatomy
    evidence: EvidenceBuilder
    rig: CameraRig
    hands: HandKit | None = None


class ActorTrack:
    """The pose of one actor over time."""

    def __init__(self, model: ActorModel, estimate: ShapeEstimate, *, smoothing: float, floor: bool) -> None:
        self._model, self._estimate, self._floor = model, estimate, floor
        self._motions = MotionModel(smoothing, model.skeleton.device)
        self._sole_count = len(sole_vertices(model.skeleton.body))
        self._contacts = Contacts(self._sole_count, floor=floor)
        self._hands = HandsTrack(model.hands, estimate.shape) if model.hands is not None else None
        self._nothing_read = NO_HANDS if model.hands is not None else Hands()
        self._motion: Motion | None = None
        self._shown: Pose | None = None
        self._state = "absent"
        self._expected: tuple[int, Pose] | None = None
        self._time_ns = 0
        self._unseen_s = 0.0
        self._gliding_s = 0.0
        self._confidence = np.zeros(model.skeleton.bone_count)
        self._lag_s, self._steps = 0.0, 0
        self.cameras: tuple[int, ...] = ()
        """Cameras that contributed to the last frameset."""
        self._wear(estimate.shape)

    @property
    def followed(self) -> bool:
        """Whether there is a motion to predict from."""
        return self._motion is not None

    @property
    def shape(self) -> torch.Tensor:
        """(S,): the body it wears."""
        return self._estimate.shape

    @property
    def estimate(self) -> ShapeEstimate:
        """How its shape came about."""
        return self._estimate

    @property
    def lag_s(self) -> float:
        """Delay of a 1 Hz movement through the temporal prior, as it acts at present, seconds."""
        return self._lag_s

    def measure_again(self) -> None:
        """Estimate the shape anew, starting from the one it wears."""
        self._estimate = self._estimate.anew()

    def expected_landmarks(self, capture_ns: int) -> np.ndarray:
        """(33, 3) where the landmarks are expected at a time, world, metres."""
        assert self._motion is not None
        dt = max(0.0, (capture_ns - self._time_ns) * 1e-9)
        self._expected = (capture_ns, self._motions.predict_pose(self._motion, dt))
        return self._points(self._expected[1])[:LANDMARK_COUNT]

    def expected_hands(self, capture_ns: int) -> np.ndarray | None:
        """(2, 21, 3) where the hands' landmarks are expected, world, metres; after `expected_landmarks`."""
        if self._hands is None or self._expected is None:
            return None
        return self._hands.expected(*self._hand_bones(self._expected[1]), capture_ns)

    def begin(self, people: Sequence[Person], found: Triangulated | None, capture_ns: int) -> None:
        """Start to follow: several views that were triangulated, or one with the network's own 3D."""
        hips, R_world_body = trunk_frame(found.points) if found is not None else self._single_start(people[0])
        pose = self._standing(hips, R_world_body)
        self._contacts = Contacts(self._sole_count, floor=self._floor)
        evidence = self._evidence(people, pose, self._nothing_read)
        prior = Prior(pose, self._start_information()[None])
        fitter = PoseFitter(self._body, self._model.anatomy)
        fit = fitter.fit(pose, prior, evidence, iterations=FIRST_ITERATIONS, anatomy_weight=FIRST_ANATOMY_WEIGHT)
        self._motion, self._expected = self._motions.start(fit), None
        self.cameras = tuple(person.camera for person in people)
        self._estimate.add(evidence, fit.pose, capture_ns)
        self._follow_on(capture_ns, glide=self._shown is not None)

    def follow(self, people: Sequence[Person], capture_ns: int) -> None:
        """Solve the next frameset from the people claimed."""
        assert self._motion is not None
        dt = (capture_ns - self._time_ns) * 1e-9
        predicted = self._motions.predict(self._motion, dt)
        if self._expected is not None and self._expected[0] == capture_ns:
            predicted = predicted._replace(pose=self._expected[1])  # the same, and placed already
        prior = self._motions.prior(predicted)
        hands = self._read_hands(people, predicted.pose, capture_ns)
        evidence = self._evidence(people, predicted.pose, hands)
        fit = PoseFitter(self._body, self._model.anatomy).fit(
            predicted.pose,
            prior,
            evidence,
            iterations=ITERATIONS,
            anatomy_weight=ANATOMY_WEIGHT_PER_S * dt,
            placed=self._place(predicted.pose),
        )
        self._steps += 1
        if self._steps % _LAG_EVERY == 0:
            self._note_lag(predicted, fit.information, dt)
        self._motion = self._motions.update(predicted, prior, fit)
        self.cameras = tuple(person.camera for person in people)
        if self._estimate.add(evidence, fit.pose, capture_ns):
            self._wear(self._estimate.improve())
        self._follow_on(capture_ns, glide=self._state != "tracking")
        if self._hands is not None:
            self._hands.step(hands.readings, *self._hand_bones(self._motion.pose), capture_ns)

    def settle(self) -> None:
        """Make anew what follows from the shape, and forget what is remembered within a frameset only."""
        self._expected = None
        self._wear(self._estimate.shape)

    def rehearse(self, place_: np.ndarray) -> None:
        """Go once through all that `follow` does, seeing nobody."""
        pose = self._standing(place_, np.eye(3))
        fitter = PoseFitter(self._body, self._model.anatomy)
        prior = Prior(pose, self._start_information()[None])
        evidence = self._evidence([], pose, self._nothing_read)
        fit = fitter.fit(pose, prior, evidence, iterations=2, anatomy_weight=1.0)
        self._motion, self._expected = self._motions.start(fit), None
        for step in (1, 2, 3):
            self.follow([], step * 33_000_000)
        self._estimate.rehearse(evidence, pose)

    def miss(self, capture_ns: int) -> None:
        """Nobody was claimed in this frameset."""
        dt = (capture_ns - self._time_ns) * 1e-9
        self._unseen_s += dt
        self._time_ns, self.cameras = capture_ns, ()
        if self._shown is None:
            return
        if self._hands is not None:
            self._hands.step(NO_READINGS, *self._hand_bones(self._shown), capture_ns)
        if self._unseen_s < HOLD_S and self._motion is not None:
            eased = self._motion._replace(velocity=self._motion.velocity * float(np.exp(-_EASE_PER_S * dt)))
            self._motion = self._motions.predict(eased, dt)
            self._state, self._shown = "holding", self._motion.pose
            self._confidence = self._sureness() * (1.0 - self._unseen_s / HOLD_S)
            return
        self._motion = None
        left = HOLD_S + FADE_S - self._unseen_s
        share = 1.0 if left <= dt else dt / left
        self._shown = self._shown.moved(self._rest_below(self._shown).step_from(self._shown) * share)
        self._state = "fading" if left > dt else "absent"
        self._confidence = np.zeros_like(self._confidence)

    def shown(self) -> Shown | None:
        """What to show now; None before the actor was ever seen."""
        if self._shown is None:
            return None
        placed = self._place(self._shown)
        shown = Shown(self._state, placed.G[0], placed.p[0], self._shown.D[0], self._confidence)
        if self._hands is None:
            return shown
        return shown._replace(hands=self._hands.shown(*self._hand_bones(self._shown)))

    def _follow_on(self, capture_ns: int, *, glide: bool) -> None:
        assert self._motion is not None
        dt = max((capture_ns - self._time_ns) * 1e-9, 0.0)
        self._contacts.update(self._points(self._motion.pose)[self._soles], dt)
        if glide and self._state != "tracking":
            self._gliding_s = RETURN_S
        self._time_ns, self._unseen_s, self._state = capture_ns, 0.0, "tracking"
        self._confidence = self._sureness()
        if self._gliding_s <= 0.0 or self._shown is None:
            self._shown = self._motion.pose
            return
        share = min(1.0, dt / self._gliding_s)
        self._gliding_s -= dt
        self._shown = self._shown.moved(self._motion.pose.step_from(self._shown) * share)

    def _place(self, pose: Pose) -> Placed:
        """The body in a pose; the last one is remembered."""
        if self._placed is None or self._placed[0] is not pose:
            self._placed = (pose, place(self._body, pose))
        return self._placed[1]

    def _points(self, pose: Pose) -> np.ndarray:
        """(N, 3): landmarks, soles and palms in a pose."""
        return self._place(pose).x[0].T.cpu().numpy()

    @property
    def _soles(self) -> slice:
        return slice(LANDMARK_COUNT, LANDMARK_COUNT + self._sole_count)

    def _read_hands(self, people: Sequence[Person], pose: Pose, capture_ns: int) -> Hands:
        if self._hands is None:
            return Hands()
        return self._hands.read(people, self._points(pose)[self._soles.stop :], capture_ns)

    def _hand_bones(self, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
        """Rotation (2, 3, 3) and head (2, 3) of the hand bones, left and right."""
        placed = self._place(pose)
        return placed.G[0, HAND_BONES].cpu().numpy(), placed.p[0, HAND_BONES].cpu().numpy()

    def _evidence(self, people: Sequence[Person], pose: Pose, hands: Hands) -> Evidence:
        anchor, scale = self._contacts.anchors(self._points(pose)[self._soles])
        pelvis, R = pose.position[0].cpu().numpy(), pose.D[0, 0].cpu().numpy()
        return self._model.evidence.build(people, pelvis, R, anchor, scale, self._rest_landmarks, hands)

    def _wear(self, shape: torch.Tensor) -> None:
        skeleton = self._model.skeleton
        self._body = Body.of(skeleton, self._model.points, shape)
        self._placed: tuple[Pose, Placed] | None = None
        if self._hands is not None:
            self._hands.wear(shape)
        self._rest_landmarks = self._points(self._standing(np.zeros(3), np.eye(3)))[:LANDMARK_COUNT]
        self._pelvis_height = float(skeleton.rest_joints(shape)[skeleton.bone_index[0], 2])

    def _standing(self, hips: np.ndarray, R_world_body: np.ndarray) -> Pose:
        device, bones = self._model.skeleton.device, self._model.skeleton.bone_count
        D = torch.eye(3, dtype=torch.float64, device=device).repeat(1, bones, 1, 1)
        D[0, 0] = torch.from_numpy(R_world_body).to(D)
        return Pose(torch.from_numpy(np.asarray(hips, np.float64)).to(D)[None], D)

    def _rest_below(self, pose: Pose) -> Pose:
        """The rest pose where the actor was, upright, facing as before."""
        back = pose.D[0, 0, :, 1].cpu().numpy()
        heading = np.arctan2(back[1], back[0]) - 0.5 * np.pi
        c, s = np.cos(heading), np.sin(heading)
        place_ = pose.position[0].cpu().numpy().copy()
        if self._floor:
            place_[2] = self._pelvis_height
        return self._standing(place_, np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]))

    def _single_start(self, person: Person) -> tuple[np.ndarray, np.ndarray]:
        """Place a person of known size along the rays of one camera (linear least squares of its translation)."""
        assert person.world is not None
        rig, camera = self._model.rig, person.camera
        size = np.linalg.norm(self._rest_landmarks[11:29:2] - self._rest_landmarks[12:29:2].mean(0))
        own = np.linalg.norm(person.world[11:29:2] - person.world[12:29:2].mean(0))
        shape = person.world * float(size / max(own, 1e-3))
        rows, values = [], []
        for axis in (0, 1):
            row = np.zeros((LANDMARK_COUNT, 3))
            row[:, axis], row[:, 2] = 1.0, -person.image[:, axis]
            rows.append(row * person.confidence[:, None])
            values.append((person.image[:, axis] * shape[:, 2] - shape[:, axis]) * person.confidence)
        translation, *_ = np.linalg.lstsq(np.concatenate(rows), np.concatenate(values), rcond=None)
        points = (shape + translation - rig.t[camera]) @ rig.R[camera]
        _, R_world_body = trunk_frame(points)
        return 0.5 * (points[L_HIP] + points[R_HIP]), R_world_body

    def _start_information(self) -> torch.Tensor:
        size = 3 + 3 * self._model.skeleton.bone_count
        return torch.eye(size, dtype=torch.float64, device=self._model.skeleton.device) * _START_INFORMATION

    def _sureness(self) -> np.ndarray:
        """(K,): how well each bone's direction is known."""
        assert self._motion is not None
        variance = self._motion.P_pose.diagonal()[3:].unflatten(0, (-1, 3)).clamp_min(0.0)
        across = variance.sum(1) - variance.amax(1)  # twist is often unseen; direction is what counts
        return torch.exp(-across / _UNSURE_RAD**2).cpu().numpy()

    def _note_lag(self, predicted: Motion, information: torch.Tensor, dt: float) -> None:
        before = predicted.P_pose.diagonal()
        after = 1.0 / information[0].diagonal()
        share = float((1.0 - after / before).clamp(0.02, 0.98)[3:].median())
        gain = float((predicted.P_cross.diagonal() / before)[3:].median()) * share
        lag = lag_seconds(share, gain, dt)
        self._lag_s = lag if self._lag_s == 0.0 else self._lag_s + 0.3 * (lag - self._lag_s)
