"""One actor's performance in a take as arrays, to be handed over: what exports, smoothing and pictures start from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.arrays import from_bytes
from protocols.errors import TakeError
from protocols.messages import Face, FacePerformance, Performance
from protocols.names import ARKIT_SHAPES, RIG_BONES
from protocols.takefile import TakeReader
from stage.outputs.face_source import FaceSource
from stage.outputs.quaternions import slerp

Floats = NDArray[np.floating]

FACE_REACH_NS = 100_000_000
"""A face further from a time than this says nothing about it."""

_BONES, _SHAPES = len(RIG_BONES), len(ARKIT_SHAPES)
_NS = 1_000_000_000


@dataclass(frozen=True, eq=False)
class Motion:
    """T poses and F faces of one actor; J = 53 bones, order of `protocols.names.RIG_BONES`.

    A stage without bodies has T = 0, one without faces F = 0. Times are stage time and rise strictly. The world is
    right-handed, Z up, metres; quaternions are xyzw.
    """

    actor: str
    capture_ns: NDArray[np.int64]
    """(T,)."""
    root: Floats
    """(T, 7) float32: T_world_root, position in metres and rotation."""
    rotations: Floats
    """(T, J, 4) float32: from rest, relative to the parent, in the axes of the rest pose."""
    joints: Floats
    """(T, J, 3) float32: bone heads in the world, metres."""
    rest_joints: Floats
    """(J, 3) float32: bone heads of the rest body at the end of the take, metres."""
    confidence: Floats
    """(T, J) float32 in [0, 1]."""
    state: NDArray[np.str_]
    """(T,) "tracking", "holding", "fading" or "absent"."""
    face_ns: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """(F,)."""
    shapes: Floats = field(default_factory=lambda: np.zeros((0, _SHAPES), np.float32))
    """(F, 52) float32 in [0, 1], order of `protocols.names.ARKIT_SHAPES`."""
    head: Floats = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    """(F, 4) float32: see `protocols.messages.Face`."""
    gaze: Floats = field(default_factory=lambda: np.zeros((0, 2, 2), np.float32))
    """(F, 2, 2) float32 radians: left eye, right eye; yaw to the performer's left, pitch up."""

    @property
    def span_ns(self) -> tuple[int, int]:
        """Times of the first and the last pose or face.

        Raises:
            TakeError: There is neither.
        """
        times = [int(edge) for all_ns in (self.capture_ns, self.face_ns) if len(all_ns) for edge in all_ns[[0, -1]]]
        if not times:
            raise TakeError(f"actor {self.actor}: neither a pose nor a face in this range")
        return min(times), max(times)

    def resampled(self, times_ns: NDArray[np.int64]) -> Motion:
        """The same motion at other times, poses and faces alike: rotations by slerp, all else linearly.

        Before the first and after the last sample the motion stands still. A state is that of the sample before.
        """
        poses = _Between.of(self.capture_ns, times_ns) if len(self.capture_ns) else None
        faces = _Between.of(self.face_ns, times_ns) if len(self.face_ns) else None
        changed: dict[str, Any] = {}
        if poses is not None:
            turn = poses.turned(self.root[:, 3:])
            changed |= {
                "capture_ns": times_ns,
                "root": np.concatenate([poses.mixed(self.root[:, :3]), turn], 1).astype(np.float32),
                "rotations": poses.turned(self.rotations),
                "joints": poses.mixed(self.joints),
                "confidence": poses.mixed(self.confidence),
                "state": self.state[poses.before],
            }
        if faces is not None:
            changed |= {
                "face_ns": times_ns,
                "shapes": faces.mixed(self.shapes),
                "head": faces.turned(self.head),
                "gaze": faces.mixed(self.gaze),
            }
        return replace(self, **changed)


def frame_times(span_ns: tuple[int, int], rate: float) -> NDArray[np.int64]:
    """Times of frames of a rate in Hz, from the beginning of a span up to its end."""
    begin_ns, end_ns = span_ns
    count = int((end_ns - begin_ns) * rate / _NS + 1e-6) + 1
    return begin_ns + np.round(np.arange(count) * (_NS / rate)).astype(np.int64)


