"""Where the eyes look, as ARKit's shapes EyeLook... say it."""

from __future__ import annotations

import numpy as np

from protocols.names import ARKIT_SHAPES

LOOK_RAD = {"Up": 0.45, "Down": 0.61, "In": 0.61, "Out": 0.61}
"""What EyeLook coefficients of 1 mean (measured on a real take: 35 degrees inwards, outwards and down, 26 up)."""

_SIDES = ("Left", "Right")
_LOOK = {way: [ARKIT_SHAPES.index(f"EyeLook{way}{side}") for side in _SIDES] for way in LOOK_RAD}
_LEFTWARD = np.array([[1.0, -1.0], [-1.0, 1.0]])
"""Outwards and inwards of each eye, as turns to the performer's left."""


def look_directions(shapes: np.ndarray) -> np.ndarray:
    """(2, 2) radians of shapes (52,): left eye, right eye; yaw to the performer's left, pitch up."""
    sideways = np.stack([LOOK_RAD["Out"] * shapes[_LOOK["Out"]], LOOK_RAD["In"] * shapes[_LOOK["In"]]], 1)
    upwards = LOOK_RAD["Up"] * shapes[_LOOK["Up"]] - LOOK_RAD["Down"] * shapes[_LOOK["Down"]]
    return np.stack([(sideways * _LEFTWARD).sum(1), upwards], 1)
