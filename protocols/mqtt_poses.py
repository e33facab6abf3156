"""Poses and faces as JSON: the arrays of a performance as lists of rounded numbers."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from protocols.arrays import from_bytes
from protocols.errors import EncodeError
from protocols.messages import Face, FacePerformance, Performance
from protocols.mqtt_payloads import FaceReport, GazeReport, PoseReport, actor_state
from protocols.names import ARKIT_SHAPES, RIG_BONES

_DECIMALS = 5
_COUNT = len(RIG_BONES)
_POSE_FIELDS = ("root", "joints", "rotations", "confidence")
_FACE_FIELDS = ("shapes", "confidence", "head", "gaze")


def check_pose(performance: Performance) -> None:
    """Refuses what JSON cannot carry.

    Raises:
        EncodeError: A number that is not finite, or a state that is none.
    """
    actor_state(performance.state)
    _check_finite(performance, _POSE_FIELDS, f"performance {performance.number} of {performance.actor}")


def check_face(source: Performance | FacePerformance) -> Face:
    """The face of a performance, or of a face's own stream, fit to be sent.

    Raises:
        EncodeError: There is none, or a number is not finite, or its state is none.
    """
    face = source.face
    if face is None:
        raise EncodeError(f"performance {source.number} of {source.actor} has no face")
    actor_state(face.state)
    _check_finite(face, _FACE_FIELDS, f"face {source.number} of {source.actor}")
    return face


def encode_pose(performance: Performance, sent_ns: int) -> bytes:
    """A `PoseReport` as JSON."""
    return msgspec.json.encode(
        PoseReport(
            number=performance.number,
            capture_ns=performance.capture_ns,
            sent_ns=sent_ns,
            state=actor_state(performance.state),
            root=_numbers(performance.root, (7,)),
            joints=_numbers(performance.joints, (_COUNT, 3)),
            rotations=_numbers(performance.rotations, (_COUNT, 4)),
            confidence=_numbers(performance.confidence, (_COUNT,)),
        )
    )


def encode_face(source: Performance | FacePerformance, face: Face, sent_ns: int) -> bytes:
    """A `FaceReport` as JSON."""
    left, right = _numbers(face.gaze, (2, 2))
    shapes, confidence = (_numbers(data, (len(ARKIT_SHAPES),)) for data in (face.shapes, face.confidence))
    return msgspec.json.encode(
        FaceReport(
            number=source.number,
            capture_ns=source.capture_ns,
            sent_ns=sent_ns,
            state=actor_state(face.state),
            shapes=dict(zip(ARKIT_SHAPES, shapes, strict=True)),
            confidence=dict(zip(ARKIT_SHAPES, confidence, strict=True)),
            head=_numbers(face.head, (4,)),
            gaze=GazeReport(left, right),
        )
    )


def _numbers(data: bytes, shape: tuple[int, ...]) -> Any:
    return np.round(from_bytes(data, shape).astype(np.float64), _DECIMALS).tolist()


def _check_finite(record: Performance | Face, fields: tuple[str, ...], what: str) -> None:
    for field in fields:
        if not np.isfinite(np.frombuffer(getattr(record, field), "<f4")).all():
            raise EncodeError(f"{what}: {field} is not finite")
