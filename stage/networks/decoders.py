"""Decoders: from the raw outputs of a top-down landmark network to points and confidences.

    simcc        two outputs, (1, K, W * split) and (1, K, H * split): per point, a score for every
                 column and every row of the crop, `split` bins per pixel (RTMPose, RTMW)
    heatmap      one output, (1, K, h, w): per point, a small map whose corners are those of the
                 crop (ViTPose, HRNet)
    coordinates  one output, (1, K, 2 or 3): x, y in pixels of the crop, confidence if there is a third

Peaks are refined below the size of a bin by the parabola through a peak and its neighbours. All
decoders return unit coordinates of the crop (`stage.networks.regions`) and confidences in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from stage.errors import NetworkError

Outputs = Sequence[npt.NDArray[np.float32]]
Decoded = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""Points (K, 2) in the unit square and confidences (K,)."""

Decoder = Callable[[Outputs, int, int, float], Decoded]
"""(outputs of one crop, width, height of the crop, bins per pixel) -> points and confidences."""


def decode_simcc(outputs: Outputs, width: int, height: int, split: float) -> Decoded:
    """Points from scores (K, W * split) and (K, H * split) of columns and rows."""
    columns, rows = outputs
    x, best_x = _peaks(columns)
    y, best_y = _peaks(rows)
    points = np.stack([(x / split + 0.5) / width, (y / split + 0.5) / height], axis=1)
    return points, np.clip(np.minimum(best_x, best_y), 0.0, 1.0)


def decode_heatmap(outputs: Outputs, width: int, height: int, _split: float) -> Decoded:
    """Points from maps (K, h, w) whose first and last cells lie on the first and last pixels of the crop."""
    maps = outputs[0]
    count, rows, columns = maps.shape
    index = maps.reshape(count, -1).argmax(axis=1)
    row, column = np.divmod(index, columns)
    each = np.arange(count)
    x, best = _peaks(maps[each, row])
    y, _ = _peaks(maps[each, :, column])
    scale_x = (width - 1) / max(columns - 1, 1)
    scale_y = (height - 1) / max(rows - 1, 1)
    points = np.stack([(x * scale_x + 0.5) / width, (y * scale_y + 0.5) / height], axis=1)
    return points, np.clip(best, 0.0, 1.0)


def decode_coordinates(outputs: Outputs, width: int, height: int, _split: float) -> Decoded:
    """Points from coordinates (K, 2 or 3) in pixels of the crop."""
    values = outputs[0].astype(np.float64)
    points = (values[:, :2] + 0.5) / (width, height)
    confidences = np.clip(values[:, 2], 0.0, 1.0) if values.shape[1] > 2 else np.ones(len(values))
    return points, confidences


DECODERS: dict[str, Decoder] = {
    "simcc": decode_simcc,
    "heatmap": decode_heatmap,
    "coordinates": decode_coordinates,
}


def check_shapes(
    decoder: str, shapes: Sequence[tuple[int, ...]], points: int, size: tuple[int, int], split: float
) -> None:
    """Make sure that outputs of these shapes (without the batch) are what a decoder reads.

    Args:
        decoder: A key of `DECODERS`.
        shapes: Shape of each output of one crop.
        points: Points of the network, by its description.
        size: Width and height of the crop.
        split: Bins per pixel of "simcc".

    Raises:
        NetworkError: They are not.
    """
    if decoder == "simcc":
        expected = f"({points}, {round(size[0] * split)}) and ({points}, {round(size[1] * split)})"
        fits = list(shapes) == [(points, round(size[0] * split)), (points, round(size[1] * split))]
    elif decoder == "heatmap":
        expected = f"({points}, height, width)"
        fits = len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][0] == points
    else:
        expected = f"({points}, 2) or ({points}, 3)"
        fits = len(shapes) == 1 and tuple(shapes[0]) in ((points, 2), (points, 3))
    if not fits:
        found = ", ".join(str(shape) for shape in shapes)
        raise NetworkError(f"outputs of shapes {found} for each crop; decoder {decoder!r} expects {expected}")


def _peaks(scores: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Position of the largest of each row of scores (K, n), finer than a bin, and its value."""
    count, bins = scores.shape
    each = np.arange(count)
    index = scores.argmax(axis=1)
    best = scores[each, index].astype(np.float64)
    before = scores[each, np.maximum(index - 1, 0)].astype(np.float64)
    after = scores[each, np.minimum(index + 1, bins - 1)].astype(np.float64)
    bend = before - 2.0 * best + after
    inner = (index > 0) & (index < bins - 1) & (bend < 0.0)
    offset = np.where(inner, 0.5 * (before - after) / np.where(inner, bend, -1.0), 0.0)
    return index + offset, best
