"""Whose face it is, and how it looks at rest, from everything that was seen of it.

1. Rest: of the camera that shows the face largest, the calmest stretch of `[face] neutral_seconds`; medians over it.
2. Identity: heads are placed in all views and the identity is fitted to all of them, again and again, each time with
   the better identity and, where the face moves, with what the regressor says of its expression.
3. How sure: the covariance of the identity, as millimetres on the face; people differ by what zero views leave.

Photos are views of one instant each; their rest is the mean of those that look into the camera.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from stage.cameras.camera import Camera
from stage.enroll._clip import SeenFace
from stage.errors import EnrollError
from stage.faces.features import POINTS, describe
from stage.faces.gaze import iris_offsets
from stage.faces.head_pose import Fit, first_pose, fit_head
from stage.faces.identity import IdentityEstimate
from stage.faces.model import FaceModel
from stage.faces.profile import FaceProfile
from stage.faces.reading import OVAL, Reading, reading_of, worth

LEAST_FRAMES = 10
"""Frames with a usable face that a clip must have."""

_MOST_VIEWS = 240
_ROUNDS = 4
_LEAST_WORTH = 0.4
_LEAST_FRONTAL = 0.94
"""Cosine between a face and the camera it looks into."""


class FaceMeasure(NamedTuple):
    """A measured face, and how it was measured."""

    profile: FaceProfile
    seen: int
    """Views of the actor's face."""
    used: int
    """Of those, good enough for the identity."""
    cameras: tuple[str, ...]
    directions: int
    """Bins of direction from which it was seen."""
    size_px: float
    """Median size of the face in its best camera."""
    sharpness: float
    """Median, see `stage.enroll._clip.face_sharpness`."""
    unrest: float
    """How much points moved while the face should have been at rest, share of the distance between the eyes."""
    rest_s: float
    """Length of the stretch of rest; 0 for photos."""
    error_m: float
    """Expected error of the identity at a point of the face, place and size of the head apart."""
    unknown_m: float
    """The same when nothing is seen: how much people differ."""
    misfit_m: float
    """Median distance of landmarks from where this face puts them."""


class _Rest(NamedTuple):
    views: list[Reading]
    unrest: float
    seconds: float


def measure_clip(
    faces: Sequence[SeenFace], cameras: Mapping[str, Camera], model: FaceModel, shape: np.ndarray, rest_s: float
) -> FaceMeasure:
    """The face in a clip.

    Args:
        faces: Of one actor, in the order of time.
        cameras: Those that are calibrated.
        model: The linear model of a face.
        shape: (S,) of the actor's body.
        rest_s: How long a face at rest is averaged.

    Raises:
        EnrollError: There is too little to measure.
    """
    readings = _readings(faces, cameras)
    if len(readings) < LEAST_FRAMES:
        raise EnrollError(
            f"the face was seen in {len(readings)} pictures, {LEAST_FRAMES} are needed; look into the camera, come "
            "nearer, mind the light"
        )
    return _measured(faces, readings, _calmest(_best_camera(readings), rest_s), model, shape)


def measure_photos(faces: Sequence[SeenFace], model: FaceModel, shape: np.ndarray) -> FaceMeasure:
    """The face in photos; each is a camera of its own.

    Raises:
        EnrollError: None of them shows a face that looks into the camera.
    """
    readings = _readings(faces, {})
    points = model.neutral(shape, np.zeros(len(model.identity_basis)))
    frontal = [r for r in readings if -_towards(r, _placed(r, points, model))[1] > _LEAST_FRONTAL]
    if len(frontal) == 0:
        raise EnrollError(
            "no photo shows the face from the front; add one that looks straight into the camera, at rest"
        )
    return _measured(faces, readings, _Rest(frontal, 0.0, 0.0), model, shape)


def _measured(
    faces: Sequence[SeenFace], readings: Sequence[Reading], rest: _Rest, model: FaceModel, shape: np.ndarray
) -> FaceMeasure:
    features = np.median([describe(r.points, r.eyes) for r in rest.views], axis=0)
    views = _spread(readings, rest.views)
    estimate, fits = _identity(views, model, shape)
    neutral_points = model.neutral(shape, estimate.identity)
    best = _best_camera(readings)
    covariance = estimate.covariance()
    return FaceMeasure(
        profile=FaceProfile(estimate.identity, np.concatenate([features, _irises(rest, neutral_points, model)])),
        seen=len(readings),
        used=len(fits),
        cameras=tuple(Counter(r.camera for r in readings)),
        directions=estimate.directions,
        size_px=float(np.median([np.ptp(r.points[list(OVAL), :2], axis=0).max() for r in best])),
        sharpness=float(np.median([face.sharpness for face in faces])),
        unrest=rest.unrest,
        rest_s=rest.seconds,
        error_m=_error_m(model, covariance),
        unknown_m=_error_m(model, np.eye(len(covariance))),
        misfit_m=float(np.median([fit.error_m for fit in fits])),
    )


