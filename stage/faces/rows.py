"""From samples to rows of a learner: what the regressor gets as input, how it is put together and mirrored.

One row is one frame: its features less the actor's neutral, the mean of the same over the window, the neutral
itself (who it is), the head's rotation now and at rest, the size of the face, and flags. Points and eyes are kept
apart, so that either can be missing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stage.faces.features import EYES, EYES_SEEN, POINTS, describe_all, mirrored
from stage.faces.projection import Projection, context_of
from stage.faces.samples import RESTS, FaceSamples


class Described(NamedTuple):
    """Samples as features."""

    now: np.ndarray
    """(M, D) float32."""
    mean: np.ndarray
    """(M, D) over the window up to now."""
    neutral: np.ndarray
    """(M, D) of the person."""
    coefficients: np.ndarray
    """(M, 52)."""
    person: np.ndarray
    """(M,)."""


def described(samples: FaceSamples, reference: np.ndarray) -> Described:
    """Features of all frames that were seen, of people whose rest was seen."""
    people, frames = samples.points.shape[:2]
    rows: dict[str, list[np.ndarray]] = {name: [] for name in Described._fields}
    # In portions, so that float64 copies stay small.
    for first in range(0, people, 50):
        part = FaceSamples(*(array[first : first + 50] for array in samples))
        count = len(part.points)
        seen = np.isfinite(part.points.reshape(count, frames, -1)).min(-1)
        points = np.where(seen[:, :, None, None], part.points, reference)
        features = describe_all(
            points.reshape(-1, *points.shape[2:]), part.eyes.reshape(-1, *part.eyes.shape[2:]), reference
        ).reshape(count, frames, -1)
        complete = seen & (features[..., EYES_SEEN] > 0)
        rest = complete[:, :RESTS, None]
        neutral = (features[:, :RESTS] * rest).sum(1) / np.maximum(rest.sum(1), 1)
        windows = _window_means(features, complete, part.take)
        used = complete & complete[:, :RESTS].max(1, keepdims=True)
        who, which = np.nonzero(np.asarray(used))
        rows["now"].append(features[who, which])
        rows["mean"].append(windows[who, which])
        rows["neutral"].append(neutral[who])
        rows["coefficients"].append(part.coefficients[who, which])
        rows["person"].append(who + first)
    return Described(*(np.concatenate(column) for column in rows.values()))


def _window_means(features: np.ndarray, complete: np.ndarray, take: np.ndarray) -> np.ndarray:
    """(N, F, D): of each frame the mean over the frames of its take up to it."""
    out = features.copy()
    total, count = features[:, 0].copy(), np.ones((len(features), 1), np.float32)
    for frame in range(1, features.shape[1]):
        same = (take[:, frame] == take[:, frame - 1])[:, None]
        share = complete[:, frame, None].astype(np.float32)
        total = total * same + features[:, frame] * share
        count = count * same + share
        out[:, frame] = total / np.maximum(count, 1.0)
    return out


def flipped(rows: Described, partners: np.ndarray, shapes: np.ndarray) -> Described:
    """The same rows of mirrored faces."""
    return Described(
        mirrored(rows.now, partners),
        mirrored(rows.mean, partners),
        mirrored(rows.neutral, partners),
        rows.coefficients[:, shapes],
        rows.person,
    )


def projection(rows: Described, points: int, eyes: int, who: int) -> Projection:
    """Principal directions of the rows."""
    context = context_of(rows.now, rows.neutral)
    _, first = np.unique(rows.person, return_index=True)
    mean_neutral = rows.neutral[first].mean(0)
    return Projection(
        _directions((rows.now - rows.neutral)[:, POINTS], points),
        _directions((rows.now - rows.neutral)[:, EYES], eyes),
        _directions((rows.neutral[first] - mean_neutral)[:, POINTS], who),
        mean_neutral.astype(np.float32),
        np.stack([context.mean(0), context.std(0) + 1e-6]).astype(np.float32),
    )


def _directions(rows: np.ndarray, count: int) -> np.ndarray:
    """(D, count) float32; the weakest are scaled a little less than to unit deviation, as they are mostly noise."""
    values, vectors = np.linalg.eigh(np.cov(rows, rowvar=False))
    values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
    floor = 0.02 * values[:10].mean() * 0.01
    return (vectors / np.sqrt(np.maximum(values, 0.0) + floor)).astype(np.float32)
