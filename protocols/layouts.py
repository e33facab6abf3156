"""The sizes of the arrays inside records, as their docstrings state them, for a machine to check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter

from protocols.external import ExternalBones, ExternalFace
from protocols.histogram import BUCKETS
from protocols.markers import MarkerFrame
from protocols.messages import (
    EYE_LANDMARK_COUNT,
    FACE_LANDMARK_COUNT,
    HAND_LANDMARK_COUNT,
    LANDMARK_COUNT,
    CameraLandmarks,
    FacePerformance,
    Heartbeat,
    MeshNote,
    Performance,
    Prediction,
    Record,
)
from protocols.names import ARKIT_SHAPES, RIG_BONES

Size = tuple[str, bytes, int]
"""A field, its bytes, and how many there should be."""


class Fixed:
    """Arrays of a record that always have the same sizes; for a record that has them, one comparison."""

    def __init__(self, sizes: Mapping[str, int], prefix: str = "") -> None:
        """Bytes by the names of the fields; `prefix` goes before the names in messages."""
        self._arrays = attrgetter(*sizes)
        self._names = [prefix + name for name in sizes]
        self._sizes = tuple(sizes.values())

    def __call__(self, record: object) -> Iterable[Size]:
        """The arrays, if one of them has another size."""
        arrays = self._arrays(record)
        return () if tuple(map(len, arrays)) == self._sizes else zip(self._names, arrays, self._sizes, strict=True)


_FLOAT = 4
_BONES = len(RIG_BONES)
_POINTS_BYTES = LANDMARK_COUNT * 3 * _FLOAT
_PIXELS_BYTES = LANDMARK_COUNT * 2 * _FLOAT
_HAND_BYTES = {"points": HAND_LANDMARK_COUNT * 4 * _FLOAT, "world": HAND_LANDMARK_COUNT * 3 * _FLOAT}
_HAND_PIXELS_BYTES = 2 * HAND_LANDMARK_COUNT * 2 * _FLOAT
_FACE_POINTS_BYTES = FACE_LANDMARK_COUNT * 3 * _FLOAT
_EYES_BYTES = 2 * EYE_LANDMARK_COUNT * 2 * _FLOAT
_FACE_BYTES = {
    "shapes": len(ARKIT_SHAPES) * _FLOAT,
    "confidence": len(ARKIT_SHAPES) * _FLOAT,
    "head": 4 * _FLOAT,
    "gaze": 2 * 2 * _FLOAT,
}
_VERTEX_BYTES = 3 * _FLOAT
_PERFORMANCE_BYTES = {
    "root": 7 * _FLOAT,
    "rotations": _BONES * 4 * _FLOAT,
    "joints": _BONES * 3 * _FLOAT,
    "rest_joints": _BONES * 3 * _FLOAT,
    "confidence": _BONES * _FLOAT,
}
_PERFORMANCE = Fixed(_PERFORMANCE_BYTES)
_FACE = Fixed(_FACE_BYTES, "face.")


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
    for hand in record.hands:
        yield "hands.points", hand.points, _HAND_BYTES["points"]
        yield "hands.world", hand.world, _HAND_BYTES["world"] if hand.world else 0
    for face in record.faces:
        yield "faces.points", face.points, _FACE_POINTS_BYTES
        yield "faces.eyes", face.eyes, _EYES_BYTES if face.eyes else 0


def _of_performance(record: Performance) -> Iterator[Size]:
    yield from _PERFORMANCE(record)
    if record.face is not None:
        yield from _FACE(record.face)


def _of_face_performance(record: FacePerformance) -> Iterable[Size]:
    return _FACE(record.face)


def _of_mesh(record: MeshNote) -> Iterator[Size]:
    # Any body model: whole vertices, and not none.
    yield "vertices", record.vertices, max(1, len(record.vertices) // _VERTEX_BYTES) * _VERTEX_BYTES


def _of_prediction(record: Prediction) -> Iterator[Size]:
    for pixels in record.cameras.values():
        yield "cameras", pixels, _PIXELS_BYTES
    for pixels in record.hands.values():
        yield "hands", pixels, _HAND_PIXELS_BYTES


def _of_external_face(record: ExternalFace) -> Iterator[Size]:
    for field in ("shapes", "head", "gaze"):
        data = getattr(record, field)
        yield field, data, _FACE_BYTES[field] if data else 0


def _of_external_bones(record: ExternalBones) -> Iterator[Size]:
    yield "rotations", record.rotations, len(record.bones) * 4 * _FLOAT
    yield "hips", record.hips, 3 * _FLOAT if record.hips else 0


def _of_markers(record: MarkerFrame) -> Iterator[Size]:
    yield "points", record.points, len(record.labels) * 3 * _FLOAT
    yield "seen", record.seen, len(record.labels)


def _of_heartbeat(record: Heartbeat) -> Iterator[Size]:
    for counts in record.legs.values():
        yield "legs", counts, BUCKETS * 8


_SIZES: dict[type[Record], Callable[..., Iterable[Size]]] = {
    CameraLandmarks: _of_landmarks,
    Performance: _of_performance,
    FacePerformance: _of_face_performance,
    MeshNote: _of_mesh,
    Prediction: _of_prediction,
    Heartbeat: _of_heartbeat,
    ExternalFace: _of_external_face,
    ExternalBones: _of_external_bones,
    MarkerFrame: _of_markers,
}
"""Per record class with arrays, every array of a record."""
