"""A face at its own rate, asked for at the times of another stream.

Samples come in the order of capture time. At a time between two samples the face is between them; after the
newest it is held, and fades as if unseen once it is older than a sample may be. Nothing waits for a sample.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

from stage.faces.state import FaceState, between, faded

KEPT = 128
"""Samples remembered: two seconds of 60 per second."""
PATIENCE_S = 0.15
"""The newest sample holds this long without a doubt."""


class FaceTimeline:
    """The last samples of one face."""

    def __init__(self) -> None:
        self._times: deque[int] = deque(maxlen=KEPT)
        self._states: deque[FaceState] = deque(maxlen=KEPT)

    def add(self, capture_ns: int, state: FaceState) -> None:
        """Take in the newest sample; one that goes back in time starts anew."""
        if len(self._times) > 0 and capture_ns <= self._times[-1]:
            self._times.clear()
            self._states.clear()
        self._times.append(capture_ns)
        self._states.append(state)

    def at(self, capture_ns: int) -> FaceState | None:
        """The face at a time; None before the first sample."""
        after = bisect_right(self._times, capture_ns)
        if after == 0:
            return None
        if after == len(self._times):
            age_s = (capture_ns - self._times[-1]) * 1e-9
            newest = self._states[-1]
            return newest if newest.state != "tracking" else faded(newest, age_s - PATIENCE_S)
        t0, t1 = self._times[after - 1], self._times[after]
        return between(self._states[after - 1], self._states[after], (capture_ns - t0) / (t1 - t0))
