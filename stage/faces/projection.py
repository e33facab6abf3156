"""From features to the inputs of the regressor's networks: differences from the neutral along principal directions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stage.faces.features import EYES, EYES_SEEN, POINTS, ROTATION, SIZE


class Projection(NamedTuple):
    """Linear maps from features to the few numbers that the network gets, each scaled to unit deviation."""

    points: np.ndarray
    """(POINTS, K) of differences from the neutral."""
    eyes: np.ndarray
    """(EYES, L)."""
    who: np.ndarray
    """(POINTS, I) of the neutral less the mean neutral."""
    mean_neutral: np.ndarray
    """(D,) of many people."""
    context_scale: np.ndarray
    """(2, C) offset and scale of rotation and size."""

    def inputs(self, now: np.ndarray, mean: np.ndarray, neutral: np.ndarray | None) -> np.ndarray:
        """(M, I) float32: [now points | mean points | who | context | flags | now eyes | mean eyes].

        Args:
            now: (M, D) features.
            mean: (M, D) their mean over the window.
            neutral: (M or 1, D); None where it is not known.
        """
        base = self.mean_neutral[None] if neutral is None else neutral
        seen = (now[:, EYES_SEEN, None] > 0.5).astype(np.float32)
        flags = np.concatenate([np.full_like(seen, -1.0 if neutral is None else 1.0), 2.0 * seen - 1.0], 1)
        who = (base[:, POINTS] - self.mean_neutral[POINTS]) @ self.who
        context = (context_of(now, base) - self.context_scale[0]) / self.context_scale[1]
        return np.concatenate(
            [
                (now[:, POINTS] - base[:, POINTS]) @ self.points,
                (mean[:, POINTS] - base[:, POINTS]) @ self.points,
                np.broadcast_to(who, (len(now), who.shape[1])),
                context,
                flags,
                (now[:, EYES] - base[:, EYES]) @ self.eyes * seen,
                (mean[:, EYES] - base[:, EYES]) @ self.eyes * seen,
            ],
            1,
        ).astype(np.float32)

    @property
    def eye_columns(self) -> int:
        """How many of the last inputs come from the eyes; the flag that they were seen is before them."""
        return 2 * self.eyes.shape[1]


def context_of(now: np.ndarray, neutral: np.ndarray) -> np.ndarray:
    """(M, 7): rotation now, size, rotation at rest; what the points mean depends on these."""
    at_rest = np.broadcast_to(neutral[:, ROTATION], (len(now), 3))
    return np.concatenate([now[:, ROTATION], now[:, SIZE, None], at_rest], 1)
