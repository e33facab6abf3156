"""A rasteriser for triangle meshes on the CPU, without a Python loop over triangles or pixels.

Triangles become rows and rows become fragments, three steps of "repeat each item as often as it has
children":

    triangle --> its pixel rows --> each row's span [first, last] --> one fragment per pixel

The span of a row follows from the three edge lines: each bounds x from the left or from the right.
Spans are half open, and an edge shared by two triangles gives both the very same bound, so a mesh
without holes covers each pixel exactly once (but for a corner that lies on a pixel's very centre).
Depth is settled by one integer maximum per fragment: the bits of a positive float32 order like the
number itself, so `1/z` in the upper and the fragment's number in the lower half of an int64 carry
nearness and identity together.

What comes back is a list of the visible fragments (deferred shading): whoever wants colours,
normals or texture coordinates interpolates them for those alone, with perspective-correct weights.
Triangles that reach behind the camera are dropped, not clipped.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Indices = NDArray[np.integer[Any]]

NEAR = 0.05
"""Triangles with a corner nearer than this are dropped, metres."""

_SLIVER = 1e-9
"""Triangles of less than twice this area are dropped, square pixels."""


class Fragments(NamedTuple):
    """The visible samples of a mesh in an image, at most one per pixel."""

    x: Indices
    """(N,) pixel column."""
    y: Indices
    """(N,) pixel row."""
    triangle: Indices
    """(N,) index into the faces."""
    weights: Floats
    """(N, 3) perspective-correct weights of the triangle's corners; they sum to 1."""
    depth: Floats
    """(N,) distance along the optical axis, metres."""

    def interpolate(self, values: Floats, faces: Indices) -> Floats:
        """Values (V, C) at the corners, seen through `faces` (F, 3), at each fragment: (N, C)."""
        corners = faces.take(self.triangle, axis=0)  # (N, 3)
        out = self.weights[:, 0:1] * values.take(corners[:, 0], axis=0)
        out += self.weights[:, 1:2] * values.take(corners[:, 1], axis=0)
        out += self.weights[:, 2:3] * values.take(corners[:, 2], axis=0)
        return out


class _Setup(NamedTuple):
    """The T triangles that can be seen, ready to be cut into rows; components come first.

    So every step runs over contiguous memory.
    """

    triangle: Indices  # (T,)
    edges: Floats  # (3 edges, 3, T): a, b, c of a x + b y + c >= 0 inside; edge i lies opposite corner i
    nearness: Floats  # (3, T): the plane of 1/z over the image, p x + q y + r
    corner_nearness: Floats  # (3, T): 1/z of the corners
    first_row: Indices  # (T,)
    rows: Indices  # (T,)


def rasterise(
    pixels: Floats, depth: Floats, faces: Indices, width: int, height: int, *, cull: bool = True
) -> Fragments:
    """Find what is visible of a mesh.

    Args:
        pixels: (V, 2) projected corners; the centre of the top-left pixel is (0, 0).
        depth: (V,) along the optical axis, metres.
        faces: (F, 3); with `cull` only triangles wound counter-clockwise as seen by the camera
            are drawn.
        width: of the image.
        height: of the image.
        cull: drop triangles that turn their back.
    """
    setup = _prepare(pixels, depth, faces, height, cull)
    row_item, row_y, row_x, counts = _spans(setup, width)
    row = np.repeat(np.arange(len(counts)), counts)
    x = np.arange(len(row)) + (row_x - (np.cumsum(counts) - counts)).take(row)
    p, q, r = setup.nearness
    row_nearness = q.take(row_item) * row_y + r.take(row_item)
    nearness = p.take(row_item).take(row) * x + row_nearness.take(row)
    y = row_y.take(row)
    keep = _nearest(x, y, nearness.astype(np.float32))
    return _resolve(setup, row_item.take(row.take(keep)), x.take(keep), y.take(keep))


