"""What lies between two samples of a motion, and where there is nothing between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stage.outputs.quaternions import Floats, slerp

GAP_NS = 250_000_000
"""Two samples further apart, and more than three times as far as usual, leave a gap: the actor was away."""

_BLOCK = 4096


def presence(samples_ns: NDArray[np.int64], times_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which times samples say something about: those between two that are no gap apart, and beside one."""
    if len(samples_ns) == 0:
        return np.zeros(len(times_ns), np.bool_)
    usual_ns = int(np.median(np.diff(samples_ns))) if len(samples_ns) > 1 else 0
    return Between.of(samples_ns, times_ns).within(usual_ns)


@dataclass(frozen=True, eq=False)
class Between:
    """Where wanted times lie among samples; in a gap, at the sample before it."""

    before: NDArray[np.intp]
    after: NDArray[np.intp]
    share: NDArray[np.float64]
    gap: NDArray[np.bool_]
    """Whether the two samples are too far apart."""
    outside_ns: NDArray[np.int64]
    """How far a time is from the nearest sample, where it is not between two; else 0."""

    @classmethod
    def of(cls, samples_ns: NDArray[np.int64], times_ns: NDArray[np.int64]) -> Between:
        """Finds them.

        Args:
            samples_ns: (N,) rising, N >= 1.
            times_ns: (T,) wanted.
        """
        last = len(samples_ns) - 1
        after = np.minimum(np.clip(np.searchsorted(samples_ns, times_ns, side="right"), 1, max(1, last)), last)
        before = np.maximum(after - 1, 0)
        length = np.maximum(samples_ns[after] - samples_ns[before], 1)
        usual_ns = int(np.median(np.diff(samples_ns))) if last > 0 else 0
        gap = length > max(GAP_NS, 3 * usual_ns)
        share = np.clip((times_ns - samples_ns[before]) / length, 0.0, 1.0)
        outside = np.maximum(samples_ns[0] - times_ns, times_ns - samples_ns[-1]).clip(0)
        nearest = np.minimum(abs(times_ns - samples_ns[before]), abs(samples_ns[after] - times_ns))
        outside = np.where(gap & (share < 1.0), nearest, outside)
        return cls(before, after, np.where(gap & (share < 1.0), 0.0, share), gap, outside)

    def within(self, reach_ns: int) -> NDArray[np.bool_]:
        """Which times are between two samples, or so near to one."""
        return self.outside_ns <= reach_ns

    def mixed(self, values: Floats) -> Floats:
        """Values (N, ...) at the wanted times."""

        def mix(before: Floats, after: Floats, share: Floats) -> Floats:
            return (1 - share) * before + share * after

        return self._blockwise(values, mix)

    def turned(self, quaternions: Floats) -> Floats:
        """Rotations (N, ..., 4) at the wanted times."""
        return self._blockwise(quaternions, slerp)

    def _blockwise(self, values: Floats, between: Callable[[Floats, Floats, Floats], Floats]) -> Floats:
        """Many times in little memory: what lies between is reckoned in float64."""
        out = np.empty((len(self.share), *values.shape[1:]), np.float32)
        for begin in range(0, len(out), _BLOCK):
            part = slice(begin, begin + _BLOCK)
            share = self.share[part].reshape(-1, *[1] * (values.ndim - 1))
            out[part] = between(values[self.before[part]], values[self.after[part]], share)
        return out
