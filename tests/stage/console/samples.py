"""Records as workers send them, for tests of the console."""

from __future__ import annotations

import numpy as np

from protocols.arrays import to_bytes
from protocols.histogram import Histogram
from protocols.messages import Heartbeat, MeshNote, Performance, Trace

FACES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
"""Of a body of four vertices."""


def performance(
    joints: np.ndarray | None = None, confidence: float = 0.9, state: str = "tracking", actor: str = "ada"
) -> Performance:
    if joints is None:
        joints = np.arange(53 * 3, dtype=np.float32).reshape(53, 3) / 100
    return Performance(
        actor=actor,
        number=1,
        capture_ns=1_000_000_000,
        state=state,
        root=to_bytes(np.array([0, 0, 0, 0, 0, 0, 1.0])),
        rotations=to_bytes(np.tile([0.0, 0.0, 0.0, 1.0], (53, 1))),
        joints=to_bytes(joints),
        rest_joints=to_bytes(joints),
        confidence=to_bytes(np.full(53, confidence)),
        cameras=("left", "right"),
        trace=Trace(1, 1, 1, 1, 1),
    )


def mesh(vertices: np.ndarray, actor: str = "ada") -> MeshNote:
    return MeshNote(actor, 1, 1_000_000_000, to_bytes(vertices))


def heartbeat(
    worker: str,
    pid: int = 1,
    state: str = "running",
    counters: dict[str, int] | None = None,
    legs: dict[str, Histogram] | None = None,
    rate_hz: float = 30.0,
) -> Heartbeat:
    return Heartbeat(
        worker=worker,
        pid=pid,
        at_ns=0,
        state=state,
        rate_hz=rate_hz,
        age_ms=2.5,
        resident_bytes=1,
        counters=counters or {},
        legs={leg: histogram.to_bytes() for leg, histogram in (legs or {}).items()},
        facts={},
    )