def _prepare(pixels: Floats, depth: Floats, faces: Indices, height: int, cull: bool) -> _Setup:
    """Drop what cannot be seen; edge equations and the plane of 1/z for the rest."""
    corners = np.ascontiguousarray(faces.T, dtype=np.int64)  # (3, F)
    xs, ys = np.ascontiguousarray(pixels[:, 0]), np.ascontiguousarray(pixels[:, 1])
    x0, x1, x2 = xs.take(corners)
    y0, y1, y2 = ys.take(corners)
    z0, z1, z2 = depth.take(corners)
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    first = np.clip(np.ceil(np.minimum(np.minimum(y0, y1), y2)), 0, height)
    last = np.clip(np.ceil(np.maximum(np.maximum(y0, y1), y2)), 0, height)
    seen = (area < -_SLIVER) if cull else (np.abs(area) > _SLIVER)
    seen &= (np.minimum(np.minimum(z0, z1), z2) > NEAR) & (last > first)
    triangle = np.flatnonzero(seen)
    x, y = xs.take(corners[:, triangle]), ys.take(corners[:, triangle])  # (3, T)
    area = area.take(triangle)
    first_row = first.take(triangle).astype(np.int64)
    rows = last.take(triangle).astype(np.int64) - first_row

    inside = np.sign(area)
    edges = np.empty((3, 3, len(triangle)))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        edges[i, 0] = inside * (y[j] - y[k])
        edges[i, 1] = inside * (x[k] - x[j])
        edges[i, 2] = inside * (x[j] * y[k] - x[k] * y[j])
    corner_nearness = 1.0 / depth.take(corners[:, triangle])
    nearness = ((corner_nearness / np.abs(area))[:, None] * edges).sum(axis=0)
    return _Setup(triangle, edges, nearness, corner_nearness, first_row, rows)


def _spans(setup: _Setup, width: int) -> tuple[Indices, Indices, Indices, Indices]:
    """Per filled row of each triangle: its item in `setup`, y, first pixel and number of pixels."""
    item = np.repeat(np.arange(len(setup.rows)), setup.rows)
    y = np.arange(len(item)) + (setup.first_row - (np.cumsum(setup.rows) - setup.rows)).take(item)
    left = np.full(len(item), -np.inf)
    right = np.full(len(item), np.inf)
    for a, b, c in setup.edges:
        upright = np.where(a == 0.0, 1.0, a)  # a level edge bounds y alone, which the rows already do
        crossing = (-b / upright).take(item) * y + (-c / upright).take(item)
        np.maximum(left, np.where((a > 0.0).take(item), crossing, -np.inf), out=left)
        np.minimum(right, np.where((a < 0.0).take(item), crossing, np.inf), out=right)
    first = np.clip(np.ceil(left), 0, width).astype(np.int64)
    counts = np.clip(np.ceil(right), 0, width).astype(np.int64) - first
    filled = np.flatnonzero(counts > 0)
    return item.take(filled), y.take(filled), first.take(filled), counts.take(filled)


def _nearest(x: Indices, y: Indices, nearness: Floats) -> Indices:
    """Indices of the fragments that win their pixel."""
    if len(x) == 0:
        return np.zeros(0, np.int64)
    x_low, y_low = int(x.min()), int(y.min())
    stride = int(x.max()) - x_low + 1
    cells = (y - y_low) * stride + (x - x_low)
    packed = (nearness.view(np.int32).astype(np.int64) << 32) | np.arange(len(x))
    buffer = np.zeros(stride * (int(y.max()) - y_low + 1), np.int64)
    np.maximum.at(buffer, cells, packed)
    return buffer[buffer > 0] & 0xFFFFFFFF


def _resolve(setup: _Setup, item: Indices, x: Indices, y: Indices) -> Fragments:
    """Perspective-correct weights of the visible fragments."""
    weights = np.empty((len(item), 3), np.float32)
    for i, (a, b, c) in enumerate(setup.edges):
        inside = a.take(item) * x + b.take(item) * y + c.take(item)
        weights[:, i] = inside * setup.corner_nearness[i].take(item)
    weights /= (weights[:, 0] + weights[:, 1] + weights[:, 2])[:, None]
    p, q, r = setup.nearness
    depth = 1.0 / (p.take(item) * x + q.take(item) * y + r.take(item))
    return Fragments(x, y, setup.triangle.take(item), weights, depth.astype(np.float32))