def _readings(faces: Sequence[SeenFace], cameras: Mapping[str, Camera]) -> list[Reading]:
    readings = []
    for seen in faces:
        camera = cameras.get(seen.frame.camera)
        if camera is not None:
            camera = camera.scaled_to(seen.frame.width, seen.frame.height)
        reading = reading_of(seen.frame, seen.face, camera)
        if reading is not None:
            readings.append(reading)
    return readings


def _best_camera(readings: Sequence[Reading]) -> list[Reading]:
    """The views of the camera that shows the face largest and often."""
    by_camera: dict[str, list[Reading]] = {}
    for reading in readings:
        by_camera.setdefault(reading.camera, []).append(reading)

    def shows(own: list[Reading]) -> float:
        size = np.median([np.ptp(r.points[:, 1]) for r in own])
        return float(size * np.sqrt(len(own)))

    return max(by_camera.values(), key=shows)


def _calmest(readings: Sequence[Reading], rest_s: float) -> _Rest:
    """The stretch of `rest_s` in which the features stay together best."""
    features = np.stack([describe(r.points, r.eyes) for r in readings])[:, POINTS]
    at_s = np.array([r.capture_ns for r in readings]) * 1e-9
    best: tuple[float, slice] | None = None
    ends = np.searchsorted(at_s, at_s + rest_s, side="right")
    for first in range(0, len(readings), max(1, len(readings) // 200)):
        window = slice(first, int(ends[first]))
        if ends[first] - first < LEAST_FRAMES or at_s[ends[first] - 1] - at_s[first] < 0.8 * rest_s:
            continue
        own = features[window]
        unrest = float(np.abs(own - np.median(own, axis=0)).mean())
        if best is None or unrest < best[0]:
            best = unrest, window
    if best is None:
        raise EnrollError(
            f"the face was not seen for {rest_s:g} s on end; stand so that it stays in view, or shorten "
            "neutral_seconds in [face]"
        )
    views = list(readings[best[1]])
    return _Rest(views, best[0], (views[-1].capture_ns - views[0].capture_ns) * 1e-9)


def _spread(readings: Sequence[Reading], rest: Sequence[Reading]) -> list[Reading]:
    """At most `_MOST_VIEWS`: those at rest, and others spread over the clip."""
    at_rest = {id(reading) for reading in rest}
    others = [reading for reading in readings if id(reading) not in at_rest]
    half = _MOST_VIEWS // 2
    return [*rest[:: -(-len(rest) // half)], *others[:: max(1, -(-len(others) // half))]]


def _identity(views: Sequence[Reading], model: FaceModel, shape: np.ndarray) -> tuple[IdentityEstimate, list[Fit]]:
    identity = np.zeros(len(model.identity_basis))
    estimate, fits = IdentityEstimate(model), []
    for _ in range(_ROUNDS):
        estimate, fits = IdentityEstimate(model), []
        estimate.identity = identity
        points = model.neutral(shape, identity)
        for view in views:
            fit = _placed(view, points, model)
            if worth(view, fit) >= _LEAST_WORTH:
                estimate.add(view.camera, view.view, fit.pose, points)
                fits.append(fit)
        if len(fits) == 0:
            raise EnrollError(
                "no view of the face is good enough; it is too small, turned away, or half hidden in all of them"
            )
        identity = estimate.improve()
    return estimate, fits


def _placed(reading: Reading, points: np.ndarray, model: FaceModel) -> Fit:
    stable = model.stable
    start = first_pose(reading.view, reading.depth, points)
    return fit_head([reading.view.of(stable)], points[stable], model.doubt[stable], start, first=True)


def _irises(rest: _Rest, points: np.ndarray, model: FaceModel) -> np.ndarray:
    """(4,) where the irises are at rest, metres; NaN where they were not read."""
    offsets = [
        iris_offsets(r.view, r.irises, _placed(r, points, model).pose, points).reshape(-1)
        for r in rest.views[:: max(1, len(rest.views) // 30)]
        if r.irises is not None
    ]
    return np.median(offsets, axis=0) if len(offsets) > 0 else np.full(4, np.nan)


def _towards(reading: Reading, fit: Fit) -> np.ndarray:
    """(3,) the direction to the camera in head axes."""
    return -(reading.view.R @ fit.pose.R)[2]


def _error_m(model: FaceModel, covariance: np.ndarray) -> float:
    """Root of the mean squared distance of points whose identity has this covariance.

    Place, turn and size are taken out: one camera alone cannot tell a large head from a near one.
    """
    points = model.mean - model.mean.mean(axis=0)
    moves = [np.tile(axis, (len(points), 1)) for axis in np.eye(3)]
    turns = [np.cross(axis, points) for axis in np.eye(3)]
    similar, _ = np.linalg.qr(np.stack([points, *moves, *turns]).reshape(7, -1).T)  # (3P, 7)
    basis = model.identity_basis.reshape(len(covariance), -1)
    shape = basis - (basis @ similar) @ similar.T
    variance = np.einsum("in,ij,jn->n", shape, covariance, shape, optimize=True)
    return float(np.sqrt(variance.sum() / len(points)))
