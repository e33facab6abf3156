"""A take of what really happened in the demo recording, as its stage would have recorded it without any error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from protocols.arrays import to_bytes
from protocols.codec import encode
from protocols.messages import Face, FacePerformance, Performance, Trace
from protocols.names import ARKIT_SHAPES, RIG_BONES
from protocols.takefile import TakeWriter
from stage.bodies.body import load_body
from stage.config import ActorSection, Config, StageSection, TimecodeSection
from stage.synthetic.truth import Truth, load_truth
from stage.takes.about import redacted
from stage.takes.posing import world_joints

TRUTH = Path(__file__).resolve().parents[1] / "recordings" / "demo" / "truth.npz"
BEGAN_NS = 1_760_000_000_123_456_789
"""Stage time of the take's begin: between two frames of its timecode."""
TIMECODE_OFFSET = "10:00:00:00"

_LATENCY_NS = 40_000_000


def write_demo_take(
    path: Path,
    seconds: float = 2.0,
    *,
    actors: Sequence[str] = ("anna",),
    shape: np.ndarray | None = None,
    away: tuple[float, float] = (0.0, 0.0),
    repeat: int = 1,
    begin_s: float = 5.0,
    profiles: bool = True,
    bodies: bool = True,
) -> Path:
    """Writes it, with faces of a face camera at 60 Hz and poses at 30 Hz.

    Args:
        path: A file that is not there.
        seconds: Its length.
        actors: Everybody does the same, two metres apart.
        shape: (S,) body shape; None keeps the performer's exact rest joints, and no profile.
        away: Seconds between which nobody is there.
        repeat: How often the same happens, one after the other.
        begin_s: Where in the recording it begins.
        profiles: Whether a shape goes into the take as a profile.
        bodies: Whether there are poses, or faces alone.
    """
    truth = load_truth(TRUTH)
    rest = truth.rest_joints if shape is None else load_body().rest_body(shape).joints
    config = Config(
        stage=StageSection(name="demo", rate=30.0),
        actors=tuple(ActorSection(id=actor) for actor in actors),
        timecode=TimecodeSection(rate="30", source="start", offset=TIMECODE_OFFSET),
    )
    writer = TakeWriter(path)
    facts = {"name": path.stem, "slate": "scene", "number": "1", "stage": "demo", "began_ns": str(BEGAN_NS)}
    writer.note("take", facts | {"timecode": TIMECODE_OFFSET, "timecode_rate": "30", "timecode_source": "start"})
    writer.note("clock", {"epoch_ns": str(BEGAN_NS), "offset_ns": "0"})
    writer.attach("config.json", redacted(config), "application/json", BEGAN_NS)
    if shape is not None and profiles:
        text = f'version = 1\nmodel = "anny-0.6.2"\nheight_m = 1.7\nshape = {[float(x) for x in shape]}\n'
        for actor in actors:
            writer.attach(f"actors/{actor}/body.toml", text.encode(), "application/toml", BEGAN_NS)
    records = []
    for turn in range(repeat):
        records += _records(truth, rest, begin_s, seconds, round(turn * seconds * 1e9), actors, away)
    records = [record for record in records if bodies or isinstance(record, FacePerformance)]
    for number, record in enumerate(sorted(records, key=lambda each: each.capture_ns)):
        kind, topic = type(record).__name__, "performance" if isinstance(record, Performance) else "face"
        data = encode(record, number, record.capture_ns + _LATENCY_NS)
        received_ns = record.capture_ns + _LATENCY_NS
        writer.write(f"{topic}.{record.actor}", kind, data, record.capture_ns, received_ns, number)
    writer.finish({"records": str(len(records))})
    return path


def _records(
    truth: Truth,
    rest: np.ndarray,
    begin_s: float,
    seconds: float,
    later_ns: int,
    actors: Sequence[str],
    away: tuple[float, float],
) -> list[Performance | FacePerformance]:
    first, count = round(begin_s * 30), round(seconds * 30)
    poses, faces = slice(first, first + count), slice(2 * first, 2 * (first + count))
    start_ns = BEGAN_NS + 11_000_000 + later_ns
    records: list[Performance | FacePerformance] = []
    for place, actor in enumerate(actors):
        root = truth.root[poses].copy()
        root[:, 0] += 2.0 * place
        rotations = truth.rotations[poses]
        joints = world_joints(rest, root, rotations)
        for n, time_ns in enumerate(truth.capture_ns[poses] - truth.capture_ns[first] + start_ns):
            at_ns = int(time_ns)
            performance = Performance(
                actor=actor,
                number=n,
                capture_ns=at_ns,
                state="tracking",
                root=to_bytes(root[n]),
                rotations=to_bytes(rotations[n]),
                joints=to_bytes(joints[n]),
                rest_joints=to_bytes(rest),
                confidence=to_bytes(np.linspace(0.5, 1.0, len(RIG_BONES))),
                cameras=("cam1",),
                trace=Trace(at_ns, at_ns, at_ns, at_ns, at_ns),
            )
            records.append(performance)
        for n, time_ns in enumerate(truth.face_ns[faces] - truth.face_ns[2 * first] + start_ns):
            at_ns = int(time_ns)
            face = Face(
                state="tracking",
                shapes=to_bytes(truth.face[faces][n]),
                confidence=to_bytes(np.ones(len(ARKIT_SHAPES))),
                head=to_bytes(np.array([0.0, 0.0, 0.0, 1.0])),
                gaze=to_bytes(truth.gaze[faces][n]),
                cameras=("face",),
            )
            records.append(FacePerformance(actor, n, at_ns, face, Trace(at_ns, at_ns, at_ns, at_ns, at_ns)))
    begin_ns, end_ns = (start_ns + round(second * 1e9) for second in away)
    return [record for record in records if not begin_ns <= record.capture_ns < end_ns]
