r"""Whether a source that comes and goes is there, and how far it counts.

A source counts from its first sample on, more and more over BLEND_S; once it has been silent for its timeout it counts
less and less, and after as long not at all. The share is a function of the time asked for, so that streams that are
behind one another see the same:

    1 |      ______________________
      |     /                      \
    0 |____/                        \______
          first sample        last + timeout
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

BLEND_S = 0.2
KEPT = 256
"""Samples of a source that are worth remembering: four seconds of 60 per second."""
BACK_NS = 1_000_000_000
"""A sample this much older than the last one is of a clock that was set back; others are late, and left out."""

KEPT_RUNS = 8


class Run(NamedTuple):
    """A time in which the source was there."""

    begin_ns: int
    share: float
    """At the beginning: more than 0 where the source came back before it had faded out."""


class Presence:
    """Of one source; samples come in the order of time."""

    def __init__(self, timeout_ns: int, blend_s: float = BLEND_S) -> None:
        self._timeout_ns, self._blend_ns = timeout_ns, blend_s * 1e9
        self._runs: deque[tuple[Run, int]] = deque(maxlen=KEPT_RUNS)
        """Each with the time of its last sample."""

    @property
    def last_ns(self) -> int | None:
        """Time of the newest sample; None before the first."""
        return self._runs[-1][1] if self._runs else None

    def heard(self, time_ns: int) -> None:
        """There is a sample of this time."""
        if self._runs and time_ns - self._runs[-1][1] <= self._timeout_ns:
            run, last_ns = self._runs.pop()
            self._runs.append((run, max(last_ns, time_ns)))
        else:
            self._runs.append((Run(time_ns, self.share(time_ns)), time_ns))

    def forget(self) -> None:
        """Start anew: the source's time was set back."""
        self._runs.clear()

    def fresh(self, time_ns: int) -> bool:
        """Whether the source was there at a time, its timeout included."""
        run = self._run_at(time_ns)
        return run is not None and time_ns - run[1] <= self._timeout_ns

    def share(self, time_ns: int) -> float:
        """How far it counts at a time, in [0, 1]."""
        found = self._run_at(time_ns)
        if found is None:
            return 0.0
        run, last_ns = found
        end_ns = last_ns + self._timeout_ns
        reached = min(1.0, run.share + (min(time_ns, end_ns) - run.begin_ns) / self._blend_ns)
        return max(0.0, reached - max(0, time_ns - end_ns) / self._blend_ns)

    def _run_at(self, time_ns: int) -> tuple[Run, int] | None:
        return next((item for item in reversed(self._runs) if item[0].begin_ns <= time_ns), None)
