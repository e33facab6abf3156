"""The newest samples of something, in the order of their times, to be asked for at times between them."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from typing import Generic, NamedTuple, TypeVar

Sample = TypeVar("Sample")


class Between(NamedTuple, Generic[Sample]):
    """Where a time lies: `share` of the way from one sample to the next; behind the newest both are that one."""

    before: Sample
    after: Sample
    share: float
    """In [0, 1)."""


class Timeline(Generic[Sample]):
    """Of one source."""

    def __init__(self, most: int) -> None:
        """Empty; remembers so many samples."""
        self._times: deque[int] = deque(maxlen=most)
        self._samples: deque[Sample] = deque(maxlen=most)

    def __len__(self) -> int:
        """Samples remembered."""
        return len(self._times)

    @property
    def newest_ns(self) -> int | None:
        """Time of the newest sample; None where there is none."""
        return self._times[-1] if self._times else None

    def add(self, time_ns: int, sample: Sample) -> None:
        """Takes in a sample that is newer than all others."""
        self._times.append(time_ns)
        self._samples.append(sample)

    def clear(self) -> None:
        """Forgets all samples."""
        self._times.clear()
        self._samples.clear()

    def at(self, time_ns: int) -> Between[Sample] | None:
        """The samples around a time; None before the first."""
        after = bisect_right(self._times, time_ns)
        if after == 0:
            return None
        before = self._samples[after - 1]
        if after == len(self._times):
            return Between(before, before, 0.0)
        begin_ns, end_ns = self._times[after - 1], self._times[after]
        return Between(before, self._samples[after], (time_ns - begin_ns) / (end_ns - begin_ns))
