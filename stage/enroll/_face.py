"""Whose face it is, and how it looks at rest, from everything that was seen of it.

1. Rest: of the camera that shows the face largest, the calmest stretch of `[face] neutral_seconds`; medians over it.
2. Identity: of the face at rest (`stage.faces.identity_map`), once more from each side near the front from which it
   was seen at rest, and the mean of them, which is a little better than one. The size of the head comes from the body's
   shape, and from all instants at which several calibrated cameras saw the face.
3. How sure: how far the faces that single sides tell differ, and how well the landmarks of all views fit the face.

Photos are views of one instant each; their rest is the mean of those that look into the camera.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from protocols.names import ARKIT_SHAPES
from stage.cameras.camera import Camera
from stage.enroll._clip import SeenFace
from stage.errors import EnrollError
from stage.faces.expression import Regressor
from stage.faces.features import POINTS, describe
from stage.faces.gaze import iris_offsets
from stage.faces.head_pose import Fit, first_pose, fit_head, fit_size
from stage.faces.identity_map import IdentityMap, SizeEstimate
from stage.faces.model import FaceModel
from stage.faces.profile import FaceProfile
from stage.faces.reading import OVAL, Reading, reading_of, worth

LEAST_FRAMES = 10
"""Frames with a usable face that a clip must have."""

_MOST_VIEWS = 240
_LEAST_WORTH = 0.4
_LEAST_FRONTAL = 0.94
"""Cosine between a face and the camera it looks into."""
_SIDE_RAD = 0.25
"""Views that differ by this much are of different sides ..."""
_EXPRESSIVE = np.array([not name.startswith("Eye") for name in ARKIT_SHAPES])
_EXPRESSION = 0.25
"""A coefficient from which on a face is not at rest."""
_FRONT = 1
"""... of which those that are so many from the front tell the identity well."""


class FaceMeasure(NamedTuple):
    """A measured face, and how it was measured."""

    profile: FaceProfile
    seen: int
    """Views of the actor's face."""
    used: int
    """Views in which the face fits its landmarks, as far as a sample of them tells."""
    directions: int
    """Sides near the front from which it was seen."""
    size_px: float
    """Median size of the face in its best camera."""
    sharpness: float
    """Median, see `stage.enroll._clip.face_sharpness`."""
    unrest: float
    """How much points moved while the face should have been at rest, share of the distance between the eyes."""
    rest_s: float
    """Length of the stretch of rest; 0 for photos."""
    spread_m: float
    """How much the faces that single sides tell differ, place and size of the head apart; 0 with one side."""
    misfit_m: float
    """Median distance of landmarks from where this face puts them."""


class Anatomy(NamedTuple):
    """What is known of faces and of this actor's body."""

    model: FaceModel
    identities: IdentityMap
    regressor: Regressor
    shape: np.ndarray
    """(S,) of the actor's body."""


class _Rest(NamedTuple):
    views: list[Reading]
    unrest: float
    seconds: float


class _Side(NamedTuple):
    """The views from one side."""

    views: list[Reading]
    fits: list[Fit]


