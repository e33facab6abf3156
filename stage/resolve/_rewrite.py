"""Motions that were smoothed, as records again: what arrays say is the motion's, all else is the solver's."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace

from protocols.arrays import to_bytes
from protocols.messages import Face, FacePerformance, Performance, Trace
from protocols.names import ARKIT_SHAPES
from protocols.takefile import TakeReader
from stage.resolve._follower import Made
from stage.takes.motion import Motion

_BARE: dict[str, Any] = {"root": b"", "rotations": b"", "joints": b"", "rest_joints": b"", "confidence": b""}
_BARE_FACE: dict[str, Any] = {"shapes": b"", "head": b"", "gaze": b""}
_SURE = to_bytes(np.ones(len(ARKIT_SHAPES)))
_UNKNOWN_DELAY_NS = 50_000_000


class Timed(NamedTuple):
    """A record, and when it is said to have been received."""

    received_ns: int
    record: Made


class Originals:
    """Poses and faces of a solve without their arrays: a few hundred bytes each, by actor and capture time."""

    def __init__(self, take: TakeReader) -> None:
        """Reads the performances of a take.

        Raises:
            TakeError: It is damaged.
        """
        self.poses: dict[tuple[str, int], tuple[Performance, int]] = {}
        """With when they were received."""
        self.faces: dict[tuple[str, int], tuple[FacePerformance, int]] = {}
        """Likewise, those of face cameras."""
        for entry in take.records("performance.", "face."):
            record = entry.decoded().record
            if isinstance(record, Performance):
                face = None if record.face is None else replace(record.face, **_BARE_FACE)
                self.poses.setdefault(_key(record), (replace(record, face=face, **_BARE), entry.received_ns))
            elif isinstance(record, FacePerformance):
                face = replace(record.face, **_BARE_FACE)
                self.faces.setdefault(_key(record), (replace(record, face=face), entry.received_ns))


def usual_delay_ns(take: TakeReader, enough: int = 500) -> int:
    """How long after its capture a performance of a take was usually received."""
    delays = []
    for entry in take.records("performance.", "face."):
        delays.append(entry.received_ns - entry.log_ns)
        if len(delays) >= enough:
            break
    return max(0, int(np.median(delays))) if delays else _UNKNOWN_DELAY_NS


def rewritten(motions: dict[str, Motion], originals: Originals, delay_ns: int | None) -> Iterator[Timed]:
    """The records of motions, in the order in which they would have been received.

    Args:
        motions: By actor.
        originals: Of the solve that they come from.
        delay_ns: From capture to reception, and records are numbered anew; None keeps times and numbers as they were,
            and what has no original is left out.
    """
    streams = []
    for motion in motions.values():
        streams.append(_faces(motion, originals, delay_ns))
        streams.append(_poses(motion, originals, delay_ns))
    return heapq.merge(*streams, key=lambda timed: timed.received_ns)


def _poses(motion: Motion, originals: Originals, delay_ns: int | None) -> Iterator[Timed]:
    faces = motion.resampled(motion.capture_ns) if len(motion.face_ns) > 0 and len(motion.capture_ns) > 0 else None
    rest_joints = to_bytes(motion.rest_joints)
    known = (pose.face for (actor, _), (pose, _) in originals.poses.items() if actor == motion.actor)
    last_face: Face | None = next(known, None)  # also of poses before the first original
    for row, capture_ns in enumerate(motion.capture_ns.tolist()):
        original, received_ns = originals.poses.get((motion.actor, capture_ns), (None, 0))
        if original is None and delay_ns is None:
            continue
        last_face = last_face if original is None else original.face
        face = last_face
        if face is not None and face.state != "absent" and faces is not None:
            face = _face(face, faces, row)
        elif face is not None:
            face = replace(face, **_at_rest())
        record = Performance(
            actor=motion.actor,
            number=row if original is None or delay_ns is not None else original.number,
            capture_ns=capture_ns,
            state=str(motion.state[row]),
            root=to_bytes(motion.root[row]),
            rotations=to_bytes(motion.rotations[row]),
            joints=to_bytes(motion.joints[row]),
            rest_joints=rest_joints,
            confidence=to_bytes(motion.confidence[row]),
            cameras=() if original is None else original.cameras,
            trace=Trace(capture_ns, 0, 0, 0, 0),
            face=face,
        )
        yield Timed(received_ns if delay_ns is None else capture_ns + delay_ns, record)


def _faces(motion: Motion, originals: Originals, delay_ns: int | None) -> Iterator[Timed]:
    """Of an actor with a face camera; others' faces come with their poses."""
    if not any(actor == motion.actor for actor, _ in originals.faces):
        return
    for row, capture_ns in enumerate(motion.face_ns.tolist()):
        original, received_ns = originals.faces.get((motion.actor, capture_ns), (None, 0))
        if original is None and (delay_ns is None or (motion.actor, capture_ns) in originals.poses):
            continue  # a face that came with a pose, while the camera showed none
        face = Face("tracking", b"", _SURE, b"", b"", ()) if original is None else original.face
        record = FacePerformance(
            actor=motion.actor,
            number=row if original is None or delay_ns is not None else original.number,
            capture_ns=capture_ns,
            face=_face(face, motion, row),
            trace=Trace(capture_ns, 0, 0, 0, 0),
        )
        yield Timed(received_ns if delay_ns is None else capture_ns + delay_ns, record)


def _face(face: Face, motion: Motion, row: int) -> Face:
    arrays = {name: to_bytes(getattr(motion, name)[row]) for name in _BARE_FACE}
    return replace(face, **arrays)


def _at_rest() -> dict[str, bytes]:
    turn = to_bytes(np.array([0.0, 0.0, 0.0, 1.0]))
    return {"shapes": bytes(4 * len(ARKIT_SHAPES)), "head": turn, "gaze": bytes(16)}


def _key(record: Made) -> tuple[str, int]:
    return record.actor, record.capture_ns
