"""The face of one actor over time: readings in, a smooth face out.

Per reading: features -> coefficients (regressor, with the actor's neutral) -> head pose (points of this actor
with this expression) -> worth. Readings of one instant are fused, each shape weighted by how far each view can be
trusted with it. Weights follow slowly, so that the face does not jump when a view comes or goes. While they are
not known, the neutral and the identity are gathered on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from stage.faces.expression import Expression, Regressor
from stage.faces.features import FEATURE_COUNT
from stage.faces.gaze import gaze, iris_offsets, lids_open
from stage.faces.head_pose import Fit, HeadPose, first_pose, fit_head, fit_size
from stage.faces.knowledge import FaceKnowledge
from stage.faces.model import FaceModel
from stage.faces.reading import Reading, share_of_shapes, worth
from stage.faces.smoothing import OneEuro, face_filter
from stage.faces.state import IDENTITY_QUATERNION, SHAPE_COUNT, FaceState, faded

RETURN_S = 0.1
"""A face that comes back glides to what is seen within this time."""

_LEAST_WORTH = 0.02
_LEARNING_WORTH = 0.4
_SWITCH_S = 0.15
_LONGEST_STEP_S = 0.5
_REST_S = 1.0
"""In a camera that stands, the head's turn is counted from its mean over this time."""


@dataclass
class Source:
    """What is remembered of one camera."""

    expression: Expression
    pose: HeadPose | None = None
    last_ns: int = 0
    weight: float = 0.0
    worth: float = 0.0
    fit: Fit | None = None
    features: np.ndarray = field(default_factory=lambda: np.zeros(FEATURE_COUNT, np.float32))


