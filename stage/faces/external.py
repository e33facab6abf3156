"""Faces of an actor that other performers provide, merged with those that the stage reads itself.

Each input has a timeline of its own and counts as `stage.solving.presence` says: while it is there, what it is
configured to provide replaces the stage's own, with a short blend both ways. "face" are all shapes but EyeLook...,
"eyes" those and the gaze, "head" the head's turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from protocols.arrays import from_bytes
from protocols.external import ExternalFace
from stage.config import AnyInputSection
from stage.faces.state import IDENTITY_QUATERNION, SHAPE_COUNT, FaceState, between_heads
from stage.faces.timeline import PATIENCE_S
from stage.inputs.parts import LOOKS
from stage.solving.presence import BACK_NS, KEPT, Presence
from stage.timeline import Timeline

LEADS_NS = 100_000_000
"""An input that was heard this long ago sets the pace of the actor's faces; a face camera then waits."""

_LOOKS = np.array(LOOKS)
_REST = FaceState(
    "absent", np.zeros(SHAPE_COUNT), np.zeros(SHAPE_COUNT), IDENTITY_QUATERNION, np.zeros((2, 2)), ()
)  # fmt: skip


class Sample(NamedTuple):
    """What one record says; None where it says nothing."""

    shapes: np.ndarray | None
    head: np.ndarray | None
    gaze: np.ndarray | None


class _Source:
    """The faces of one input."""

    def __init__(self, section: AnyInputSection) -> None:
        self.take = frozenset(section.take)
        mine = np.zeros(SHAPE_COUNT, bool)
        if "face" in self.take:
            mine[:] = True
            mine[_LOOKS] = False
        if "eyes" in self.take:
            mine[_LOOKS] = True
        self.shapes = np.flatnonzero(mine)
        """The shapes it provides."""
        self.presence = Presence(round(section.timeout_ms * 1e6))
        self.heard_ns: int | None = None
        """Newest record, whether it saw a face or not."""
        self.late = 0
        self._samples = Timeline[Sample](KEPT)

    def add(self, record: ExternalFace) -> bool:
        """Take in the newest; false, counted, when it is older than the last one."""
        if self.heard_ns is not None and record.capture_ns <= self.heard_ns:
            if self.heard_ns - record.capture_ns < BACK_NS:
                self.late += 1
                return False
            self._samples.clear()
            self.presence.forget()
        self.heard_ns = record.capture_ns
        if record.tracked:
            self._samples.add(record.capture_ns, _sample_of(record))
            self.presence.heard(record.capture_ns)
        return True

    def at(self, capture_ns: int) -> Sample | None:
        """What it says of a time: between two samples, or the newest; None before the first."""
        found = self._samples.at(capture_ns)
        if found is None:
            return None
        before, later, share = found
        if before is later:
            return before
        return Sample(
            _mixed(before.shapes, later.shapes, share),
            later.head
            if before.head is None or later.head is None
            else between_heads(before.head, later.head, share),
            _mixed(before.gaze, later.gaze, share),
        )  # fmt: skip


class ExternalHead(NamedTuple):
    """How an input turns the head."""

    turn: np.ndarray
    """(4,) as `Face.head`."""
    share: float
    """How far it counts, in [0, 1]."""


class ExternalFaces:
    """What the inputs of one actor say of its face; of two that provide the same, the later one counts."""

    def __init__(self, sections: Sequence[AnyInputSection]) -> None:
        self._sources = {section.id: _Source(section) for section in sections}

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs."""
        return tuple(self._sources)

    @property
    def late(self) -> int:
        """Faces that came after a newer one, and were left out."""
        return sum(source.late for source in self._sources.values())

    @property
    def heard_ns(self) -> int:
        """Time of the newest record; 0 before the first."""
        return max((source.heard_ns or 0 for source in self._sources.values()), default=0)

    @property
    def heard(self) -> bool:
        """Whether there ever was a face."""
        return any(source.presence.last_ns is not None for source in self._sources.values())

    def take(self, record: ExternalFace) -> bool:
        """Take in a face; false when it is left out: late, or of an input that is not this actor's."""
        source = self._sources.get(record.input)
        return source is not None and source.add(record)

    def leading(self, capture_ns: int) -> str:
        """The input that sets the pace of this actor's faces at a time; "" when none does."""
        for name, source in reversed(self._sources.items()):
            if source.heard_ns is not None and capture_ns - source.heard_ns <= LEADS_NS:
                return name
        return ""

    def head(self, capture_ns: int) -> ExternalHead | None:
        """How the head is turned; None where no input says so."""
        for source in reversed(self._sources.values()):
            share = source.presence.share(capture_ns)
            sample = source.at(capture_ns) if share > 0.0 and "head" in source.take else None
            if sample is not None and sample.head is not None:
                return ExternalHead(sample.head, share)
        return None

    def merged(self, own: FaceState | None, capture_ns: int) -> FaceState | None:
        """The face at a time.

        Args:
            own: What the stage read itself; None before it ever saw the face.
            capture_ns: Of the face.

        Returns:
            None before anybody ever saw the face.
        """
        state = own
        for source in self._sources.values():
            share = source.presence.share(capture_ns)
            sample = source.at(capture_ns) if share > 0.0 or source.presence.fresh(capture_ns) else None
            if sample is not None:
                state = _blended(_REST if state is None else state, source, sample, share, capture_ns)
        if state is None and self.heard:
            return _REST
        return state


def _blended(below: FaceState, source: _Source, sample: Sample, share: float, capture_ns: int) -> FaceState:
    """A face with what one input says laid over it."""
    shapes, confidence, head, looks = below.shapes, below.confidence, below.head, below.gaze
    if sample.shapes is not None and len(source.shapes) > 0:
        shapes, confidence, mine = shapes.copy(), confidence.copy(), source.shapes
        shapes[mine] += share * (sample.shapes[mine] - shapes[mine])
        confidence[mine] += share * (1.0 - confidence[mine])
    if sample.gaze is not None and "eyes" in source.take:
        looks = looks + share * (sample.gaze - looks)
    if sample.head is not None and "head" in source.take:
        head = between_heads(head, sample.head, share)
    state = below.state
    if source.presence.fresh(capture_ns):
        late = source.heard_ns is not None and capture_ns - source.heard_ns > PATIENCE_S * 1e9
        state = "holding" if late and state != "tracking" else "tracking"
    elif state == "absent":
        state = "fading"
    return FaceState(state, shapes, confidence, head, looks, below.cameras)


def _sample_of(record: ExternalFace) -> Sample:
    return Sample(
        np.clip(from_bytes(record.shapes, (SHAPE_COUNT,)).astype(np.float64), 0.0, 1.0) if record.shapes else None,
        from_bytes(record.head, (4,)).astype(np.float64) if record.head else None,
        from_bytes(record.gaze, (2, 2)).astype(np.float64) if record.gaze else None,
    )


def _mixed(a: np.ndarray | None, b: np.ndarray | None, share: float) -> np.ndarray | None:
    return b if a is None or b is None else a + share * (b - a)
