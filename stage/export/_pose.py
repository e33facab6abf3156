"""What an actor shows in each frame, whatever of body and face the take has."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from protocols.names import ARKIT_SHAPES, RIG_BONES
from stage.errors import ExportError
from stage.export._source import ExportSource
from stage.outputs.quaternions import IDENTITY, Floats

_HEAD = RIG_BONES.index("head")


class Poses(NamedTuple):
    """T frames."""

    root: Floats
    """(T, 7) T_world_root."""
    rotations: Floats
    """(T, 53, 4) from rest, relative to the parent; that of Root is the identity, `root` has it."""
    shapes: Floats
    """(T, 52) face shapes; zero where the take has no face."""


def poses(source: ExportSource) -> Poses:
    """The frames of a source; an actor of whom only the face was filmed stands at the origin and turns the head."""
    motion, count = source.motion, len(source)
    rotations = np.tile(IDENTITY, (count, len(RIG_BONES), 1)).astype(np.float32)
    root = np.tile(np.concatenate([np.zeros(3), IDENTITY]), (count, 1)).astype(np.float32)
    if len(motion.capture_ns):
        root = motion.root
        rotations[:, 1:] = motion.rotations[:, 1:]
    elif len(motion.face_ns):
        rotations[:, _HEAD] = motion.head
    shapes = motion.shapes if len(motion.face_ns) else np.zeros((count, len(ARKIT_SHAPES)), np.float32)
    return Poses(root, rotations, shapes)


def check_body(source: ExportSource, format_name: str) -> None:
    """Refuses an actor without a body, for formats that hold nothing else.

    Raises:
        ExportError: Only the face was filmed.
    """
    if len(source.motion.capture_ns) == 0:
        raise ExportError(
            f"{source.take.path}: of {source.actor} there is a face but no body, and {format_name} holds bodies; "
            "csv, npz and glb hold faces"
        )


def continuous(rotations: Floats) -> Floats:
    """The same rotations (T, ..., 4), none further than 180 degrees of quaternion from the one before.

    q and -q are one rotation, but a program that mixes keys as numbers turns the long way between them.
    """
    along = np.einsum("t...i,t...i->t...", rotations[1:], rotations[:-1])
    flips = np.concatenate([np.ones_like(along[:1]), np.where(along < 0, -1.0, 1.0)]) if len(along) else None
    return rotations if flips is None else rotations * np.cumprod(flips, 0)[..., None].astype(rotations.dtype)
