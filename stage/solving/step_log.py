"""Tells what a solver is asked, and its state every few seconds: see `protocols.solve_log`.

Every call that may change the solver's state is told after it was made, so that nothing it gives waits for that. A
state is taken where the one who solves has nothing else to do; when there has been no such moment for long, anyway.
"""

from __future__ import annotations

from collections.abc import Callable

from protocols.external import ExternalBones, ExternalFace
from protocols.messages import CameraLandmarks, Record
from protocols.solve_log import (
    BODIES,
    EXTERNAL,
    FACE,
    KEYFRAME_S,
    MAX_STATE_BYTES,
    MEASURE,
    TIME,
    SeenFrame,
    SolverKeyframe,
    SolveStep,
)
from stage.solving.framesets import Frameset
from stage.solving.memento import Memento
from stage.solving.solver import Solver

_SECOND_NS = 500_000_000
"""The second keyframe comes early: whoever listens may not have heard the first."""
_PATIENCE_NS = 500_000_000
"""A keyframe that is due waits this long for a moment of rest."""


class StepLog:
    """Of one run of a solver."""

    def __init__(self, solver: Solver, send: Callable[[str, Record], object], now_ns: int) -> None:
        """Begins with nothing told.

        Args:
            solver: With its profiles, before its first step.
            send: Publishes a record on a topic.
            now_ns: Stage time.
        """
        self._memento, self._send = Memento(solver), send
        self._run_ns, self._number, self._at_ns = now_ns, 0, now_ns
        self._due_ns = now_ns
        self.fault = ""
        """Why the last keyframe that was due was left out; "" when all is well."""

    @property
    def is_new(self) -> bool:
        """Whether nothing has been told yet, not even the state to begin with."""
        return self._due_ns == self._run_ns

    def bodies(self, frameset: Frameset) -> None:
        """A frameset was solved."""
        views = tuple(_named(view) for view in frameset.views.values())
        self._tell(SolveStep(self._run_ns, self._number, BODIES, frameset.capture_ns, views))

    def face(self, seen: CameraLandmarks) -> None:
        """A frame of a face camera was solved."""
        self._tell(SolveStep(self._run_ns, self._number, FACE, seen.capture_ns, (_named(seen),)))

    def external(self, record: ExternalFace | ExternalBones, *, overtaken: bool) -> None:
        """A record of another performer was taken in."""
        step = SolveStep(
            self._run_ns,
            self._number,
            EXTERNAL,
            record.capture_ns,
            actor=record.actor,
            source=record.input,
            kind=type(record).__name__,
            sent=record.number,
            overtaken=overtaken,
        )
        self._tell(step)

    def time(self, now_ns: int) -> None:
        """The solver was told the time, and something came of it."""
        self._tell(SolveStep(self._run_ns, self._number, TIME, now_ns))

    def measure(self, actor: str, now_ns: int) -> None:
        """An actor is measured anew from here on."""
        self._tell(SolveStep(self._run_ns, self._number, MEASURE, now_ns, actor=actor))

    def want(self) -> None:
        """A take begins: it should have a state near its beginning."""
        if not self.is_new:
            self._due_ns = self._at_ns

    def keyframe(self, now_ns: int, *, resting: bool) -> None:
        """Tells the state, if that is due and the moment is good."""
        late_ns = now_ns - self._due_ns
        if late_ns < 0 or (not resting and late_ns < _PATIENCE_NS):
            return
        state = self._memento.state()
        self._due_ns = now_ns + (_SECOND_NS if self._number == 0 else round(KEYFRAME_S * 1e9))
        if len(state) > MAX_STATE_BYTES:
            self.fault = (
                f"the solver's state has {len(state)} bytes, more than {MAX_STATE_BYTES}: takes have none of it at "
                "present, so they can be solved again from their landmarks, but not byte for byte"
            )
            return
        self.fault = ""
        at_ns = self._at_ns if self._number > 0 else now_ns
        self._send("keyframe.solve", SolverKeyframe(self._run_ns, self._number, at_ns, state))

    def _tell(self, step: SolveStep) -> None:
        self._send("step.solve", step)
        self._number += 1
        self._at_ns = step.at_ns


def _named(seen: CameraLandmarks) -> SeenFrame:
    return SeenFrame(seen.camera, seen.frame, seen.capture_ns)
