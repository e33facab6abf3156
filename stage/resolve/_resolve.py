"""From a take to performances; see `stage.resolve`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from protocols.errors import DecodeError, TakeError
from protocols.messages import FacePerformance, Performance, Record
from protocols.solve_log import INPUTS_BEFORE_NS, KEYFRAME_S, SolverKeyframe, SolveStep
from protocols.takefile import TakeReader, TakeRecord
from stage.bodies.body import BodyModel, load_body
from stage.bodies.profile import load_shape
from stage.config import Config
from stage.faces.profile import load_face
from stage.news import News
from stage.resolve._anew import Anew
from stage.resolve._follower import Follower, Made, Outcome
from stage.resolve._threads import reckon_with
from stage.solving.assembly import make_solver
from stage.solving.solver import Solver

INPUT_TOPICS = ("landmarks.", "external.")
"""What a solver is given."""
MADE_TOPICS = ("performance.", "face.")
"""What it gives."""
STEP, KEYFRAME = "step.solve", "keyframe.solve"

_FOREVER_NS = 1 << 62
_SEARCH_NS = round(2.5 * KEYFRAME_S * 1e9)
_WIDER = 8


class Resolved:
    """A take that is being solved again; iterate it once.

    Each record has the trace that the solver gives it: when its landmarks were made, but not how long it took to solve.
    """

    def __init__(
        self,
        take: TakeReader,
        config: Config,
        *,
        as_live: bool,
        begin_ns: int = 0,
        end_ns: int = _FOREVER_NS,
        body: BodyModel | None = None,
    ) -> None:
        """See `resolve`."""
        self.take, self.config, self.as_live = take, config, as_live
        self.news: list[News] = []
        """What an operator should know, as it becomes known."""
        self.follower: Follower | None = None
        """Its counters say how exact it was; None where landmarks are solved anew."""
        self._begin_ns, self._end_ns = begin_ns, end_ns
        reckon_with(config.body.solve_threads)
        self.solver = _solver(config, body or load_body(), profiles=not as_live)

    def __iter__(self) -> Iterator[Made]:
        """The performances and faces, in the order in which they are solved."""
        if self.as_live:
            for outcome in self.outcomes():
                yield from (one for one in outcome.made if self._begin_ns <= one.capture_ns < self._end_ns)
            return
        anew = Anew(self.solver, self.config)
        anew.news = self.news
        # What moves at the beginning has been followed for a while: the solver begins before that.
        records = self._records(max(0, self._begin_ns - INPUTS_BEFORE_NS), *INPUT_TOPICS)
        for one in anew.solved(record for record, _ in records):
            if self._begin_ns <= one.capture_ns < self._end_ns:
                yield one

    def outcomes(self, hear: Callable[[Made], object] | None = None) -> Iterator[Outcome]:
        """Step by step, from the state before the beginning on, as it was solved live.

        Args:
            hear: Is told the performances and faces that were recorded, as they come.

        Raises:
            TakeError: The take is damaged, or says nothing of how it was solved.
        """
        if STEP not in self.take.counts:
            raise TakeError(
                f"{self.take.path}: says nothing of how it was solved (it is older, or was imported), so it cannot be "
                "solved again as it was live; without --as-live its landmarks are solved anew"
            )
        follower = self.follower = Follower(self.solver, mesh=self.config.body.mesh)
        first = self._keyframe()
        if first is not None:
            follower.add(first, 0)
        begin_ns = 0 if first is None else max(0, first.at_ns - 2 * INPUTS_BEFORE_NS)
        topics = (*INPUT_TOPICS, STEP, KEYFRAME, *(MADE_TOPICS if hear is not None else ()))
        for record, received_ns in self._records(begin_ns, *topics):
            if hear is not None and isinstance(record, Performance | FacePerformance):
                hear(record)
            if first is not None and _is_before(record, first):
                continue
            yield from follower.take(record, received_ns)
            self._tell(follower)
        yield from follower.flush()
        self._tell(follower)

    def _tell(self, follower: Follower) -> None:
        while follower.news:
            self.news.append(follower.news.popleft())

    def _keyframe(self) -> SolverKeyframe | None:
        """The newest before the beginning; None where the take's own beginning is meant, or there is none."""
        reach_ns = _SEARCH_NS
        while self._begin_ns > 0:
            begin_ns = self._begin_ns - reach_ns
            found = self.take.records(KEYFRAME, begin_ns=max(0, begin_ns), end_ns=self._begin_ns)
            states = [record for entry in found if isinstance(record := _record(entry), SolverKeyframe)]
            if len(states) > 0 or begin_ns <= 0:
                return states[-1] if len(states) > 0 else None
            reach_ns = reach_ns * _WIDER if begin_ns > self.take.span_ns[0] else self._begin_ns
        return None

    def _records(self, begin_ns: int, *topics: str) -> Iterator[tuple[Record, int]]:
        """Records and when they were received, to a little after the end: what belongs together came so far apart."""
        end_ns = min(_FOREVER_NS, self._end_ns + INPUTS_BEFORE_NS)
        for entry in self.take.records(*topics, begin_ns=begin_ns, end_ns=end_ns):
            record = _record(entry)
            if record is not None:
                yield record, entry.received_ns


def resolve(
    take: TakeReader,
    config: Config,
    *,
    as_live: bool,
    begin_ns: int = 0,
    end_ns: int = _FOREVER_NS,
    body: BodyModel | None = None,
) -> Resolved:
    """Solves a take again from its landmarks; the result is iterated once and gives performances and faces.

    Uses as many threads as the config says, in all of this process.

    Args:
        take: The take.
        config: `stage.takes.contents.unpack` of it, for another solve with what should be different in it.
        as_live: Follow the steps of the live solver from the first state in the take on: with the recorded config the
            same bytes. Otherwise landmarks are solved anew, with the profiles that the config names, and nothing is
            left out for having come late.
        begin_ns: Performances captured before this stage time are left out.
        end_ns: Likewise, from this time on.
        body: The body model, if it has been loaded.

    Raises:
        TakeError: While it is iterated: the take is damaged or has not what is needed.
        StageError: Calibrations, profiles or networks of the config cannot be used.
    """
    return Resolved(take, config, as_live=as_live, begin_ns=begin_ns, end_ns=end_ns, body=body)


def _solver(config: Config, body: BodyModel, *, profiles: bool) -> Solver:
    """A solver that has done nothing; what profiles say is in its state where it is to get one."""
    shapes, faces = {}, {}
    for actor in config.actors if profiles else ():
        folder = Path(actor.profile)
        if actor.profile and (shape := load_shape(folder, body)) is not None:
            shapes[actor.id] = shape
        if actor.profile and (face := load_face(folder, body)) is not None:
            faces[actor.id] = face
    return make_solver(config, body, shapes=shapes, faces=faces)


def _is_before(record: Record, first: SolverKeyframe) -> bool:
    """Whether a step or state is none of what follows a state."""
    if not isinstance(record, SolveStep | SolverKeyframe):
        return False
    if record.run_ns == first.run_ns:
        return record.number < first.number
    return record.at_ns < first.at_ns


def _record(entry: TakeRecord) -> Record | None:
    """The record of a message; None where this release does not understand it."""
    try:
        return entry.decoded().record
    except DecodeError:
        return None
