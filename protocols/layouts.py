"""The sizes of the arrays inside records, as their docstrings state them, for a machine to check."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.histogram import BUCKETS
from protocols.messages import (
    LANDMARK_COUNT,
    CameraLandmarks,
    Heartbeat,
    MeshNote,
    Performance,
    Prediction,
    Record,
)
from protocols.names import RIG_BONES

_FLOAT = 4
_BONES = len(RIG_BONES)
_POINTS_BYTES = LANDMARK_COUNT * 3 * _FLOAT
_PIXELS_BYTES = LANDMARK_COUNT * 2 * _FLOAT
_VERTEX_BYTES = 3 * _FLOAT
_PERFORMANCE_BYTES = {
    "root": 7 * _FLOAT,
    "rotations": _BONES * 4 * _FLOAT,
    "joints": _BONES * 3 * _FLOAT,
    "rest_joints": _BONES * 3 * _FLOAT,
    "confidence": _BONES * _FLOAT,
}


def layout_fault(record: Record) -> str:
    """Says which array of the record has the wrong size; "" when all are right."""
    for field, data, expected in _sizes(record):
        if len(data) != expected:
            return f"{type(record).__name__}.{field} has {len(data)} bytes, expected {expected}"
    return ""


def _sizes(record: Record) -> Iterator[tuple[str, bytes, int]]:
    """(field, its bytes, how many there should be) of every array of a record."""
    match record:
        case CameraLandmarks():
            for person in record.persons:
                yield "persons.points", person.points, _POINTS_BYTES
                yield "persons.world", person.world, _POINTS_BYTES if person.world else 0
        case Performance():
            for field, expected in _PERFORMANCE_BYTES.items():
                yield field, getattr(record, field), expected
        case MeshNote():
            # Any body model: whole vertices, and not none.
            yield "vertices", record.vertices, max(1, len(record.vertices) // _VERTEX_BYTES) * _VERTEX_BYTES
        case Prediction():
            for pixels in record.cameras.values():
                yield "cameras", pixels, _PIXELS_BYTES
        case Heartbeat():
            for counts in record.legs.values():
                yield "legs", counts, BUCKETS * 8
        case _:
            return
