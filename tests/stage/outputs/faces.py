"""Faces for tests."""

from __future__ import annotations

import numpy as np

from protocols.arrays import to_bytes
from protocols.messages import Face, FacePerformance, Trace
from protocols.names import ARKIT_SHAPES

START_NS = 1_700_000_000_000_000_000


def face(
    state: str = "tracking",
    gaze: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 0.0), (0.0, 0.0)),
    head: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0),
    **shapes: float,
) -> Face:
    """A face with these shapes by their ARKit names, the others 0; confidence counts up from 0 to 1."""
    return Face(
        state=state,
        shapes=to_bytes(np.array([shapes.get(name, 0.0) for name in ARKIT_SHAPES])),
        confidence=to_bytes(np.linspace(0.0, 1.0, len(ARKIT_SHAPES))),
        head=to_bytes(np.array(head)),
        gaze=to_bytes(np.array(gaze)),
        cameras=("helmet",),
    )


def any_face(seed: int = 0) -> Face:
    """Every shape somewhere in [0, 1]."""
    values = np.random.default_rng(seed).random(len(ARKIT_SHAPES))
    return face(gaze=((0.2, -0.1), (0.1, -0.1)), **dict(zip(ARKIT_SHAPES, values.tolist(), strict=True)))


def face_performance(
    of: Face, number: int = 0, *, actor: str = "anna", capture_ns: int = START_NS, trace: Trace | None = None
) -> FacePerformance:
    """A face of a stream of its own."""
    return FacePerformance(actor, number, capture_ns, of, trace or Trace(capture_ns, 0, 0, 0, 0))
