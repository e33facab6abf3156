"""Whether a take, solved again as it was solved live, gives the recorded performances, byte for byte.

Everything in a performance is compared but the two times that say how long the solver took.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from protocols.arrays import from_bytes
from protocols.messages import FacePerformance, Performance, Trace
from protocols.takefile import TakeReader
from stage.bodies.body import BodyModel
from stage.config import Config
from stage.resolve._resolve import resolve


class Comparison(NamedTuple):
    """How many of the recorded performances and faces were given again."""

    identical: int
    different: int
    unknown: int
    """Not compared: from before the first state in the take, or after a gap in its steps."""
    recorded: int
    """All that are in the take; what is missing in the other three was not made again at all."""
    largest_mm: float
    """How far a joint was from where it was, at most, among the different ones."""
    first: str
    """Where the first difference is, in words; "" where there is none."""
    news: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether there was something to compare, and all of it was identical."""
        return self.identical > 0 and self.different == 0 and self.recorded == self.identical + self.unknown

    @property
    def text(self) -> str:
        """In a line."""
        left = self.recorded - self.identical - self.different - self.unknown
        parts = [f"{self.identical} of {self.recorded} performances and faces are identical, byte for byte"]
        parts += [f"{self.different} differ (joints by up to {self.largest_mm:.3g} mm)"] if self.different else []
        parts += [f"{self.unknown} come before the solver's first known state, or after a gap"] if self.unknown else []
        parts += [f"{left} were not made again"] if left else []
        return "; ".join(parts)


def compare(take: TakeReader, config: Config, body: BodyModel | None = None) -> Comparison:
    """Solves a take again as it was solved live, and compares.

    Args:
        take: The take.
        config: `stage.takes.contents.unpack` of it, unchanged.
        body: The body model, if it has been loaded.

    Raises:
        TakeError: The take is damaged, or says nothing of how it was solved.
        StageError: Calibrations or networks of the config cannot be used.
    """
    resolved = resolve(take, config, as_live=True, body=body)
    tally = _Tally()
    for outcome in resolved.outcomes(tally.recorded):
        for one in outcome.made:
            tally.again(one, exact=outcome.exact)
    return tally.comparison(tuple(news.text for news in resolved.news))


def without_times(one: Performance | FacePerformance) -> Performance | FacePerformance:
    """What is compared: all but the times that solving took."""
    then = one.trace
    if then.published_ns == then.landmarks_begin_ns == then.landmarks_end_ns:  # another performer's, no camera's
        return replace(one, trace=Trace(then.capture_ns, 0, 0, 0, 0))
    return replace(one, trace=replace(then, solve_begin_ns=0, solve_end_ns=0, sent_ns=0))


class _Tally:
    """Pairs what was recorded with what was made again, in whatever order they come."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._recorded: dict[Hashable, Performance | FacePerformance] = {}
        self._again: dict[Hashable, tuple[Performance | FacePerformance, bool]] = {}
        self._largest_m, self._first = 0.0, ""
        self._exact_ns: list[int] = []
        """Capture time of the first and of the last that is exact."""

    def recorded(self, one: Performance | FacePerformance) -> None:
        self._counts["recorded"] += 1
        key = _key(one)
        if key in self._again:
            again, exact = self._again.pop(key)
            self._compare(one, again, exact=exact)
        else:
            self._recorded[key] = one

    def again(self, one: Performance | FacePerformance, *, exact: bool) -> None:
        if exact:
            self._exact_ns = [*self._exact_ns[:1], one.capture_ns]
        then = self._recorded.pop(_key(one), None)
        if then is not None:
            self._compare(then, one, exact=exact)
        else:
            self._again[_key(one)] = (one, exact)

    def comparison(self, news: tuple[str, ...]) -> Comparison:
        counts = self._counts
        # A take may begin or end between a performance and the step that made it.
        begin_ns, end_ns = (self._exact_ns[0], self._exact_ns[-1]) if self._exact_ns else (1 << 62, 0)
        counts["unknown"] += sum(not begin_ns <= one.capture_ns <= end_ns for one in self._recorded.values())
        return Comparison(
            counts["identical"],
            counts["different"],
            counts["unknown"],
            counts["recorded"],
            1e3 * self._largest_m,
            self._first,
            news,
        )

    def _compare(
        self, then: Performance | FacePerformance, again: Performance | FacePerformance, *, exact: bool
    ) -> None:
        if not exact:
            self._counts["unknown"] += 1
        elif without_times(then) == without_times(again):
            self._counts["identical"] += 1
        else:
            self._counts["different"] += 1
            self._first = self._first or _difference(then, again)
            if isinstance(then, Performance) and isinstance(again, Performance):
                joints = [from_bytes(one.joints, (-1, 3)) for one in (then, again)]
                self._largest_m = max(self._largest_m, float(np.linalg.norm(joints[0] - joints[1], axis=1).max()))


def _key(one: Performance | FacePerformance) -> Hashable:
    return type(one), one.actor, one.capture_ns  # numbers are another solver's before the first state


def _difference(then: Performance | FacePerformance, again: Performance | FacePerformance) -> str:
    one, other = without_times(then), without_times(again)
    fields = [name for name in one.__struct_fields__ if getattr(one, name) != getattr(other, name)]
    kind = "face" if isinstance(then, FacePerformance) else "performance"
    return f"{kind} {then.number} of {then.actor}, captured at {then.capture_ns}: {', '.join(fields)}"