def measure_clip(
    faces: Sequence[SeenFace], cameras: Mapping[str, Camera], anatomy: Anatomy, rest_s: float
) -> FaceMeasure:
    """The face in a clip.

    Args:
        faces: Of one actor, in the order of time.
        cameras: Those that are calibrated.
        anatomy: Of faces, and of the actor.
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
    calibrated = [reading for reading in readings if reading.camera in cameras]
    return _measured(faces, readings, _calmest(_best_camera(readings), rest_s), calibrated, anatomy)


def measure_photos(faces: Sequence[SeenFace], anatomy: Anatomy) -> FaceMeasure:
    """The face in photos; each is a camera of its own.

    Raises:
        EnrollError: None of them shows a face that looks into the camera.
    """
    readings = _readings(faces, {})
    points = anatomy.model.neutral(anatomy.shape, np.zeros(len(anatomy.model.identity_basis)))
    frontal = [r for r in readings if -_towards(r, _placed(r, points, anatomy.model))[1] > _LEAST_FRONTAL]
    if len(frontal) == 0:
        raise EnrollError("no photo shows the face from the front; add one that looks into the camera, at rest")
    return _measured(faces, readings, _Rest(frontal, 0.0, 0.0), [], anatomy)


def _measured(
    faces: Sequence[SeenFace],
    readings: Sequence[Reading],
    rest: _Rest,
    calibrated: Sequence[Reading],
    anatomy: Anatomy,
) -> FaceMeasure:
    model, identities, regressor, shape = anatomy
    features = _features(rest.views)
    first = identities.of_mean_size(_points(features))
    expected = identities.log_size_of(shape)
    views = _sample(readings, rest.views)
    sides = _sides(views, model.neutral(shape, identities.worn(first, expected, shape)), model)
    near = [side.views for place, side in sides.items() if max(map(abs, place)) <= _FRONT]
    are_photos = rest.seconds == 0.0  # whoever takes photos was asked for a face at rest
    resting = [[view for view in side if are_photos or _rests(view, features, regressor)] for side in near]
    told = [identities.of_mean_size(_points(_features(side))) for side in resting if len(side) > 0]
    identity = np.mean(told, axis=0) if len(told) > 0 else first
    points = model.neutral(shape, identities.worn(identity, expected, shape))
    log_size = expected + _size(calibrated, points, model)
    points = model.neutral(shape, identities.worn(identity, log_size, shape))
    fits = [fit for side in sides.values() for fit in side.fits]
    if len(fits) == 0:
        raise EnrollError(
            "no view of the face is good enough: it is too small, turned away, or half hidden in all of them"
        )
    neutral = np.concatenate([features, _irises(rest, points, model)]).astype(np.float32)
    return FaceMeasure(
        profile=FaceProfile(identity, neutral, log_size),
        seen=len(readings),
        used=round(len(fits) / len(views) * len(readings)),
        directions=len(told),
        size_px=float(np.median([np.ptp(r.points[list(OVAL), :2], axis=0).max() for r in _best_camera(readings)])),
        sharpness=float(np.median([face.sharpness for face in faces])),
        unrest=rest.unrest,
        rest_s=rest.seconds,
        spread_m=_spread_m(told, model),
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


def _points(features: np.ndarray) -> np.ndarray:
    """(468, 3) of features (D,)."""
    return features[POINTS].reshape(-1, 3).astype(np.float64)


def _features(views: Sequence[Reading]) -> np.ndarray:
    """(D,) medians over views."""
    return np.median([describe(r.points, r.eyes) for r in views], axis=0).astype(np.float64)


def _sample(readings: Sequence[Reading], rest: Sequence[Reading]) -> list[Reading]:
    """At most `_MOST_VIEWS`: those at rest, and others spread over the clip."""
    at_rest = {id(reading) for reading in rest}
    others = [reading for reading in readings if id(reading) not in at_rest]
    half = _MOST_VIEWS // 2
    return [*rest[:: -(-len(rest) // half)], *others[:: max(1, -(-len(others) // half))]]


def _size(calibrated: Sequence[Reading], points: np.ndarray, model: FaceModel) -> float:
    """How much larger the head is than these points (P, 3), log, by instants that several cameras saw."""
    instants: dict[int, list[Reading]] = {}
    for reading in calibrated:
        instants.setdefault(reading.capture_ns, []).append(reading)
    several = [views for views in instants.values() if len(views) > 1]
    estimate, stable = SizeEstimate(), model.stable
    for views in several[:: max(1, len(several) // _MOST_VIEWS)]:
        start = _placed(views[0], points, model).pose
        chosen = [view.view.of(stable) for view in views]
        fit = fit_head(chosen, points[stable], model.doubt[stable], start, first=True)
        if min(worth(view, fit) for view in views) >= _LEAST_WORTH:
            estimate.add(fit_size(chosen, points[stable], model.doubt[stable], fit.pose))
    return estimate.log_size


def _sides(views: Sequence[Reading], points: np.ndarray, model: FaceModel) -> dict[tuple[int, int], _Side]:
    """The views in which the face fits its landmarks, by the side from which they are, (0, 0) being the front."""
    sides: dict[tuple[int, int], _Side] = {}
    for view in views:
        fit = _placed(view, points, model)
        if worth(view, fit) >= _LEAST_WORTH:
            x, y, z = _towards(view, fit)
            key = round(float(np.arctan2(x, -y)) / _SIDE_RAD), round(float(np.arcsin(np.clip(z, -1, 1))) / _SIDE_RAD)
            side = sides.setdefault(key, _Side([], []))
            side.views.append(view)
            side.fits.append(fit)
    return sides


def _rests(view: Reading, rest: np.ndarray, regressor: Regressor) -> bool:
    """The face does not talk or grimace; eyes may look and blink."""
    told = regressor.coefficients(describe(view.points, view.eyes)[None], rest.astype(np.float32))
    return float(told.values[_EXPRESSIVE].max()) < _EXPRESSION


def _spread_m(told: Sequence[np.ndarray], model: FaceModel) -> float:
    """Root of the mean squared distance of faces with these identities from their mean."""
    if len(told) == 0:
        return 0.0
    faces = np.tensordot(np.stack(told), model.identity_basis, 1)  # (N, P, 3)
    centred = faces - faces.mean(axis=1, keepdims=True)
    return float(np.sqrt(((centred - centred.mean(axis=0)) ** 2).sum(axis=-1).mean()))


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