class FaceTrack:
    """Follows one actor's face.

    Args:
        model: The linear model of a face.
        regressor: From features to coefficients.
        known: What the actor's profile says, and room for what it does not.
        smoothing: Of `[face]`.
        rides: Whether the camera rides on the head; its movement then says nothing of the head's.
        learns_neutral: Whether the face at rest is measured here, and not by another track of the same actor.
    """

    def __init__(
        self,
        model: FaceModel,
        regressor: Regressor,
        known: FaceKnowledge,
        smoothing: float,
        *,
        rides: bool = False,
        learns_neutral: bool = True,
    ) -> None:
        self._model, self._regressor, self.known, self._rides = model, regressor, known, rides
        self._learns_neutral = learns_neutral
        self._sources: dict[str, Source] = {}
        self._filter = face_filter(smoothing)
        self._gaze_filter = OneEuro(np.full(4, 1.2), np.full(4, 10.0), np.full(4, 12.0), smoothing)
        self._head_filter = OneEuro(np.full(3, 1.5), np.full(3, 6.0), np.full(3, 8.0), smoothing)
        self._seen: FaceState | None = None
        self._shown: FaceState | None = None
        self._seen_ns, self._last_ns, self._gliding_s = 0, 0, 0.0
        self._version = known.version
        self._rest_turn: np.ndarray | None = None
        self._rest_s, self._turn, self._turn_version = 0.0, np.eye(3), known.version
        self._shape = np.zeros(len(model.shape_basis))
        self._neutral_points = model.neutral(self._shape, known.worn(self._shape))
        self.worth = 0.0
        """How far the last instant can be trusted, in [0, 1]."""

    @property
    def shown(self) -> FaceState | None:
        """What to show; None before the face was ever seen."""
        return self._shown

    @property
    def identity(self) -> np.ndarray:
        """(I,) to add to the body's shape, as good as it is now."""
        return self.known.worn(self._shape)

    def wear(self, shape: np.ndarray) -> None:
        """The body's shape (S,) is now this one."""
        if not np.array_equal(shape, self._shape):
            self._shape = np.array(shape, np.float64)
            self._neutral_points = self._model.neutral(self._shape, self.known.worn(self._shape))

    def slip(self, camera: str) -> HeadPose | None:
        """Where the head is in a camera that is not calibrated: of one that rides on it, how it has slipped."""
        source = self._sources.get(camera)
        return None if source is None else source.pose

    def see(self, readings: Sequence[Reading], capture_ns: int) -> None:
        """Take in the readings of one instant; none of worth is a miss."""
        dt = float(np.clip((capture_ns - self._last_ns) * 1e-9, 0.0, _LONGEST_STEP_S)) if self._last_ns else 0.0
        usable = []
        for reading in readings:
            source = self._sources.setdefault(reading.camera, Source(Expression(self._regressor)))
            self._place(source, reading)
            if source.worth > _LEAST_WORTH:
                source.features = source.expression.see(reading.points, reading.eyes, capture_ns)
                usable.append((source, reading))
        if len(usable) == 0:
            self.miss(capture_ns)
            return
        self.worth = max(source.worth for source, _ in usable)
        self._learn(usable, dt)
        values, confidence = self._fuse(usable, dt)
        self._show(usable, values, confidence, dt)
        self._seen_ns = self._last_ns = capture_ns

    def miss(self, capture_ns: int) -> None:
        """The face was not seen at this time."""
        self.worth, self._last_ns = 0.0, capture_ns
        if self._seen is not None:
            self._shown = faded(self._seen, (capture_ns - self._seen_ns) * 1e-9)

    def head_in_world(self, readings: Sequence[Reading]) -> Fit | None:
        """T_world_head of the calibrated readings of the last instant; None where no one of worth is there."""
        usable = [r for r in readings if self._sources[r.camera].worth > _LEAST_WORTH]
        if len(usable) == 0:
            return None
        best = max(usable, key=lambda r: self._sources[r.camera].worth)
        fit = self._sources[best.camera].fit
        if fit is None or len(usable) == 1:
            return fit
        stable, sigma = self._model.stable, self._model.doubt[self._model.stable]
        points, views = self._points()[stable], [r.view.of(stable) for r in usable]
        together = fit_head(views, points, sigma, fit.pose)
        if self.known.wants_size:
            self.known.resize(fit_size(views, points, sigma, together.pose))
        return together

    def _points(self) -> np.ndarray:
        """(468, 3): this actor's face as it is expected now."""
        if self._version != self.known.version:
            self._version = self.known.version
            self._neutral_points = self._model.neutral(self._shape, self.known.worn(self._shape))
        if self._seen is None:
            return self._neutral_points
        return self._neutral_points + self._model.expression(self._seen.shapes)

    def _place(self, source: Source, reading: Reading) -> None:
        """Fit the head's pose in one camera, and judge it."""
        stable, points = self._model.stable, self._points()
        fresh = source.pose is None or abs(reading.capture_ns - source.last_ns) > _LONGEST_STEP_S * 1e9
        start = first_pose(reading.view, reading.depth, points) if source.pose is None or fresh else source.pose
        fit = fit_head([reading.view.of(stable)], points[stable], self._model.doubt[stable], start, first=fresh)
        source.fit, source.worth = fit, worth(reading, fit)
        if source.worth > _LEAST_WORTH:
            source.pose, source.last_ns = fit.pose, reading.capture_ns
        else:
            source.pose = None

    def _learn(self, usable: Sequence[tuple[Source, Reading]], dt: float) -> None:
        """Neutral and identity, while they are not known."""
        known = self.known
        source, reading = max(usable, key=lambda pair: pair[0].worth)
        if self._learns_neutral and known.wants_rest and source.worth > _LEARNING_WORTH:
            # Several views together: what is hidden or biased in one is seen in the other.
            shares = np.array([other.worth for other, _ in usable])
            features = np.average([other.features for other, _ in usable], axis=0, weights=shares)
            known.rest(features.astype(np.float32), self._offsets(source, reading), dt)
        known.pass_time(dt)

    def _fuse(self, usable: Sequence[tuple[Source, Reading]], dt: float) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients (52,) and confidence (52,) of all views together."""
        total, weights = np.zeros(SHAPE_COUNT), np.zeros(SHAPE_COUNT)
        sure = np.zeros(SHAPE_COUNT)
        ease = 1.0 if len(usable) == 1 or dt <= 0.0 else 1.0 - float(np.exp(-dt / _SWITCH_S))
        seen = {id(source) for source, _ in usable}
        for source in self._sources.values():
            source.weight *= 1.0 if id(source) in seen else 1.0 - ease
        for source, reading in usable:
            assert source.fit is not None
            source.weight += ease * (source.worth - source.weight)
            told = source.expression.coefficients(self.known.features)
            trust = share_of_shapes(reading, source.fit)
            weight = np.maximum((max(source.weight, 1e-3) * trust) ** 2, 1e-6)
            total += weight * told.values
            weights += weight
            sure = np.maximum(sure, told.confidence * trust * source.worth)
        return total / weights, sure

    def _show(
        self, usable: Sequence[tuple[Source, Reading]], values: np.ndarray, confidence: np.ndarray, dt: float
    ) -> None:
        source, reading = max(usable, key=lambda pair: pair[0].worth)
        shapes = np.clip(self._filter.step(values, dt, np.clip(2.0 * confidence, 0.0, 1.0)), 0.0, 1.0)
        looks = gaze(values, self._offsets(source, reading), self.known.offsets)
        trust = np.repeat(lids_open(values) * min(1.0, 2.0 * source.worth), 2)
        eyes = self._gaze_filter.step(looks.reshape(-1), dt, trust)
        now = FaceState(
            "tracking",
            shapes,
            np.clip(confidence, 0.0, 1.0),
            self._head(source, dt),
            eyes.reshape(2, 2).copy(),
            tuple(r.camera for _, r in usable),
        )
        if self._shown is not None and self._shown.state != "tracking":
            self._gliding_s = RETURN_S
        if self._gliding_s > 0.0 and self._shown is not None:
            share = min(1.0, dt / self._gliding_s)
            self._gliding_s -= dt
            self._shown = now._replace(
                shapes=self._shown.shapes + share * (shapes - self._shown.shapes),
                gaze=self._shown.gaze + share * (now.gaze - self._shown.gaze),
            )
        else:
            self._shown = now
        self._seen = now

    def _head(self, source: Source, dt: float) -> np.ndarray:
        """(4,) how the head is turned from the actor's rest, in a camera that stands."""
        if self._rides or source.fit is None:
            return IDENTITY_QUATERNION
        if self._rest_turn is None or self._rest_s < _REST_S:
            # The mean of the first moments, as they come.
            self._rest_s += dt
            self._rest_turn = _towards(self._rest_turn, source.fit.pose.R, dt / max(self._rest_s, dt, 1e-6))
        if self._turn_version != self._version:
            # The same head, fitted with a better face, is turned otherwise: that is no movement.
            self._turn_version = self._version
            self._rest_turn = source.fit.pose.R @ self._turn.T
        self._turn = self._rest_turn.T @ source.fit.pose.R
        turn = Rotation.from_matrix(self._turn).as_rotvec()
        return Rotation.from_rotvec(self._head_filter.step(turn, dt, min(1.0, 2.0 * source.worth))).as_quat()

    def _offsets(self, source: Source, reading: Reading) -> np.ndarray | None:
        if reading.irises is None or source.fit is None:
            return None
        return iris_offsets(reading.view, reading.irises, source.fit.pose, self._neutral_points)


def _towards(mean: np.ndarray | None, R: np.ndarray, share: float) -> np.ndarray:
    """A rotation (3, 3) moved by a share of the way to another."""
    if mean is None:
        return R
    return mean @ Rotation.from_rotvec(share * Rotation.from_matrix(mean.T @ R).as_rotvec()).as_matrix()
