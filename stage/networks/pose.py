"""MediaPipe's pose landmark network: reads 33 landmarks of the person in a region.

1. The region is a square about the person, turned so that the person stands upright. It comes from
   the detector, from a prediction, or from the frame before.
2. The network sees it in 256 x 256 and gives 33 landmarks with visibility and presence, the same in
   metres about the hips, whether a person is there at all, and two extra points, centre and top of
   a circle about the body: the next frame's region.
3. Each point is *refined* to the centre of mass of its heat map (64 x 64) near it. Measured on a
   real recording of four cameras, this takes the disagreement of the views from 13.3 to 9.7 pixels
   and the jitter of triangulated points from 27 to 17 mm per frame squared, for 0.8 ms: the
   network's direct coordinates have the resolution of bf16, one pixel of the crop.
4. A point's *confidence* is visibility x presence x how high its heat map peaks. With the peak, the
   confidence orders the points by their error (visibility and presence hardly do), and a
   triangulation weighted by it is 2 mm nearer to the reference.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stage.errors import NetworkError
from stage.networks.engine import Engine, Normalisation
from stage.networks.landmarks import POINTS, Crop, Landmarks
from stage.networks.regions import Circle, FloatArray, Region, square_about, warp

REGION_EXPANSION = 1.25
"""Margin of the region about the body's circle, as in the network's training."""

REFINE_WINDOW = 7
"""Side of the part of the heat map about a point that its refinement looks at, in cells."""

MIN_PEAK = 0.5
"""A heat map that stays below this in the window leaves its point as it was."""

SURE_PEAK = 0.9
"""A heat map that comes as high as this is as sure as they get."""

OUTPUTS = (0, 1, 4, 3)
"""What is asked of the network file: landmarks, presence, world landmarks, heat maps (2 is a mask)."""

NORMALISATION = Normalisation()
"""RGB in [0, 1]."""

_ROWS = 39
_CENTER, _TOP = 33, 34


class PoseNetwork:
    """Reads 33 landmarks per region."""

    def __init__(self, engine: Engine) -> None:
        """Use an engine that runs the network's file with `OUTPUTS` and `NORMALISATION`.

        Raises:
            NetworkError: The engine runs another network.
        """
        self._engine = engine
        shapes = [output.shape[1:] for output in engine.infer(1)]
        if shapes != [(_ROWS * 5,), (1,), (_ROWS * 3,), (64, 64, _ROWS)]:
            raise NetworkError(f"the network gives outputs of shapes {shapes}; expected MediaPipe's pose landmarks")

    @property
    def facts(self) -> dict[str, str]:
        """Engine, device, precision, threads, time per crop."""
        return self._engine.facts

    def region_of(self, circle: Circle) -> Region:
        """The square about a person that the network was trained on."""
        return square_about(circle, REGION_EXPANSION)

    def landmarks(self, crops: Sequence[Crop]) -> list[Landmarks]:
        """The landmarks in each crop."""
        batch, size = self._engine.inputs.shape[:2]
        results: list[Landmarks] = []
        for first in range(0, len(crops), batch):
            group = crops[first : first + batch]
            for slot, crop in zip(self._engine.inputs, group, strict=False):
                warp(crop.image, crop.region, slot)
            points, presence, world, heat = self._engine.infer(len(group))
            for i, crop in enumerate(group):
                rows = np.nan_to_num(points[i]).reshape(_ROWS, 5)
                unit, peaks = refined(rows[:, :2].astype(np.float64) / size, heat[i])
                results.append(_read(rows, unit, peaks, float(presence[i, 0]), world[i], crop.region))
        return results


def refined(
    unit: npt.NDArray[np.float64], heat: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
    """Move points to the centre of mass of their heat maps in a window about them.

    Args:
        unit: (n, 2) x, y in [0, 1] across the crop.
        heat: (H, W, n) logits.

    Returns:
        Points (n, 2); one outside of the map, or without a peak near it, stays where it was. And the
        peaks (n,) in [0, 1].
    """
    rows, columns, n = heat.shape
    reach = np.arange(REFINE_WINDOW) - REFINE_WINDOW // 2
    cell_x, cell_y = np.floor(unit[:, 0] * columns).astype(int), np.floor(unit[:, 1] * rows).astype(int)
    x, y = cell_x[:, None] + reach, cell_y[:, None] + reach  # (n, 7) each
    in_x, in_y = (x >= 0) & (x < columns), (y >= 0) & (y < rows)
    point = np.arange(n)[:, None, None]
    logits = heat[np.clip(y, 0, rows - 1)[:, :, None], np.clip(x, 0, columns - 1)[:, None, :], point]
    mass = _sigmoid(logits) * (in_y[:, :, None] & in_x[:, None, :])  # (n, 7, 7)
    total = np.maximum(mass.sum(axis=(1, 2)), 1e-9)
    inside = (cell_x >= 0) & (cell_x < columns) & (cell_y >= 0) & (cell_y < rows)
    peaks = mass.max(axis=(1, 2))
    moved = np.empty_like(unit)
    moved[:, 0] = np.einsum("nyx,nx->n", mass, x) / (total * columns)
    moved[:, 1] = np.einsum("nyx,ny->n", mass, y) / (total * rows)
    return np.where((inside & (peaks >= MIN_PEAK))[:, None], moved, unit), peaks


def _read(
    rows: npt.NDArray[np.float32],
    unit: npt.NDArray[np.float64],
    peaks: npt.NDArray[np.float32],
    presence: float,
    world: npt.NDArray[np.float32],
    region: Region,
) -> Landmarks:
    """Turn raw outputs (39, 5), with refined points (39, 2) and peaks (39,), into landmarks of the image."""
    pixels = region.to_image(unit)  # (39, 2)
    out = np.empty((POINTS, 3), np.float32)
    out[:, :2] = pixels[:POINTS]
    out[:, 2] = _sigmoid(rows[:POINTS, 3]) * _sigmoid(rows[:POINTS, 4]) * np.minimum(peaks[:POINTS] / SURE_PEAK, 1.0)
    upright = world.reshape(_ROWS, 3)[:POINTS]
    turned = upright.copy()
    c, s = np.cos(region.angle), np.sin(region.angle)
    turned[:, 0] = c * upright[:, 0] - s * upright[:, 1]
    turned[:, 1] = s * upright[:, 0] + c * upright[:, 1]
    (x, y), (top_x, top_y) = pixels[_CENTER].tolist(), pixels[_TOP].tolist()
    next_region = square_about(Circle(x, y, top_x - x, top_y - y), REGION_EXPANSION)
    return Landmarks(out, turned, presence, next_region)


def _sigmoid(x: FloatArray) -> npt.NDArray[np.float32]:
    return (1.0 / (1.0 + np.exp(-np.clip(x, -60.0, 60.0)))).astype(np.float32)
