"""What fingers can do and usually do: limits of the 20 angles, how they go together, where they rest.

Limits hold as springs in the fit and hard at its end, so that a finger is plausible whatever the cameras say. The last
joint of a finger bends with the one before it (they share a tendon) and neighbouring fingers bend together; both only
matter where the views leave it open.
"""

from __future__ import annotations

import numpy as np

from stage.bodies.hands import ANGLE_COUNT, ANGLES, FINGERS, Floats

LIMIT_SIGMA_DEG = 3.0
"""How firmly a limit holds within the fit."""

# Degrees from rest (low, high, usual deviation) of spread and of the three joints.
_LONG = ((-18, 18, 6), (-40, 80, 28), (-18, 105, 30), (-15, 75, 18))
_LIMITS_DEG = {
    "thumb": ((-15, 40, 14), (-28, 40, 16), (-25, 55, 18), (-40, 75, 24)),
    "index": _LONG,
    "middle": ((-12, 12, 4), *_LONG[1:]),
    "ring": ((-15, 15, 5), *_LONG[1:]),
    "pinky": ((-25, 20, 7), *_LONG[1:]),
}
_RELAXED_DEG = {
    "thumb": (4, 4, 8, 8),
    "index": (-4, 10, 14, 8),
    "middle": (-1, 14, 18, 10),
    "ring": (3, 15, 20, 12),
    "pinky": (6, 14, 18, 10),
}
_TENDON, _TENDON_DEG = 0.6, 9.0
"""The last joint bends this share of the one before, within this deviation."""
_NEIGHBOUR_DEG = 30.0

_FIRST, _SECOND, _THIRD = (ANGLES.index(name) for name in ("first", "second", "third"))


def _column(table: dict[str, tuple], which: int | None = None) -> Floats:
    rows = [[angle if which is None else angle[which] for angle in table[finger]] for finger in FINGERS]
    return np.deg2rad(np.array(rows, np.float64)).reshape(-1)


LOW, HIGH, USUAL = (_column(_LIMITS_DEG, i) for i in range(3))
"""(20,) radians."""
RELAXED = _column(_RELAXED_DEG)
"""(20,): the hand of somebody who does nothing with it."""


def _usual_information() -> Floats:
    H = np.diag(1.0 / USUAL**2)

    def tie(a: int, b: int, ratio: float, sigma_deg: float) -> None:
        row = np.zeros(ANGLE_COUNT)
        row[a], row[b] = 1.0, -ratio
        H[:] += np.outer(row, row) / np.deg2rad(sigma_deg) ** 2

    for finger in range(1, len(FINGERS)):
        tie(4 * finger + _THIRD, 4 * finger + _SECOND, _TENDON, _TENDON_DEG)
        if finger > 1:
            for joint in (_FIRST, _SECOND):
                tie(4 * finger + joint, 4 * (finger - 1) + joint, 1.0, _NEIGHBOUR_DEG)
    return H


USUAL_INFORMATION = _usual_information()
"""(20, 20): inverse covariance of everyday poses about `RELAXED`."""
_LIMIT_INFORMATION = float(1.0 / np.deg2rad(LIMIT_SIGMA_DEG) ** 2)


def terms(angles: Floats, weight: float) -> tuple[Floats, Floats, Floats]:
    """Priors of angles (H, 20): H (H, 20, 20), g (H, 20), cost (H,); `weight` scales all but the limits."""
    away = angles - RELAXED
    pull = weight * (away @ USUAL_INFORMATION)
    beyond = np.maximum(angles - HIGH, 0.0) + np.minimum(angles - LOW, 0.0)
    H = np.empty((len(angles), ANGLE_COUNT, ANGLE_COUNT))
    H[:] = weight * USUAL_INFORMATION
    H[:, _DIAGONAL, _DIAGONAL] += _LIMIT_INFORMATION * (beyond != 0.0)
    cost = 0.5 * (away * pull).sum(1) + 0.5 * _LIMIT_INFORMATION * (beyond * beyond).sum(1)
    return H, pull + _LIMIT_INFORMATION * beyond, cost


def within_limits(angles: Floats) -> Floats:
    """The nearest angles (..., 20) that a hand can take."""
    return np.clip(angles, LOW, HIGH)


_DIAGONAL = np.arange(ANGLE_COUNT)
