"""An actor's face at rest, as the landmark network sees it.

The network gives every person an offset of their own. The mean of what is seen over a few seconds of rest takes it
away: per number the median, so that blinks and a twitch do not count. The seconds count while the face is seen; a
face that moves much meanwhile (somebody talks) takes longer, because restless frames are left out.
"""

from __future__ import annotations

from collections import deque

import numpy as np

LEAST_FRAMES = 10
MOST_FRAMES = 240
_PATIENCE = 3.0
"""After this many times the wanted seconds, restless frames count too."""
_RESTLESS = 3.0
"""A frame that differs from the one before by this many times the usual is restless."""


class Neutral:
    """Gathers frames of rest until there are enough.

    Args:
        seconds: How long a face at rest is averaged.
        known: From the actor's profile; nothing is gathered then.
    """

    def __init__(self, seconds: float, known: np.ndarray | None = None) -> None:
        self._seconds = seconds
        self._frames: deque[np.ndarray] = deque(maxlen=MOST_FRAMES)
        self._last: np.ndarray | None = None
        self._usual = 0.0
        self._rest_s, self._passed_s = 0.0, 0.0
        self.value: np.ndarray | None = known
        """(D,), or None while it is not known."""

    def add(self, features: np.ndarray, dt: float) -> bool:
        """Take in one frame; True when this made the neutral known.

        Args:
            features: (D,) from `stage.faces.features.describe`, followed by whatever else has a rest value.
            dt: Seconds since the last frame.
        """
        if self.value is not None or self._seconds <= 0.0:
            return False
        moved = 0.0 if self._last is None else float(np.nanmean(np.abs(features - self._last)))
        features = np.asarray(features, np.float32)
        self._last = features
        self._passed_s += dt
        usual = self._usual if self._usual > 0.0 else moved
        restless = moved > _RESTLESS * usual and self._passed_s < _PATIENCE * self._seconds
        self._usual = usual + 0.1 * (min(moved, _RESTLESS * usual) - usual)
        if restless:
            return False
        self._rest_s += dt
        self._frames.append(features)
        if self._rest_s < self._seconds or len(self._frames) < LEAST_FRAMES:
            return False
        self.value = _median(np.stack(self._frames))
        self._frames.clear()
        return True


def _median(frames: np.ndarray) -> np.ndarray:
    """(D,) of frames (N, D); NaN, where a number was not read, only where it was never read."""
    read = np.isfinite(frames)
    out = np.full(frames.shape[1], np.nan, np.float32)
    known = read.any(0)
    out[known] = np.nanmedian(frames[:, known], axis=0)
    return out
