"""The 61 values of Live Link Face as a character would wear them: ranges, units, and eyes against their own shapes.

The eyes are told twice, by shapes and by angles. Over some seconds the two must agree: in real takes an eye that looks
in by 1 has turned 0.61 rad. So angles in degrees, angles divided by 180 degrees, and a sign or a side that is exchanged
show. That of jaw and mouth does not: JawLeft and JawRight of a stream that uses the order of the app's CSV files look
like anybody's, and only a performer who moves the jaw can tell.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from protocols.livelink import VALUES
from protocols.names import ARKIT_SHAPES
from stage.probing.findings import Findings

_SHAPES = len(ARKIT_SHAPES)
_EYES = tuple(
    (side, sign, *(VALUES.index(name) for name in (f"EyeLookIn{side}", f"EyeLookOut{side}", f"{side}EyeYaw")))
    for side, sign in (("Left", 1.0), ("Right", -1.0))
)
"""Per eye: its side, whether inwards is to the subject's right, and where it is told."""
_TOLERANCE = 0.001
_PERCENT_FROM = 1.5
_MOST_RAD = math.pi / 2.0
_CHECK_EVERY = 60
"""Faces; after so many, what has not moved does not move."""
_LEAST_SPREAD = 0.05
_LEAST_LIKENESS = 0.8
_USUAL_RAD = 0.61
_STRONGEST = 5


class Slope:
    """The line through pairs of numbers, in bounded memory."""

    def __init__(self) -> None:
        self.count = 0
        self._sums = [0.0] * 5

    def add(self, x: float, y: float) -> None:
        """Takes one pair."""
        self.count += 1
        for index, value in enumerate((x, y, x * x, x * y, y * y)):
            self._sums[index] += value

    def line(self) -> tuple[float, float, float]:
        """Slope of y over x, their correlation, and the spread of x; 0 where there is none."""
        x, y, xx, xy, yy = (total / max(1, self.count) for total in self._sums)
        spread, other = max(0.0, xx - x * x), max(0.0, yy - y * y)
        if spread == 0.0 or other == 0.0:
            return 0.0, 0.0, math.sqrt(spread)
        both = xy - x * y
        return both / spread, both / math.sqrt(spread * other), math.sqrt(spread)


class LiveLinkValues:
    """Takes the faces of one subject."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._values = np.zeros(len(VALUES), np.float32)
        self._most = np.zeros(len(VALUES), np.float32)
        self._eyes = [Slope() for _ in _EYES]
        self._faces = 0

    def take(self, values: NDArray[np.float32]) -> None:
        """One face, (61,) finite values."""
        self._faces += 1
        self._values = values
        self._most = np.maximum(self._most, np.abs(values))
        self._check_shapes(values[:_SHAPES])
        self._check_angles(values[_SHAPES:])
        for slope, (_, sign, inwards, outwards, yaw) in zip(self._eyes, _EYES, strict=True):
            slope.add(sign * float(values[inwards] - values[outwards]), float(values[yaw]))
        if self._faces % _CHECK_EVERY == 0:
            self._check_motion()

    @property
    def facts(self) -> dict[str, str]:
        """The strongest shapes, and which angles are used at all."""
        shapes = sorted(zip(VALUES, self._values[:_SHAPES].tolist(), strict=False), key=lambda item: -item[1])
        strongest = ", ".join(f"{name} {value:.2f}" for name, value in shapes[:_STRONGEST] if value > 0.0)
        parts = {"head": self._most[_SHAPES : _SHAPES + 3], "eyes": self._most[_SHAPES + 3 :]}
        used = [name for name, most in parts.items() if most.any()]
        return {"strongest now": strongest or "none", "angles": " and ".join(used) or "all zero"}

    def _check_shapes(self, shapes: NDArray[np.float32]) -> None:
        low, high = int(shapes.argmin()), int(shapes.argmax())
        worst = low if -shapes[low] > shapes[high] - 1.0 else high
        value = float(shapes[worst])
        if -_TOLERANCE <= value <= 1.0 + _TOLERANCE:
            return
        fault = "shape beyond 0 to 1: it tears the character's face"
        if value > _PERCENT_FROM:
            fault = "shape far beyond 1: percent instead of 0 to 1?"
        self._findings.add(fault, f"{VALUES[worst]}: {value:.2f}")

    def _check_angles(self, angles: NDArray[np.float32]) -> None:
        worst = int(np.abs(angles).argmax())
        if abs(float(angles[worst])) > _MOST_RAD:
            self._findings.add(
                "angle beyond a quarter turn: degrees instead of radians?",
                f"{VALUES[_SHAPES + worst]}: {float(angles[worst]):.2f}",
            )

    def _check_motion(self) -> None:
        if not self._most[:_SHAPES].any():
            self._findings.add("no shape has moved: the face is not tracked, or none is sent")
        for slope, (side, *_) in zip(self._eyes, _EYES, strict=True):
            rad, likeness, spread = slope.line()
            if spread < _LEAST_SPREAD or abs(likeness) < _LEAST_LIKENESS:
                continue
            example = f"{side}EyeYaw: {rad:.2f} per EyeLook of 1; the app's is {_USUAL_RAD}"
            if rad < 0.0:
                self._findings.add("eyes turn against their shapes: yaw with the wrong sign, or sides swapped", example)
            elif rad < 0.5 * _USUAL_RAD:
                self._findings.add("eyes turn less than their shapes say: parts of 180 degrees, not radians?", example)
            elif rad > 2.0 * _USUAL_RAD:
                self._findings.add("eyes turn more than their shapes say: degrees instead of radians?", example)
