"""The result of an offline solve: an .npz of plain arrays.

The body has one row per frameset, T of them. The face has a time of its own, F rows: those of its face camera where
there is one, else those of the framesets. Where nobody solved a body, T is 0; where nobody solved a face, F is 0, and
files of before there were faces are read as such.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from protocols.arrays import from_bytes
from protocols.messages import Face, FacePerformance, Performance
from protocols.names import ARKIT_SHAPES
from stage.errors import ResultFileError

FACE_REACH_NS = 100_000_000
"""A face further from a time than this says nothing about it."""

_SHAPES = len(ARKIT_SHAPES)
_COCO = 17
_ABSENT = Face("absent", bytes(_SHAPES * 4), bytes(_SHAPES * 4), np.array([0, 0, 0, 1], "<f4").tobytes(), bytes(16), ())


@dataclass(frozen=True, eq=False)
class Result:
    """One actor over T framesets and F faces, J bones."""

    names: np.ndarray
    """(J,) bones."""
    capture_ns: np.ndarray
    """(T,) int64, since the start of the recordings."""
    joints: np.ndarray
    """(T, J, 3) float32: bone heads in the world, metres."""
    rotations: np.ndarray
    """(T, J, 4) float32 xyzw: from rest, relative to the parent, in the axes of the rest pose."""
    root: np.ndarray
    """(T, 7) float32: T_world_root, position in metres and rotation xyzw."""
    coco: np.ndarray
    """(T, 17, 3) float32: Anny's COCO keypoints, metres."""
    confidence: np.ndarray
    """(T, J) float32 in [0, 1]."""
    rest_joints: np.ndarray
    """(J, 3) float32: bone heads of the rest body, metres."""
    shape: np.ndarray
    """(S,) float32: shape coefficients."""
    state: np.ndarray
    """(T,) "tracking", "holding", "fading" or "absent"."""
    actor: np.ndarray
    """() the actor's id."""
    face_names: np.ndarray = field(default_factory=lambda: np.array(ARKIT_SHAPES))
    """(52,) ARKit's shapes."""
    face_capture_ns: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    """(F,) int64, as `capture_ns`."""
    face_shapes: np.ndarray = field(default_factory=lambda: np.zeros((0, _SHAPES), np.float32))
    """(F, 52) float32 in [0, 1]."""
    face_confidence: np.ndarray = field(default_factory=lambda: np.zeros((0, _SHAPES), np.float32))
    """(F, 52) float32 in [0, 1]."""
    face_head: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    """(F, 4) float32 xyzw: see `protocols.messages.Face`."""
    face_gaze: np.ndarray = field(default_factory=lambda: np.zeros((0, 2, 2), np.float32))
    """(F, 2, 2) float32: left eye, right eye; yaw to the performer's left and pitch up, radians."""
    face_state: np.ndarray = field(default_factory=lambda: np.zeros(0, "<U8"))
    """(F,) as `state`."""
    face_identity: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    """(I,) float32: coefficients of `BodyModel.face_basis`; (0,) of a mean face."""

    @classmethod
    def of(
        cls,
        names: tuple[str, ...],
        performances: list[Performance],
        coco: list[np.ndarray],
        shape: np.ndarray,
        *,
        actor: str = "",
        faces: Sequence[FacePerformance] = (),
        face_identity: np.ndarray | None = None,
    ) -> Result:
        """Gather the performances of one actor.

        Args:
            names: The bones.
            performances: In the order of time; none where nobody solved a body.
            coco: (17, 3) per performance.
            shape: Shape coefficients.
            actor: Its id; "" takes that of the performances or faces.
            faces: Of a face camera, in the order of time; without any, those of the performances count.
            face_identity: Coefficients of the actor's own face; None is the mean one.
        """
        bones = len(names)

        def stacked(name: str, shape: tuple[int, ...]) -> np.ndarray:
            rows = [from_bytes(getattr(p, name), shape) for p in performances]
            return np.array(rows, np.float32).reshape(-1, *shape)

        rest = performances[-1].rest_joints if performances else bytes(bones * 3 * 4)
        source = actor or next((record.actor for record in (*performances, *faces)), "")
        return cls(
            names=np.array(names),
            capture_ns=np.array([p.capture_ns for p in performances], np.int64),
            joints=stacked("joints", (bones, 3)),
            rotations=stacked("rotations", (bones, 4)),
            root=stacked("root", (7,)),
            coco=np.array(coco, np.float32).reshape(-1, _COCO, 3),
            confidence=stacked("confidence", (bones,)),
            rest_joints=from_bytes(rest, (bones, 3)),
            shape=shape.astype(np.float32),
            state=np.array([p.state for p in performances], "<U8"),
            actor=np.array(source),
            face_identity=np.zeros(0, np.float32) if face_identity is None else face_identity.astype(np.float32),
            **_faces_of(faces if len(faces) > 0 else performances),
        )

    def face_at(self, at_ns: int) -> int:
        """Row of the face nearest to a time; -1 where there is none within `FACE_REACH_NS`."""
        if len(self.face_capture_ns) == 0:
            return -1
        row = int(np.abs(self.face_capture_ns - at_ns).argmin())
        return row if abs(int(self.face_capture_ns[row]) - at_ns) <= FACE_REACH_NS else -1

    def save(self, path: Path) -> None:
        """Write whole or not at all.

        Raises:
            ResultFileError: The file cannot be written.
        """
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as file:
                np.savez_compressed(file, **{entry.name: getattr(self, entry.name) for entry in fields(self)})
            unfinished.rename(path)
        except OSError as error:
            raise ResultFileError(f"{path} cannot be written: {error.strerror}") from error


def _faces_of(records: Sequence[Performance | FacePerformance]) -> dict[str, np.ndarray]:
    """The rows of the face, one per record; none at all where no record has a face."""
    if all(record.face is None for record in records):
        return {}
    faces = [record.face or _ABSENT for record in records]
    return {
        "face_capture_ns": np.array([record.capture_ns for record in records], np.int64),
        "face_shapes": np.stack([from_bytes(face.shapes, (_SHAPES,)) for face in faces]),
        "face_confidence": np.stack([from_bytes(face.confidence, (_SHAPES,)) for face in faces]),
        "face_head": np.stack([from_bytes(face.head, (4,)) for face in faces]),
        "face_gaze": np.stack([from_bytes(face.gaze, (2, 2)) for face in faces]),
        "face_state": np.array([face.state for face in faces], "<U8"),
    }


def load_result(path: Path) -> Result:
    """What `Result.save` wrote.

    Raises:
        ResultFileError: Missing, damaged or not such a file.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            needed = [entry.name for entry in fields(Result) if entry.default_factory is MISSING]
            if missing := [name for name in needed if name not in arrays]:
                raise ResultFileError(f"{path} has no {', '.join(missing)}; it is no result of `stage solve`")
            return Result(**{entry.name: arrays[entry.name] for entry in fields(Result) if entry.name in arrays})
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise ResultFileError(f"{path} cannot be read: {error}") from error
