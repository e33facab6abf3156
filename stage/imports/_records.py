"""What was imported as the messages of a take, in the order of time."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from protocols.arrays import to_bytes
from protocols.markers import MarkerFrame
from protocols.messages import Face, FacePerformance, Performance, Record, Trace
from protocols.names import ARKIT_SHAPES
from stage.imports._imported import Imported

_SURE = to_bytes(np.ones(len(ARKIT_SHAPES)))
_UNSURE = to_bytes(np.zeros(len(ARKIT_SHAPES)))
_NO_FACE = Face(
    "absent", to_bytes(np.zeros(len(ARKIT_SHAPES))), _UNSURE, to_bytes(np.array([0, 0, 0, 1])), bytes(16), ()
)


class Part(NamedTuple):
    """One file, and whose it is."""

    imported: Imported
    actor: str
    begin_ns: int
    """Stage time of the file's begin."""


class Told(NamedTuple):
    """One message to be."""

    time_ns: int
    topic: str
    record: Record


def records(parts: Sequence[Part]) -> Iterator[Told]:
    """All messages of all files, by time."""
    streams: list[Iterator[Told]] = []
    for part in parts:
        streams += [_poses(part), _faces(part), _markers(part)]
    return heapq.merge(*streams, key=lambda told: told.time_ns)


def _poses(part: Part) -> Iterator[Told]:
    motion = part.imported.motion
    if motion is None:
        return
    rest_joints = to_bytes(motion.rest_joints)
    for number, since_ns in enumerate(motion.capture_ns.tolist()):
        time_ns = part.begin_ns + since_ns
        yield Told(
            time_ns,
            f"performance.{part.actor}",
            Performance(
                actor=part.actor,
                number=number,
                capture_ns=time_ns,
                state=str(motion.state[number]),
                root=to_bytes(motion.root[number]),
                rotations=to_bytes(motion.rotations[number]),
                joints=to_bytes(motion.joints[number]),
                rest_joints=rest_joints,
                confidence=to_bytes(motion.confidence[number]),
                cameras=(),
                trace=_trace(time_ns),
            ),
        )


def _faces(part: Part) -> Iterator[Told]:
    """Faces, and the moments without one, under one count."""
    motion = part.imported.motion
    if motion is None:
        return
    rows = [(time_ns, row) for row, time_ns in enumerate(motion.face_ns.tolist())]
    rows += [(time_ns, -1) for time_ns in part.imported.lost_ns.tolist()]
    for number, (since_ns, row) in enumerate(sorted(rows)):
        time_ns = part.begin_ns + since_ns
        face = _NO_FACE
        if row >= 0:
            shapes, head, gaze = motion.shapes[row], motion.head[row], motion.gaze[row]
            face = Face("tracking", to_bytes(shapes), _SURE, to_bytes(head), to_bytes(gaze), ())
        yield Told(time_ns, f"face.{part.actor}", FacePerformance(part.actor, number, time_ns, face, _trace(time_ns)))


def _markers(part: Part) -> Iterator[Told]:
    track = part.imported.markers
    if track is None:
        return
    for number, since_ns in enumerate(track.times_ns.tolist()):
        time_ns = part.begin_ns + since_ns
        points, seen = to_bytes(track.points[number]), track.seen[number].astype(np.uint8).tobytes()
        record = MarkerFrame(part.actor, number, time_ns, track.labels, points, seen)
        yield Told(time_ns, f"markers.{part.actor}", record)


def _trace(time_ns: int) -> Trace:
    return Trace(time_ns, time_ns, time_ns, time_ns, time_ns, time_ns, time_ns)
