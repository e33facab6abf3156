"""The colours of the page: dark and quiet, so that what needs the operator's eye is what stands out."""

from __future__ import annotations

import numpy as np

Rgb = tuple[int, int, int]

BRAND: Rgb = (47, 143, 131)
FLOOR_CELL: Rgb = (34, 39, 46)
FLOOR_SECTION: Rgb = (54, 62, 72)
CAMERA: Rgb = (128, 144, 162)
CAMERA_LOST: Rgb = (214, 92, 92)

ACTORS: tuple[Rgb, ...] = ((176, 190, 206), (196, 182, 166), (172, 192, 178), (190, 178, 200))
"""Bodies, by the order of the actors in stage.toml; from the first again when there are more."""

STATES: dict[str, Rgb] = {"holding": (206, 162, 96), "fading": (120, 116, 112), "silent": (96, 96, 100)}
"""Bodies that are not tracked take these colours instead."""

LEGS: dict[str, Rgb] = {
    "capture": (88, 124, 168),
    "queue": (72, 92, 118),
    "landmarks": (128, 108, 176),
    "assemble": (92, 84, 118),
    "solve": (64, 158, 146),
    "send": (190, 160, 104),
    "total": (240, 244, 248),
}
"""Bands of the latency chart, and the line above them; waiting is darker than work."""

GOOD, POOR, BAD = "#5ec8b8", "#e0b060", "#e06c6c"

_STOPS: tuple[tuple[float, Rgb], ...] = (
    (0.0, (224, 88, 88)),
    (0.45, (232, 172, 84)),
    (0.85, (94, 222, 196)),
    (1.0, (122, 240, 216)),
)
_STEPS = 256


def _confidence_table() -> np.ndarray:
    levels = [level for level, _ in _STOPS]
    at = np.linspace(0.0, 1.0, _STEPS)
    channels = [np.interp(at, levels, [colour[channel] for _, colour in _STOPS]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)


_CONFIDENCE = _confidence_table()
_GAMMA = 2.2


def confidence_colours(confidence: np.ndarray) -> np.ndarray:
    """Colours from red (a guess) over amber to green (well seen).

    Args:
        confidence: (N,), in [0, 1]; values outside are taken as the nearest, not-a-number as 0.

    Returns:
        (N, 3) uint8.
    """
    level = np.clip(np.nan_to_num(confidence, nan=0.0), 0.0, 1.0)
    return _CONFIDENCE[(level * (_STEPS - 1)).astype(np.intp)]


def as_line_colours(colours: np.ndarray) -> np.ndarray:
    """Colours that look in lines as the given ones do in points: viser takes those of lines as linear light.

    Args:
        colours: uint8, any shape.

    Returns:
        uint8 of the same shape, darker.
    """
    return _LINEAR[colours]


_LINEAR = np.rint(255.0 * np.linspace(0.0, 1.0, 256) ** _GAMMA).astype(np.uint8)
