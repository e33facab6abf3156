"""What is played: a record of a take, and when it was published then.

A take keeps every message as it crossed the bus. The moment to play it again is that of its publication (`due_ns`),
which the bus wrote into it; when it was received and written down says less. What it tells of was captured somewhat
earlier (`log_ns`): positions in a take, in and out points and timecode are about that.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import count
from typing import NamedTuple

from msgspec.structs import astuple, replace

from protocols.errors import DecodeError
from protocols.messages import FacePerformance, Performance, Record, Trace
from protocols.takefile import TakeRecord

LATEST_NS = 5_000_000_000
"""A record published later than this after its capture was not made live: it is played as if at once."""
REACH_NS = 1_000_000_000
"""So far may what was received be out of the order in which it was published."""
MOST_NS = 1 << 62
"""A hundred years hence; times beyond are none, and could not be moved."""
_MOST_PERIOD_NS = 200_000_000
_USUAL_PERIOD_NS = 33_333_333


class Item(NamedTuple):
    """A record to be played."""

    topic: str
    record: Record
    due_ns: int
    """When it was published, stage time then."""
    log_ns: int
    """When what it tells was captured, likewise."""
    period_ns: int = _USUAL_PERIOD_NS
    """Since the one before in its topic."""


class Pace(NamedTuple):
    """How time then becomes time now: at `stage_ns` it is `take_ns`, and goes on `speed` times as fast."""

    stage_ns: int
    take_ns: int
    speed: float = 1.0

    def stage(self, take_ns: int) -> int:
        """Stage time now of a stage time then."""
        since_ns = take_ns - self.take_ns
        return self.stage_ns + (since_ns if self.speed == 1.0 else round(since_ns / self.speed))

    def take(self, stage_ns: int) -> int:
        """Stage time then of a stage time now."""
        since_ns = stage_ns - self.stage_ns
        return self.take_ns + (since_ns if self.speed == 1.0 else round(since_ns * self.speed))


def moved(record: Record, shift_ns: int) -> Record:
    """A performance or face with its times as of now, those of its trace too, so that its latency reads as it was."""
    if not isinstance(record, Performance | FacePerformance):
        return record
    then = record.trace
    times_ns = (
        *(then.capture_ns, then.published_ns, then.landmarks_begin_ns, then.landmarks_end_ns),
        *(then.solve_begin_ns, then.solve_end_ns),
    )
    trace = Trace(*(time_ns + shift_ns if time_ns > 0 else 0 for time_ns in times_ns))
    return replace(record, capture_ns=record.capture_ns + shift_ns, trace=trace)


def items_of(entries: Iterable[TakeRecord]) -> Iterator[Item]:
    """The items of a take's messages, in the order of their publication; what is not understood is left out."""
    waiting: list[tuple[int, int, Item]] = []
    numbers, newest_ns = count(), 0
    before: dict[str, int] = {}
    for entry in entries:
        try:
            envelope = entry.decoded()
        except DecodeError:
            continue
        if not _has_times(envelope.record, envelope.sent_ns, entry.log_ns):
            continue
        live = 0 <= envelope.sent_ns - entry.log_ns <= LATEST_NS
        due_ns = envelope.sent_ns if live else entry.log_ns
        record = envelope.record if live else _untraced(envelope.record)
        period_ns = entry.log_ns - before.get(entry.topic, 0)
        before[entry.topic] = entry.log_ns
        if not 0 < period_ns <= _MOST_PERIOD_NS:
            period_ns = _USUAL_PERIOD_NS
        heapq.heappush(waiting, (due_ns, next(numbers), Item(entry.topic, record, due_ns, entry.log_ns, period_ns)))
        newest_ns = max(newest_ns, entry.received_ns, due_ns)
        while waiting and waiting[0][0] < newest_ns - REACH_NS:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


def _has_times(record: Record, *times_ns: int) -> bool:
    """Whether all times are some that can be; others may have written what they liked."""
    if isinstance(record, Performance | FacePerformance):
        times_ns += (record.capture_ns, *astuple(record.trace))
    return all(-MOST_NS < time_ns < MOST_NS for time_ns in times_ns)


def _untraced(record: Record) -> Record:
    """Without the times of a solver that worked at another time: they would be no latency."""
    if isinstance(record, Performance | FacePerformance):
        return replace(record, trace=Trace(record.capture_ns, 0, 0, 0, 0))
    return record
