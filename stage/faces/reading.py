"""One face in one frame of one camera, freed of encoding and lens, and how far it can be trusted.

A reading's worth falls where the network is known to guess: in profile, when the face is small, when the network is
not sure of a face, when the points do not fit any face of this actor (half a face, a mask), and about the mouth
when a hand lies before it. The far side of a turned face counts less than the near one.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from protocols.arrays import from_bytes
from protocols.messages import (
    EYE_LANDMARK_COUNT,
    FACE_LANDMARK_COUNT,
    HAND_LANDMARK_COUNT,
    CameraLandmarks,
    FaceLandmarks,
)
from protocols.names import ARKIT_SHAPES
from stage.cameras.camera import Camera
from stage.faces.gaze import IRIS
from stage.faces.head_pose import ASSUMED_FOCAL, Fit, View, own_view

OVAL = (10, 338, 297, 284, 454, 361, 288, 378, 152, 149, 58, 132, 234, 54, 67, 109)
"""Points about the face, for its size."""
MOUTH = (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91)
"""Points about the lips."""

_SURE_SCORE, _NO_SCORE = 0.9, 0.4
_FULL_SIZE_PX, _LEAST_SIZE_PX = 50.0, 18.0
_SURE_COSINE, _LEAST_COSINE = 0.75, 0.2
_FINE_MISFIT_M, _WORST_MISFIT_M = 0.004, 0.009
_NEAR_SIDE_RAD, _FAR_SIDE_RAD = 0.45, 1.1
_OF_MOUTH = np.array([name.startswith(("Jaw", "Mouth", "Tongue", "Cheek")) for name in ARKIT_SHAPES])
_SIDE = np.array([1.0 if n.endswith("Left") else -1.0 if n.endswith("Right") else 0.0 for n in ARKIT_SHAPES])


class Reading(NamedTuple):
    """What one camera says of one face."""

    camera: str
    capture_ns: int
    points: np.ndarray
    """(468, 3) pixels."""
    eyes: np.ndarray | None
    """(2, 76, 2) pixels."""
    score: float
    view: View
    depth: np.ndarray
    """(468,) the network's, normalised like the view's coordinates."""
    irises: np.ndarray | None
    """(2, 2) normalised image coordinates of the irises' centres."""
    covered: float
    """Share of the mouth that lies behind a hand."""


def reading_of(seen: CameraLandmarks, face: FaceLandmarks, camera: Camera | None) -> Reading | None:
    """A face as the solver needs it; None where its numbers are none.

    Args:
        seen: The camera's frame.
        face: One of its faces.
        camera: Its calibration, for pictures of this size; None for a camera without.
    """
    points = from_bytes(face.points, (FACE_LANDMARK_COUNT, 3)).astype(np.float64)
    if not np.all(np.isfinite(points)):
        return None
    eyes = from_bytes(face.eyes, (2, EYE_LANDMARK_COUNT, 2)).astype(np.float64) if len(face.eyes) > 0 else None
    if eyes is not None and not np.all(np.isfinite(eyes)):
        eyes = None
    pixels = points[:, :2] if eyes is None else np.concatenate([points[:, :2], eyes[:, IRIS]])
    if camera is None:
        focal = ASSUMED_FOCAL * max(seen.width, seen.height)
        view = own_view(pixels, seen.width, seen.height)
    else:
        focal = float(camera.K[0, 0])
        image = cv2.undistortPoints(pixels[:, None], camera.K, camera.distortion)[:, 0].astype(np.float64)
        view = View(image, camera.R_camera_world, camera.t_camera_world)
    return Reading(
        seen.camera,
        seen.capture_ns,
        points,
        eyes,
        float(face.score),
        view._replace(image=view.image[:FACE_LANDMARK_COUNT]),
        points[:, 2] / focal,
        None if eyes is None else view.image[FACE_LANDMARK_COUNT:],
        _covered(seen, points),
    )


def worth(reading: Reading, fit: Fit) -> float:
    """How far the reading as a whole can be trusted, in [0, 1]."""
    size = float(np.ptp(reading.points[list(OVAL), :2], axis=0).max())
    towards = -(reading.view.R @ fit.pose.R)[2]
    return (
        _ramp(reading.score, _NO_SCORE, _SURE_SCORE)
        * _ramp(size, _LEAST_SIZE_PX, _FULL_SIZE_PX)
        * _ramp(-float(towards[1]), _LEAST_COSINE, _SURE_COSINE)
        * _ramp(-fit.error_m, -_WORST_MISFIT_M, -_FINE_MISFIT_M)
    )


def share_of_shapes(reading: Reading, fit: Fit) -> np.ndarray:
    """(52,) in [0, 1]: how much of that worth there is for each shape."""
    towards = -(reading.view.R @ fit.pose.R)[2]
    yaw = float(np.arctan2(towards[0], -towards[1]))  # positive: seen from the performer's left
    away = np.clip((-yaw * _SIDE - _NEAR_SIDE_RAD) / (_FAR_SIDE_RAD - _NEAR_SIDE_RAD), 0.0, 1.0)
    return (1.0 - away) * np.where(_OF_MOUTH, 1.0 - reading.covered, 1.0)


def _covered(seen: CameraLandmarks, points: np.ndarray) -> float:
    if len(seen.hands) == 0:
        return 0.0
    mouth = points[list(MOUTH), :2]
    behind = np.zeros(len(mouth), bool)
    for hand in seen.hands:
        own = from_bytes(hand.points, (HAND_LANDMARK_COUNT, 4))[:, :2]
        if not np.all(np.isfinite(own)):
            continue
        hull = cv2.convexHull(np.ascontiguousarray(own, np.float32))
        behind |= np.array([cv2.pointPolygonTest(hull, (float(x), float(y)), False) >= 0 for x, y in mouth])
    return float(behind.mean())


def _ramp(value: float, low: float, high: float) -> float:
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))
