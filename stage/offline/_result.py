"""The result of an offline solve: an .npz of plain arrays."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from protocols.arrays import from_bytes
from protocols.messages import Performance
from stage.errors import ResultFileError


@dataclass(frozen=True, eq=False)
class Result:
    """One actor over T framesets, J bones."""

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

    @classmethod
    def of(
        cls, names: tuple[str, ...], performances: list[Performance], coco: list[np.ndarray], shape: np.ndarray
    ) -> Result:
        """Gather the performances of one actor."""
        bones = len(names)

        def stacked(field: str, shape: tuple[int, ...]) -> np.ndarray:
            return np.stack([from_bytes(getattr(p, field), shape) for p in performances])

        return cls(
            names=np.array(names),
            capture_ns=np.array([p.capture_ns for p in performances], np.int64),
            joints=stacked("joints", (bones, 3)),
            rotations=stacked("rotations", (bones, 4)),
            root=stacked("root", (7,)),
            coco=np.stack(coco).astype(np.float32),
            confidence=stacked("confidence", (bones,)),
            rest_joints=from_bytes(performances[-1].rest_joints, (bones, 3)),
            shape=shape.astype(np.float32),
            state=np.array([p.state for p in performances]),
            actor=np.array(performances[0].actor),
        )

    def save(self, path: Path) -> None:
        """Write whole or not at all.

        Raises:
            ResultFileError: The file cannot be written.
        """
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as file:
                np.savez_compressed(file, **{field.name: getattr(self, field.name) for field in fields(self)})
            unfinished.rename(path)
        except OSError as error:
            raise ResultFileError(f"{path} cannot be written: {error.strerror}") from error


def load_result(path: Path) -> Result:
    """What `Result.save` wrote.

    Raises:
        ResultFileError: Missing, damaged or not such a file.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            missing = [field.name for field in fields(Result) if field.name not in arrays]
            if missing:
                raise ResultFileError(f"{path} has no {', '.join(missing)}; it is no result of `stage solve`")
            return Result(**{field.name: arrays[field.name] for field in fields(Result)})
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise ResultFileError(f"{path} cannot be read: {error}") from error