def load_motions(take: TakeReader, begin_ns: int = 0, end_ns: int = 1 << 62) -> dict[str, Motion]:
    """What all actors did in a take, by id; poses captured in [begin_ns, end_ns).

    A face camera's faces count where there is one and it works, else those that came with the body.

    Raises:
        TakeError: The take is damaged, or holds no performance in this range.
    """
    poses: dict[str, list[Performance]] = {}
    faces: dict[str, list[tuple[int, Face]]] = {}
    sources: dict[str, FaceSource] = {}
    for entry in take.records("performance.", "face."):
        record = entry.decoded().record
        if not isinstance(record, Performance | FacePerformance):
            continue
        source = sources.setdefault(record.actor, FaceSource())
        if isinstance(record, FacePerformance):
            source.heard_face(entry.received_ns)
            face = record.face
        else:
            face = source.heard_body(record, entry.received_ns).face
        if not begin_ns <= record.capture_ns < end_ns:
            continue
        if isinstance(record, Performance):
            poses.setdefault(record.actor, []).append(record)
        if face is not None and face.state != "absent":
            faces.setdefault(record.actor, []).append((record.capture_ns, face))
    if not poses and not faces:
        raise TakeError(f"{take.path}: no performance of anybody in this range")
    return {actor: _gathered(actor, poses.get(actor, []), faces.get(actor, [])) for actor in sorted({*poses, *faces})}


def _gathered(actor: str, poses: list[Performance], faces: list[tuple[int, Face]]) -> Motion:
    poses = _rising(poses, [pose.capture_ns for pose in poses])
    faces = _rising(faces, [time_ns for time_ns, _ in faces])

    def stacked(parts: list[bytes], *shape: int) -> Floats:
        return from_bytes(b"".join(parts), (len(parts), *shape))

    return Motion(
        actor=actor,
        capture_ns=np.array([pose.capture_ns for pose in poses], np.int64),
        root=stacked([pose.root for pose in poses], 7),
        rotations=stacked([pose.rotations for pose in poses], _BONES, 4),
        joints=stacked([pose.joints for pose in poses], _BONES, 3),
        rest_joints=from_bytes(poses[-1].rest_joints if poses else bytes(_BONES * 12), (_BONES, 3)),
        confidence=stacked([pose.confidence for pose in poses], _BONES),
        state=np.array([pose.state for pose in poses], "<U8"),
        face_ns=np.array([time_ns for time_ns, _ in faces], np.int64),
        shapes=stacked([face.shapes for _, face in faces], _SHAPES),
        head=stacked([face.head for _, face in faces], 4),
        gaze=stacked([face.gaze for _, face in faces], 2, 2),
    )


def _rising(rows: list[Any], times_ns: list[int]) -> list[Any]:
    """The rows whose times rise: a run that began anew, or came out of order, says nothing twice."""
    kept, last_ns = [], -1
    for row, time_ns in zip(rows, times_ns, strict=True):
        if time_ns > last_ns:
            kept.append(row)
            last_ns = time_ns
    return kept


@dataclass(frozen=True, eq=False)
class _Between:
    """Where wanted times lie among samples."""

    before: NDArray[np.intp]
    after: NDArray[np.intp]
    share: NDArray[np.float64]

    @classmethod
    def of(cls, samples_ns: NDArray[np.int64], times_ns: NDArray[np.int64]) -> _Between:
        after = np.clip(np.searchsorted(samples_ns, times_ns, side="right"), 1, max(1, len(samples_ns) - 1))
        after = np.minimum(after, len(samples_ns) - 1)
        before = np.maximum(after - 1, 0)
        length = np.maximum(samples_ns[after] - samples_ns[before], 1)
        return cls(before, after, np.clip((times_ns - samples_ns[before]) / length, 0.0, 1.0))

    def mixed(self, values: Floats) -> Floats:
        share = self.share.reshape(-1, *[1] * (values.ndim - 1))
        return ((1 - share) * values[self.before] + share * values[self.after]).astype(np.float32)

    def turned(self, quaternions: Floats) -> Floats:
        share = self.share.reshape(-1, *[1] * (quaternions.ndim - 1))
        return np.asarray(slerp(quaternions[self.before], quaternions[self.after], share), np.float32)
