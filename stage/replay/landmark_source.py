"""What a solver was given, from any moment on: landmarks, records of other performers, steps, a state to begin with.

See `protocols.solve_log`: the newest keyframe before the moment comes first, then everything since. What was published
before the moment is due at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocols.errors import TakeError
from protocols.solve_log import BODIES, INPUTS_BEFORE_NS, KEYFRAME_S, SolverKeyframe, SolveStep
from protocols.takefile import TakeReader
from stage.replay.item import Item, items_of
from stage.replay.source import STEP, Start, Still, span_of

KEYFRAME = "keyframe."
MADE = ("performance.", "face.")
INPUTS = ("landmarks.", "external.")

_AHEAD_NS = 200_000_000
"""Faces and other performers are solved so much before bodies of the same capture at most."""
_SEARCH_NS = round(2.5 * KEYFRAME_S * 1e9)
_WIDER = 8


class LandmarkSource:
    """What is to be solved again."""

    def __init__(self, take: TakeReader) -> None:
        """Of a take.

        Raises:
            TakeError: It is damaged, or says nothing of how it was solved.
        """
        if not any(topic.startswith(KEYFRAME) for topic in take.counts):
            raise TakeError(
                f"{take.path}: no states of its solver are in it, so its landmarks cannot be solved again live; "
                f"play it without --resolve"
            )
        self.take = take
        """What is read."""
        self.begin_ns, self.end_ns = span_of(take)
        shown = next(take.records(*MADE), None)
        if shown is not None:  # what stands before is there for the solver, to be in its state by then
            self.begin_ns = max(self.begin_ns, shown.log_ns)

    def play(self, start: Start, end_ns: int) -> Iterator[Item]:
        """See `stage.replay.source.Source`.

        Raises:
            TakeError: The take is damaged; what came before is whole.
        """
        if start.due_ns >= 0:
            yield from (item for item in self._items(start.due_ns - INPUTS_BEFORE_NS, end_ns) if _is_new(item, start))
            return
        first = self._keyframe(start.log_ns)
        if first is None:
            yield from self._items(0, end_ns)
            return
        yield first
        state = first.record
        assert isinstance(state, SolverKeyframe)
        for item in self._items(first.due_ns - 2 * INPUTS_BEFORE_NS, end_ns):
            record = item.record
            if isinstance(record, SolverKeyframe):
                if item.due_ns > first.due_ns:
                    yield item
            elif isinstance(record, SolveStep):
                if record.number >= state.number if record.run_ns == state.run_ns else item.due_ns > first.due_ns:
                    yield item
            else:
                yield item

    def still(self, at_ns: int, step: int, begin_ns: int, end_ns: int) -> Still | None:
        """There are no pictures of landmarks."""
        del at_ns, step, begin_ns, end_ns
        return None

    def _keyframe(self, log_ns: int) -> Item | None:
        """The newest before a moment; None where there is none."""
        reach_ns = _SEARCH_NS
        while True:
            begin_ns = log_ns - reach_ns
            found = [item for item in items_of(self.take.records(KEYFRAME, begin_ns=max(0, begin_ns), end_ns=log_ns))]
            if found or begin_ns <= 0:
                return found[-1] if found else None
            reach_ns = reach_ns * _WIDER if begin_ns > self.begin_ns else log_ns

    def _items(self, begin_ns: int, end_ns: int) -> Iterator[Item]:
        """Everything up to the steps of a moment; with what was captured later but solved before, lest steps lack."""
        read_ns = end_ns + INPUTS_BEFORE_NS
        records = self.take.records(*INPUTS, STEP, KEYFRAME, begin_ns=max(0, begin_ns), end_ns=read_ns)
        for item in items_of(records):
            step = item.record
            if isinstance(step, SolveStep):
                late_ns = step.at_ns - end_ns
                if late_ns >= (0 if step.call == BODIES else _AHEAD_NS):
                    return
            yield item


def _is_new(item: Item, start: Start) -> bool:
    return item.due_ns > start.due_ns
