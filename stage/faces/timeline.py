"""A face at its own rate, asked for at the times of another stream.

Samples come in the order of capture time. At a time between two samples the face is between them; after the
newest it is held, and fades as if unseen once it is older than a sample may be. Nothing waits for a sample.
"""

from __future__ import annotations

from stage.faces.state import FaceState, between, faded
from stage.timeline import Timeline

KEPT = 128
"""Samples remembered: two seconds of 60 per second."""
PATIENCE_S = 0.15
"""The newest sample holds this long without a doubt."""


class FaceTimeline:
    """The last samples of one face."""

    def __init__(self) -> None:
        self._states = Timeline[FaceState](KEPT)

    def add(self, capture_ns: int, state: FaceState) -> None:
        """Take in the newest sample; one that goes back in time starts anew."""
        newest_ns = self._states.newest_ns
        if newest_ns is not None and capture_ns <= newest_ns:
            self._states.clear()
        self._states.add(capture_ns, state)

    def at(self, capture_ns: int) -> FaceState | None:
        """The face at a time; None before the first sample."""
        found, newest_ns = self._states.at(capture_ns), self._states.newest_ns
        if found is None or newest_ns is None:
            return None
        if capture_ns < newest_ns:
            return between(found.before, found.after, found.share)
        newest = found.before
        return newest if newest.state != "tracking" else faded(newest, (capture_ns - newest_ns) * 1e-9 - PATIENCE_S)
