"""How far each sample of a motion can be trusted, as weights of a spline.

A sample counts by the square of its confidence. Where an actor was lost for a moment, the solver held the last pose
and let it go: that says little, the spline finds a calmer way from before to after. Where the actor was away for long,
what was shown - the way to rest, and back - stays as it was.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

BRIDGED_S = 1.0
"""A shorter loss is bridged."""

_HELD, _LOST = 0.02, 1e-6
_LEAST_CONFIDENCE = 1e-3


def bridged(state: NDArray[np.str_], times_s: Floats) -> NDArray[np.bool_]:
    """Which samples (T,) were made up while the actor was lost for a moment."""
    lost = state != "tracking"
    edges = np.flatnonzero(np.diff(np.concatenate([[0], lost.astype(np.int8), [0]])))
    out = np.zeros(len(state), np.bool_)
    for begin, end in edges.reshape(-1, 2):
        inside = begin > 0 and end < len(state)  # seen before and after
        if inside and times_s[end] - times_s[begin - 1] < BRIDGED_S:
            out[begin:end] = True
    return out


def body_weights(confidence: Floats, state: NDArray[np.str_], times_s: Floats) -> Floats:
    """(T, J) weights of the bones, from confidences (T, J)."""
    weights = np.clip(confidence, _LEAST_CONFIDENCE, 1.0).astype(np.float64) ** 2
    weights[state != "tracking"] = 1.0
    made_up = bridged(state, times_s)
    weights[made_up] = np.where(state[made_up] == "holding", _HELD, _LOST)[:, None] * confidence[made_up] ** 2
    return weights
