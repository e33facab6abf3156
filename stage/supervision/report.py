"""What is known of a running stage at one instant: the table shows it, `--json` writes it.

Legs are the parts of a frame's way to the engine, in order; each is measured per performance:

    capture    the camera has it               -> its note is on the bus
    queue      note on the bus                 -> the landmark network begins
    landmarks  the network's own time
    assemble   landmarks of the last camera    -> the solver begins with the frameset
    solve      the solver's own time
    send       performance solved              -> its datagram has left
    total      the camera has it               -> its datagram has left

Faces from face cameras go the same way faster; their legs have the same names after "face_".
"""

from __future__ import annotations

import msgspec

SPARE_SUFFIX = " (spare)"
"""After the name of a worker, means its standby."""

LEGS = ("capture", "queue", "landmarks", "assemble", "solve", "send", "total")
FACE_LEGS = tuple(f"face_{leg}" for leg in LEGS)


class Report(msgspec.Struct, frozen=True):
    """A stage at one instant."""

    stage: str
    seconds: float
    """Since the sources were started; 0 before."""
    rate_hz: float
    """Framesets solved per second, since warm-up."""
    face_rate_hz: float
    """Faces of face cameras sent per second, since warm-up, all actors together; 0 without face cameras."""
    framesets: FramesetReport
    legs: dict[str, LegReport]
    """Since warm-up; before that, since the start."""
    recent_legs: dict[str, LegReport]
    """Over the last seconds."""
    workers: dict[str, WorkerReport]
    """Also the standbys ("solve (spare)") and the supervisor itself."""
    restarts: int
    gaps: int
    drops: int
    events: tuple[str, ...]
    """The last warnings and errors."""


class FramesetReport(msgspec.Struct, frozen=True):
    """What became of the framesets since the start."""

    captured: int = 0
    """Frames of the camera that gave most, face cameras aside: what there was to solve."""
    seen: int = 0
    """That reached the solver; the others were replaced by newer ones on the way."""
    solved: int = 0
    solved_fraction: float = 0.0
    """Of those captured; 0 when none were."""
    dropped_age: int = 0
    """Too old to be worth solving."""
    incomplete: int = 0
    """Solved without a camera that came too late."""


class LegReport(msgspec.Struct, frozen=True):
    """One leg over some time."""

    count: int
    p50_ms: float
    p99_ms: float


class MemoryReport(msgspec.Struct, frozen=True):
    """Resident memory of one process over its life, in megabytes."""

    first_mb: float
    """When it had warmed up."""
    last_mb: float
    peak_mb: float
    slope_mb_per_minute: float
    """Least squares since warm-up; 0 before there is enough to tell."""


class WorkerReport(msgspec.Struct, frozen=True):
    """One worker."""

    state: str
    """As in its heartbeat; "down" when it has no living process."""
    rate_hz: float
    age_ms: float
    cpu_percent: float
    """Of one core, over the last second or so."""
    restarts: int
    gaps: int
    drops: int
    memory: MemoryReport | None
    counters: dict[str, int]
    """Over all lives of the worker."""
    facts: dict[str, str]
