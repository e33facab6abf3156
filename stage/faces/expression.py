"""From readings of one camera to coefficients: the regressor with its window and the actor's neutral."""

from __future__ import annotations

from collections import deque
from typing import Protocol

import numpy as np

from stage.faces.features import FEATURE_COUNT, describe

_BREAK_S = 0.25
"""After a gap as long, what was seen before says nothing of how the face moves now."""


class Coefficients(Protocol):
    """What a regressor gives."""

    @property
    def values(self) -> np.ndarray:
        """(52,) in [0, 1]."""
        ...

    @property
    def confidence(self) -> np.ndarray:
        """(52,) in [0, 1]."""
        ...


class Regressor(Protocol):
    """From a window of features to coefficients; see `stage.faces.regressor`."""

    @property
    def window(self) -> int:
        """Frames it looks at, at most."""
        ...

    def coefficients(self, window: np.ndarray, neutral: np.ndarray | None) -> Coefficients:
        """Coefficients of the newest frame of a window (W, D), given the actor's neutral (D,)."""
        ...


class Expression:
    """The last features of one face in one camera."""

    def __init__(self, regressor: Regressor) -> None:
        self._regressor = regressor
        self._window: deque[np.ndarray] = deque(maxlen=regressor.window)
        self._last_ns = 0

    def see(self, points: np.ndarray, eyes: np.ndarray | None, capture_ns: int) -> np.ndarray:
        """Take in a reading: points (468, 3), eyes (2, 76, 2); its features (D,)."""
        if abs(capture_ns - self._last_ns) > _BREAK_S * 1e9:
            self._window.clear()
        self._last_ns = capture_ns
        features = describe(points, eyes)
        assert features.shape == (FEATURE_COUNT,)
        self._window.append(features)
        return features

    def coefficients(self, neutral: np.ndarray | None) -> Coefficients:
        """Of the newest reading."""
        return self._regressor.coefficients(np.stack(self._window), neutral)
