"""The colours of what is drawn, blue green red."""

from __future__ import annotations

Bgr = tuple[float, float, float]

STATES: dict[str, Bgr] = {"tracking": (214, 156, 74), "holding": (60, 170, 240), "fading": (120, 120, 200)}
"""Of a body; an absent actor is not drawn."""

POINTS: Bgr = (230, 210, 90)
EYES: Bgr = (90, 190, 250)
TEXT: Bgr = (235, 235, 235)


def by_confidence(confidence: float) -> Bgr:
    """From red (a guess) to green (well seen)."""
    sure = min(max(confidence, 0.0), 1.0)
    return 40.0, 60.0 + 180.0 * sure, 240.0 - 180.0 * sure
