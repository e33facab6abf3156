"""The sizes of the arrays inside records, as their docstrings state them, for a machine to check."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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

Size = tuple[str, bytes, int]
"""A field, its bytes, and how many there should be."""

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
    sizes_of = _SIZES.get(type(record))
    if sizes_of is None:
        return ""
    for field, data, expected in sizes_of(record):
        if len(data) != expected:
            return f"{type(record).__name__}.{field} has {len(data)} bytes, expected {expected}"
    return ""


def _of_landmarks(record: CameraLandmarks) -> Iterator[Size]:
    for person in record.persons:
        yield "persons.points", person.points, _POINTS_BYTES
        yield "persons.world", person.world, _POINTS_BYTES if person.world else 0


def _of_performance(record: Performance) -> Iterator[Size]:
    for field, expected in _PERFORMANCE_BYTES.items():
        yield field, getattr(record, field), expected


def _of_mesh(record: MeshNote) -> Iterator[Size]:
    # Any body model: whole vertices, and not none.
    yield "vertices", record.vertices, max(1, len(record.vertices) // _VERTEX_BYTES) * _VERTEX_BYTES


def _of_prediction(record: Prediction) -> Iterator[Size]:
    for pixels in record.cameras.values():
        yield "cameras", pixels, _PIXELS_BYTES


def _of_heartbeat(record: Heartbeat) -> Iterator[Size]:
    for counts in record.legs.values():
        yield "legs", counts, BUCKETS * 8


_SIZES: dict[type[Record], Callable[..., Iterator[Size]]] = {
    CameraLandmarks: _of_landmarks,
    Performance: _of_performance,
    MeshNote: _of_mesh,
    Prediction: _of_prediction,
    Heartbeat: _of_heartbeat,
}
"""Per record class with arrays, every array of a record."""
