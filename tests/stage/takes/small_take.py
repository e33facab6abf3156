"""A finished take of a few performances, for tests of what works on takes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from protocols.arrays import to_bytes
from protocols.codec import encode
from protocols.messages import Face, FacePerformance, Performance, Record, Trace
from protocols.takefile import TakeWriter, captured_ns
from stage.config import ActorSection, Config
from stage.takes.about import attached_files

BEGAN_NS = 1_700_000_000_000_000_000
FRAME_NS = 33_333_333
LATENCY_NS = 50_000_000

_REST = np.random.default_rng(5).normal(size=(53, 3)).astype(np.float32) * 0.2


def a_face(jaw: float = 0.0, state: str = "tracking") -> Face:
    """A face of which all shapes are alike."""
    shapes = np.full(52, jaw, np.float32)
    return Face(
        state, to_bytes(shapes), to_bytes(np.ones(52)), to_bytes(np.array([0, 0, 0, 1.0])), bytes(16), ("cam1",)
    )


def a_performance(number: int, actor: str = "anna", face: Face | None = None) -> Performance:
    """At rest, half a metre further with every frame."""
    root = np.array([0.5 * number, 0, 1, 0, 0, 0, 1], np.float32)
    return Performance(
        actor=actor,
        number=number,
        capture_ns=BEGAN_NS + number * FRAME_NS,
        state="tracking",
        root=to_bytes(root),
        rotations=to_bytes(np.tile([0, 0, 0, 1.0], (53, 1))),
        joints=to_bytes(_REST - _REST[0] + root[:3]),
        rest_joints=to_bytes(_REST),
        confidence=to_bytes(np.ones(53)),
        cameras=("cam1",),
        trace=Trace(BEGAN_NS + number * FRAME_NS, 0, 0, 0, 0),
        face=face,
    )


def a_face_performance(number: int, actor: str = "anna", jaw: float = 0.0) -> FacePerformance:
    """Twice as many as bodies."""
    capture_ns = BEGAN_NS + number * FRAME_NS // 2
    return FacePerformance(actor, number, capture_ns, a_face(jaw), Trace(capture_ns, 0, 0, 0, 0))


def write_take(path: Path, records: Iterable[Record], config: Config | None = None) -> Path:
    """A take with these records, each received `LATENCY_NS` after it was captured."""
    config = config or Config(actors=(ActorSection(id="anna"),))
    writer = TakeWriter(path)
    writer.note("take", {"name": path.stem, "slate": "scene", "number": "1", "began_ns": str(BEGAN_NS)})
    writer.note("clock", {"offset_ns": "0", "epoch_ns": str(BEGAN_NS)})
    for file in attached_files(config):
        writer.attach(file.name, file.data, file.media_type, BEGAN_NS)
    for sequence, record in enumerate(records):
        topic = f"{'face' if isinstance(record, FacePerformance) else 'performance'}.{getattr(record, 'actor', '')}"
        received_ns = captured_ns(record, BEGAN_NS) + LATENCY_NS
        data = encode(record, sequence, received_ns)
        writer.write(topic, type(record).__name__, data, captured_ns(record, 0), received_ns, sequence)
    writer.finish({"records": str(writer.records)})
    return path
