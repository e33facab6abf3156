"""Makes a solver do again what another one did, step by step; see `protocols.solve_log`.

    records of a take, in the order they were received -> Follower -> what each step made, and whether it is exact

Exact is what comes of a known state and of all that a step names. Before the first keyframe, and after a gap up to the
next one, the same steps are done with what there is: near what was, and said to be no more than that.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from protocols.errors import TakeError
from protocols.external import ExternalBones, ExternalFace
from protocols.messages import CameraLandmarks, FacePerformance, Performance, Record
from protocols.playback import PlayerState
from protocols.solve_log import BODIES, EXTERNAL, FACE, MEASURE, TIME, SolverKeyframe, SolveStep
from stage.news import News
from stage.resolve._inputs import Inputs
from stage.solving.framesets import Frameset
from stage.solving.memento import Memento
from stage.solving.solver import Solver

Made = Performance | FacePerformance

PATIENCE_NS = 1_000_000_000
"""Inputs may be received so long after the step that names them."""
_MOST_PENDING = 4096
# What a solver may stumble over when its state, or what it is given, is not what a solver made.
_STUMBLES = (ValueError, IndexError, KeyError, TypeError, AttributeError, RuntimeError, ArithmeticError, AssertionError)


class Outcome(NamedTuple):
    """What one step made."""

    step: SolveStep
    made: list[Made]
    """The solver's part of their traces only."""
    exact: bool
    """Byte for byte what it made then, on the same machine."""
    meshes: dict[str, np.ndarray]
    """(V, 3) float32 by actor, where the stage makes meshes."""


class Follower:
    """Does the steps of a take."""

    def __init__(
        self,
        solver: Solver,
        *,
        mesh: bool,
        patience_ns: int = PATIENCE_NS,
        reached: Callable[[PlayerState], object] = lambda _: None,
    ) -> None:
        """Begins with a solver that has done nothing.

        Args:
            solver: Made from the take's config.
            mesh: Whether the stage made meshes, `[body] mesh`.
            patience_ns: How long a step waits for what it names.
            reached: Told of each state of a player, when all steps that came before it have been done.
        """
        self.counters: Counter[str] = Counter()
        """steps, inexact, gaps (steps that are not there), missing (steps whose inputs are not), states, jumps."""
        self.news: deque[News] = deque(maxlen=64)
        """What an operator should know."""
        self._solver, self._memento, self._mesh = solver, Memento(solver), mesh
        self._actors = set(solver.shapes())
        self._inputs = Inputs()
        self._reached = reached
        self._pending: deque[tuple[SolveStep | SolverKeyframe | PlayerState, int]] = deque()
        self._patience_ns = patience_ns
        self._exact = False
        self._next: tuple[int, int] | None = None
        """Run and number of the next step."""

    @property
    def waiting(self) -> int:
        """Steps and states that have not been done."""
        return len(self._pending)

    @property
    def ready(self) -> bool:
        """Whether there is something that can be done at once."""
        if not self._pending:
            return False
        record, _ = self._pending[0]
        return not isinstance(record, SolveStep) or self._inputs.has_all(record)

    def take(self, record: Record, at_ns: int) -> Iterator[Outcome]:
        """Takes in a record; iterate what it returns, for what can be done now is done then.

        Args:
            record: Landmarks, a record of another performer, a step or a keyframe; others are left alone.
            at_ns: When it was received; any clock that only goes on.

        Raises:
            TakeError: A state that is none, or a step that cannot be done.
        """
        self.add(record, at_ns)
        yield from self.go_on(at_ns)

    def add(self, record: Record, at_ns: int) -> None:
        """Takes in a record, and does nothing yet: where there are several, none is missed while another is at hand."""
        if isinstance(record, CameraLandmarks | ExternalFace | ExternalBones):
            self._inputs.add(record)
        elif isinstance(record, SolveStep | SolverKeyframe | PlayerState):
            self._pending.append((record, at_ns))

    def go_on(self, at_ns: int) -> Iterator[Outcome]:
        """Does what can be done now, one step after another.

        Raises:
            TakeError: As `take`.
        """
        while self._pending:
            record, since_ns = self._pending[0]
            if isinstance(record, SolveStep) and not self._inputs.has_all(record):
                if at_ns - since_ns < self._patience_ns and len(self._pending) < _MOST_PENDING:
                    break
                self._miss(record)
            self._pending.popleft()
            if isinstance(record, PlayerState):
                self._reached(record)
            elif isinstance(record, SolverKeyframe):
                self._keyframe(record)
            else:
                yield self._step(record)

    def flush(self) -> Iterator[Outcome]:
        """Does what is left: nothing more will come.

        Raises:
            TakeError: As `take`.
        """
        return self.go_on(1 << 62)

    def _keyframe(self, keyframe: SolverKeyframe) -> None:
        place = (keyframe.run_ns, keyframe.number)
        self.counters["states"] += 1
        if self._exact and place == self._next:
            return
        self.counters["jumps"] += 1
        self._exact = False
        self._memento.restore(keyframe.state)
        self._exact, self._next = True, place

    def _miss(self, step: SolveStep) -> None:
        self.counters["missing"] += 1
        self._lose(f"step {step.number}: what it was given is not in the take")

    def _step(self, step: SolveStep) -> Outcome:
        place = (step.run_ns, step.number)
        if self._next is not None and place != self._next:
            self.counters["gaps"] += 1
            again = step.run_ns != self._next[0]
            missing = f"steps {self._next[1]} to {step.number - 1} are not in the take"
            self._lose("the solver was started again" if again else missing)
        self._next = (step.run_ns, step.number + 1)
        self.counters["steps"] += 1
        self.counters["inexact"] += not self._exact
        try:
            made = self._do(step)
            meshes = {}
            if self._mesh:
                bodies = [one.actor for one in made if isinstance(one, Performance)]
                meshes = {actor: self._solver.vertices(actor).cpu().numpy() for actor in bodies}
        except _STUMBLES as error:
            raise TakeError(
                f"step {step.number} of the take cannot be done again ({type(error).__name__}: {error}); the state or "
                "the landmarks in the take are not those of a solver of this release"
            ) from error
        return Outcome(step, made, self._exact, meshes)

    def _do(self, step: SolveStep) -> list[Made]:
        solver = self._solver
        views = [seen for named in step.views if (seen := self._inputs.frame(named)) is not None]
        match step.call:
            case "bodies" if len(views) > 0:
                return [*solver.step(Frameset(step.at_ns, {seen.camera: seen for seen in views}))]
            case "face" if len(views) > 0:
                face = solver.step_face(views[0])
                return [] if face is None else [face]
            case "external":
                record = self._inputs.external(step)
                return [] if record is None else solver.take_external(record, overtaken=step.overtaken)
            case "time":
                return solver.pass_time(step.at_ns)
            case "measure" if step.actor in self._actors:
                solver.measure_again(step.actor)
            case _ if step.call not in (BODIES, FACE, EXTERNAL, TIME, MEASURE):
                raise TakeError(f'step {step.number} of the take is called "{step.call[:32]}", which is none')
        return []

    def _lose(self, why: str) -> None:
        """The state is not known any more."""
        if self._exact:
            self._exact = False
            text = f"{why}; what follows is not byte for byte as it was, up to the next state"
            self.news.append(News("warning", text))
