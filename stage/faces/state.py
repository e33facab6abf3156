"""What a face shows at one instant, and what becomes of it when it is not seen.

    tracking -> holding (lost, the last face is kept) -> fading (to rest) -> absent -> tracking ...

as for bodies (see `stage.solving.actor`), with the same times.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from protocols.arrays import to_bytes
from protocols.messages import Face
from protocols.names import ARKIT_SHAPES

HOLD_S, FADE_S = 0.5, 1.0
IDENTITY_QUATERNION = np.array([0.0, 0.0, 0.0, 1.0])

SHAPE_COUNT = len(ARKIT_SHAPES)


class FaceState(NamedTuple):
    """A face at one instant."""

    state: str
    shapes: np.ndarray
    """(52,) in [0, 1]."""
    confidence: np.ndarray
    """(52,) in [0, 1]."""
    head: np.ndarray
    """(4,) xyzw, against the actor's neutral in a camera that stands; identity from one on the head."""
    gaze: np.ndarray
    """(2, 2) radians: left eye, right eye; yaw to the performer's left, pitch up."""
    cameras: tuple[str, ...]

    def record(self, head: np.ndarray | None = None) -> Face:
        """As it crosses processes; with the head's turn against the body where there is one."""
        return Face(
            state=self.state,
            shapes=to_bytes(self.shapes),
            confidence=to_bytes(self.confidence),
            head=to_bytes(self.head if head is None else head),
            gaze=to_bytes(self.gaze),
            cameras=self.cameras,
        )


def faded(last: FaceState, unseen_s: float) -> FaceState:
    """The face that was last seen this long ago."""
    if unseen_s <= 0.0:
        return last
    if unseen_s < HOLD_S:
        return last._replace(state="holding", confidence=last.confidence * (1.0 - unseen_s / HOLD_S), cameras=())
    left = max(0.0, 1.0 - (unseen_s - HOLD_S) / FADE_S)
    return FaceState(
        "fading" if left > 0.0 else "absent",
        last.shapes * left,
        np.zeros(SHAPE_COUNT),
        between_heads(IDENTITY_QUATERNION, last.head, left),
        last.gaze * left,
        (),
    )


def between(before: FaceState, after: FaceState, share: float) -> FaceState:
    """The face at a share in [0, 1] of the way between two instants; it is as sure as the later one."""
    return FaceState(
        after.state,
        before.shapes + share * (after.shapes - before.shapes),
        before.confidence + share * (after.confidence - before.confidence),
        between_heads(before.head, after.head, share),
        before.gaze + share * (after.gaze - before.gaze),
        after.cameras,
    )


def between_heads(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """Unit quaternion (4,) between two that are near each other."""
    mixed = a + share * (b * (1.0 if float(a @ b) >= 0.0 else -1.0) - a)
    return mixed / max(float(np.linalg.norm(mixed)), 1e-9)
