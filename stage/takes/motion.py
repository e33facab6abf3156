"""One actor's performance in a take as arrays, to be handed over: what exports, smoothing and pictures start from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.arrays import from_bytes
from protocols.errors import TakeError
from protocols.messages import FacePerformance, Performance
from protocols.names import ARKIT_SHAPES, RIG_BONES
from protocols.takefile import TakeReader
from stage.outputs.face_source import FaceSource
from stage.takes.between import Between, presence
from stage.takes.posing import world_joints

Floats = NDArray[np.floating]

_BONES, _SHAPES = len(RIG_BONES), len(ARKIT_SHAPES)
_NS = 1_000_000_000
_BEFORE_NS = 1_000_000_000
"""Read before a range: which of two sources of a face counts depends on what came before."""
_POSE_FIELDS = {"root": (7,), "rotations": (_BONES, 4), "joints": (_BONES, 3), "confidence": (_BONES,)}
_FACE_FIELDS = {"shapes": (_SHAPES,), "head": (4,), "gaze": (2, 2)}
"""Arrays of records that become arrays of a motion, and their shapes."""


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

        Joints follow from rotations and rest joints: so all frames are of one skeleton, also where the body was
        still being measured when the first of them were taken.

        Before the first and after the last sample, and in gaps, the motion stands still. Poses of state "absent" say
        nothing, unless there are no others. A state is that of the sample before, and "absent" in a gap; there the
        confidence is 0.
        """
        changed: dict[str, Any] = {}
        if len(self.capture_ns):
            there = self.state != "absent"
            there = np.flatnonzero(there if there.any() else ~there)
            poses = Between.of(self.capture_ns[there], times_ns)
            present = presence(self.capture_ns[self.state != "absent"], times_ns)
            turn = poses.turned(self.root[there, 3:])
            root = np.concatenate([poses.mixed(self.root[there, :3]), turn], 1).astype(np.float32)
            rotations = poses.turned(self.rotations[there])
            changed |= {
                "capture_ns": times_ns,
                "root": root,
                "rotations": rotations,
                "joints": world_joints(self.rest_joints, root, rotations),
                "confidence": poses.mixed(self.confidence[there]) * present[:, None].astype(np.float32),
                "state": np.where(present, self.state[there][poses.before], "absent").astype("<U8"),
            }
        if len(self.face_ns):
            faces = Between.of(self.face_ns, times_ns)
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

    A face camera's faces count where there is one and it works, else those that came with the body. Memory is that of
    the motions: 2 kB for every pose.

    Raises:
        TakeError: The take is damaged, or holds no performance in this range.
    """
    found: dict[str, _Gathering] = {}
    for entry in take.records("performance.", "face.", begin_ns=max(0, begin_ns - _BEFORE_NS), end_ns=end_ns):
        record = entry.decoded().record
        if isinstance(record, Performance | FacePerformance):
            gathering = found.setdefault(record.actor, _Gathering())
            gathering.hear(record, entry.received_ns, keep=begin_ns <= record.capture_ns < end_ns)
    motions = {actor: found[actor].motion(actor) for actor in sorted(found) if found[actor].kept}
    if not motions:
        raise TakeError(f"{take.path}: no performance of anybody in this range")
    return motions


class _Gathering:
    """One actor's poses and faces while they are read; a time that does not rise says nothing twice."""

    def __init__(self) -> None:
        self.kept = False
        self._source = FaceSource()
        self._columns = {name: bytearray() for name in (*_POSE_FIELDS, *_FACE_FIELDS)}
        self._capture_ns: list[int] = []
        self._face_ns: list[int] = []
        self._states: list[str] = []
        self._rest_joints = bytes(_BONES * 12)

    def hear(self, record: Performance | FacePerformance, received_ns: int, *, keep: bool) -> None:
        """Takes what the recorder has received, in that order; what is not kept still tells which face counts."""
        if isinstance(record, FacePerformance):
            self._source.heard_face(received_ns)
            face = record.face
        else:
            face = self._source.heard_body(record, received_ns).face
        if not keep:
            return
        if isinstance(record, Performance) and _rises(self._capture_ns, record.capture_ns):
            self.kept = True
            self._states.append(record.state)
            self._rest_joints = record.rest_joints
            for name in _POSE_FIELDS:
                self._columns[name].extend(getattr(record, name))
        if face is not None and face.state != "absent" and _rises(self._face_ns, record.capture_ns):
            self.kept = True
            for name in _FACE_FIELDS:
                self._columns[name].extend(getattr(face, name))

    def motion(self, actor: str) -> Motion:
        """What has been heard; it is handed over, and asked for once."""
        counts = dict.fromkeys(_POSE_FIELDS, len(self._capture_ns)) | dict.fromkeys(_FACE_FIELDS, len(self._face_ns))
        fields = _POSE_FIELDS | _FACE_FIELDS
        arrays = {name: from_bytes(bytes(self._columns.pop(name)), (counts[name], *fields[name])) for name in fields}
        return Motion(
            actor=actor,
            capture_ns=np.array(self._capture_ns, np.int64),
            rest_joints=from_bytes(self._rest_joints, (_BONES, 3)),
            state=np.array(self._states, "<U8"),
            face_ns=np.array(self._face_ns, np.int64),
            **arrays,
        )


def _rises(times_ns: list[int], time_ns: int) -> bool:
    """Whether the time is later than all; then it is one of them."""
    if times_ns and time_ns <= times_ns[-1]:
        return False
    times_ns.append(time_ns)
    return True
