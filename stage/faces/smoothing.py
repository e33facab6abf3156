"""Smoothing of coefficients: quiet when the face is, quick when it moves.

The One Euro filter (Casiez et al. 2012), one per number: a low pass whose cutoff rises with the speed of the
movement,

    cutoff = slowest + gain |dx/dt|,      alpha = 1 / (1 + 1 / (2 pi cutoff dt))

so noise at rest is taken away and movement is hardly delayed. Each region of the face has its own numbers. Lids are
quickest: a blink of two frames comes through. What is hardly trusted is followed slowly, so a covered mouth
keeps its last shape.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from protocols.names import ARKIT_SHAPES


class Pace(NamedTuple):
    """How a region is smoothed."""

    slowest_hz: float
    """Cutoff at rest."""
    gain: float
    """Hz per unit per second."""


REGIONS: Mapping[str, Pace] = {
    "EyeBlink": Pace(2.0, 6.0),
    "EyeLook": Pace(1.5, 4.0),
    "Eye": Pace(1.2, 3.0),
    "Jaw": Pace(1.5, 3.0),
    "Mouth": Pace(1.5, 3.0),
    "Tongue": Pace(1.5, 3.0),
    "Brow": Pace(1.0, 2.5),
    "Cheek": Pace(1.0, 2.0),
    "Nose": Pace(1.0, 2.0),
}
"""By the beginning of a shape's name, the first that fits."""

_SPEED_HZ = 6.0
_LIDS_SPEED_HZ = 30.0
_LEAST_TRUST = 0.02
_LAG_RATE_HZ = 60.0


class OneEuro:
    """Filters N numbers.

    Args:
        slowest_hz: (N,).
        gain: (N,) Hz per unit per second.
        speed_hz: (N,) cutoff of the speed itself.
        strength: 1 as given, 0 is off, 2 is twice as slow.
    """

    def __init__(self, slowest_hz: np.ndarray, gain: np.ndarray, speed_hz: np.ndarray, strength: float = 1.0) -> None:
        self._slowest, self._gain, self._speed_hz = slowest_hz, gain, speed_hz
        self._strength = strength
        self._x: np.ndarray | None = None
        self._speed = np.zeros(len(slowest_hz))

    def step(self, x: np.ndarray, dt: float, trust: np.ndarray | float = 1.0) -> np.ndarray:
        """The smoothed numbers (N,).

        Args:
            x: (N,) measured.
            dt: Seconds since the last ones.
            trust: (N,) or one for all, in [0, 1].
        """
        if self._x is None or dt <= 0.0 or self._strength <= 0.0:
            self._x = np.array(x, np.float64)
            return self._x
        moved = x - self._x
        self._speed += _alpha(self._speed_hz, dt) * (moved / dt - self._speed)
        cutoff = (self._slowest + self._gain * np.abs(self._speed)) / self._strength
        # What is trusted half is followed at a quarter of the pace.
        self._x = self._x + _alpha(cutoff * np.maximum(trust, _LEAST_TRUST) ** 2, dt) * moved
        return self._x

    def restart(self, x: np.ndarray) -> None:
        """Go on from numbers (N,) at rest."""
        self._x = np.array(x, np.float64)
        self._speed = np.zeros(len(x))


def face_filter(strength: float = 1.0) -> OneEuro:
    """The filter of the 52 coefficients."""
    paces = [next(pace for name, pace in REGIONS.items() if shape.startswith(name)) for shape in ARKIT_SHAPES]
    lids = np.array([shape.startswith("EyeBlink") for shape in ARKIT_SHAPES])
    return OneEuro(
        np.array([pace.slowest_hz for pace in paces]),
        np.array([pace.gain for pace in paces]),
        np.where(lids, _LIDS_SPEED_HZ, _SPEED_HZ),
        strength,
    )


@functools.cache
def lag_seconds(strength: float = 1.0, frequency_hz: float = 1.0, amplitude: float = 0.25) -> dict[str, float]:
    """Delay by region of a shape that goes up and down (its mean +- amplitude) at a frequency, seconds."""
    time = np.arange(0.0, 6.0 / frequency_hz, 1.0 / _LAG_RATE_HZ)
    wave = np.sin(2.0 * np.pi * frequency_hz * time)
    smoother = face_filter(strength)
    out = np.stack([smoother.step(np.full(len(ARKIT_SHAPES), amplitude * (1.0 + w)), 1.0 / _LAG_RATE_HZ) for w in wave])
    late = time > 2.0 / frequency_hz
    turn = 2.0 * np.pi * frequency_hz * time[late]
    phase = -np.arctan2((out[late] * np.cos(turn)[:, None]).mean(0), (out[late] * np.sin(turn)[:, None]).mean(0))
    delay = phase / (2.0 * np.pi * frequency_hz)
    first = {name: next(i for i, shape in enumerate(ARKIT_SHAPES) if shape.startswith(name)) for name in REGIONS}
    first["Eye"] = ARKIT_SHAPES.index("EyeSquintLeft")
    return {name: float(delay[index]) for name, index in first.items()}


def _alpha(cutoff_hz: np.ndarray, dt: float) -> np.ndarray:
    return 1.0 / (1.0 + 1.0 / (2.0 * np.pi * cutoff_hz * dt))
