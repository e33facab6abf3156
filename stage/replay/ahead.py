"""Reads a take ahead of its player, in a thread of its own, so that no disk makes the player late.

    ask(Play)  -> Item, Item, ..., LapEnd, Item, ...    the next lap is read before the player is asked to repeat
    ask(Show)  -> Still, then items as they go on from there

Whatever was read for an earlier question is forgotten. What waits is bounded; of a damaged take the whole part is
played, and what is wrong with the rest is told.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import NamedTuple

from protocols.errors import TakeError
from stage.replay.item import Item
from stage.replay.source import Source, Start, Still

MOST_WAITING = 512
_FULL_S = 0.01


class Play(NamedTuple):
    """Play from a moment on, then lap after lap from `begin_ns` to `end_ns`."""

    start: Start
    begin_ns: int
    end_ns: int


class Show(NamedTuple):
    """Show the picture so many steps from a moment, and be ready to go on from there."""

    at_ns: int
    step: int
    begin_ns: int
    end_ns: int


class LapEnd(NamedTuple):
    """Here the out point is, or the end of the take."""

    log_ns: int
    """When its last picture is over."""


Question = Play | Show
Answer = Item | LapEnd | Still


class ReadAhead(threading.Thread):
    """One take that is being read."""

    def __init__(self, source: Source) -> None:
        """Begins; nothing is read before it is asked for."""
        super().__init__(name="read-ahead", daemon=True)
        self.fault = ""
        """What is wrong with the take, for the operator."""
        self._source = source
        self._asked = threading.Condition()
        self._question: Question | None = None
        self._answers: deque[Answer] = deque()
        self._closed = False
        self.start()

    def ask(self, question: Question) -> None:
        """Forgets what was asked before, and all that was read for it."""
        with self._asked:
            self._question, self._answers = question, deque()
            self._asked.notify()

    def take(self) -> Answer | None:
        """The next that was read; None while there is nothing yet."""
        answers = self._answers
        return answers.popleft() if answers else None

    def close(self) -> None:
        """Ends it."""
        with self._asked:
            self._closed = True
            self._asked.notify()
        self.join(1.0)

    def run(self) -> None:
        """Be the thread."""
        while True:
            with self._asked:
                self._asked.wait_for(lambda: self._question is not None or self._closed)
                if self._closed:
                    return
                question, self._question, answers = self._question, None, self._answers
            try:
                self._answer(question, answers)
            except _Obsolete:
                continue

    def _answer(self, question: Question | None, answers: deque[Answer]) -> None:
        if isinstance(question, Show):
            begin_ns, end_ns = question.begin_ns, question.end_ns
            start = Start(question.at_ns)
            try:
                still = self._source.still(*question)
            except TakeError as error:
                self.fault, still = str(error), None
            if still is not None:
                self._put(still, answers)
                start = Start(still.log_ns, max(item.due_ns for item in still.items))
        elif isinstance(question, Play):
            start, begin_ns, end_ns = question
        else:
            return
        while self._lap(start, end_ns, answers) or start != Start(begin_ns):
            start = Start(begin_ns)
        # Without a single item from the in point on there is nothing to repeat.

    def _lap(self, start: Start, end_ns: int, answers: deque[Answer]) -> bool:
        """Reads once to the end; says whether there was anything."""
        last: Item | None = None
        try:
            for item in self._source.play(start, end_ns):
                self._put(item, answers)
                if last is None or item.log_ns >= last.log_ns:
                    last = item
        except TakeError as error:
            self.fault = str(error)
        over_ns = max(start.log_ns, 0) if last is None else last.log_ns + last.period_ns
        self._put(LapEnd(end_ns if end_ns < self._source.end_ns else over_ns), answers)
        return last is not None

    def _put(self, answer: Answer, answers: deque[Answer]) -> None:
        while len(answers) >= MOST_WAITING and answers is self._answers and not self._closed:
            with self._asked:
                self._asked.wait(_FULL_S)
        if answers is not self._answers or self._closed:
            raise _Obsolete
        answers.append(answer)


class _Obsolete(Exception):
    """Something else is asked for."""
