"""Faces whose points are exact projections of the model, and a regressor that is simple enough to reason about."""

from __future__ import annotations

import functools

import numpy as np

from protocols.arrays import to_bytes
from protocols.messages import CameraLandmarks, FaceLandmarks, HandLandmarks
from protocols.names import ARKIT_SHAPES
from stage.config import ActorSection, CameraSection, FaceSection
from stage.correspondence.face_map import load_face_map
from stage.faces.features import POINTS
from stage.faces.head_pose import ASSUMED_FOCAL, R_CAMERA_FACING
from stage.faces.model import FaceModel
from stage.faces.solver import FaceSolver
from tests.body_model import body_model

WIDTH, HEIGHT = 640, 480
JAW_OPEN = ARKIT_SHAPES.index("JawOpen")
BLINKS = [ARKIT_SHAPES.index("EyeBlinkLeft"), ARKIT_SHAPES.index("EyeBlinkRight")]
INTERVAL_NS = 16_666_667
_UPPER_LIP, _LOWER_LIP = 13, 14
_FULL_GAP = 0.35


class Told:
    """What the stand-in says."""

    def __init__(self, values: np.ndarray, confidence: np.ndarray) -> None:
        self.values, self.confidence = values, confidence


class LipGap:
    """A stand-in for the regressor: all it knows is how far the lips are apart."""

    window = 3

    def coefficients(self, window: np.ndarray, neutral: np.ndarray | None) -> Told:
        gap = self._gap(window[-1]) - (0.0 if neutral is None else self._gap(neutral))
        values = np.zeros(len(ARKIT_SHAPES))
        values[JAW_OPEN] = np.clip(gap / _FULL_GAP, 0.0, 1.0)
        return Told(values, np.full(len(ARKIT_SHAPES), 0.9))

    def _gap(self, features: np.ndarray) -> float:
        points = features[POINTS].reshape(-1, 3)
        return float(np.linalg.norm(points[_LOWER_LIP] - points[_UPPER_LIP]))


@functools.cache
def face_model() -> FaceModel:
    return FaceModel(body_model(), load_face_map())


def facing(distance_m: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    """T_camera_head of a head that looks into the camera."""
    return R_CAMERA_FACING, np.array([0.0, 0.0, distance_m])


def seen(
    points: np.ndarray,
    pose: tuple[np.ndarray, np.ndarray],
    capture_ns: int,
    camera: str = "face",
    actor: str = "alice",
    score: float = 1.0,
    noise_px: float = 0.0,
    hands: tuple[HandLandmarks, ...] = (),
) -> CameraLandmarks:
    """A frame of a camera without calibration that sees points (468, 3) of a head exactly."""
    X = points @ pose[0].T + pose[1]
    focal = ASSUMED_FOCAL * max(WIDTH, HEIGHT)
    pixels = X[:, :2] / X[:, 2:] * focal + (0.5 * (WIDTH - 1), 0.5 * (HEIGHT - 1))
    pixels += noise_px * np.random.default_rng(capture_ns).normal(size=pixels.shape)
    depth = (X[:, 2] - X[:, 2].mean()) / X[:, 2].mean() * focal
    face = FaceLandmarks(-1, actor, to_bytes(np.column_stack([pixels, depth])), b"", score)
    return nobody(capture_ns, camera, (face,), hands)


def nobody(
    capture_ns: int,
    camera: str = "face",
    faces: tuple[FaceLandmarks, ...] = (),
    hands: tuple[HandLandmarks, ...] = (),
) -> CameraLandmarks:
    """A frame with these faces, or without any."""
    return CameraLandmarks(
        camera, 0, capture_ns, capture_ns, capture_ns, capture_ns, WIDTH, HEIGHT, (), hands=hands, faces=faces
    )


def coefficients(**values: float) -> np.ndarray:
    """(52,) with some of them not zero."""
    out = np.zeros(len(ARKIT_SHAPES))
    for name, value in values.items():
        out[ARKIT_SHAPES.index(name)] = value
    return out


def face_solver(mount: str = "stand", **settings: float) -> FaceSolver:
    """Of one actor with one face camera."""
    camera = CameraSection(id="face", source="file:none", face_of="alice", mount=mount)  # pyright: ignore[reportArgumentType]
    section = FaceSection(**settings)  # pyright: ignore[reportArgumentType]
    return FaceSolver(body_model(), load_face_map(), LipGap(), [ActorSection(id="alice")], section, [camera])
