"""The face of the mesh: moved by its shapes, and drawn as a fine net.

Only what an expression moves is face: some 4,000 vertices. Their displacement from rest turns with the head, so the
body is skinned at rest and the face is added afterwards.
"""

from __future__ import annotations

import numpy as np

from stage.avatars import EYES_FROM_HEAD
from stage.bodies.body import BodyModel
from stage.cameras.camera import Camera
from stage.cameras.sources.source import Image
from stage.overlay import _colours
from stage.overlay._lines import draw_line, draw_paths, seen
from stage.synthetic.raster import Floats

_MOVED_M = 5e-4
"""A vertex that no action moves further is not drawn as face."""
_LEAST_PX = 36.0
"""A smaller face is not netted: lines would cover it."""
_CELLS_M = (0.0, 0.004, 0.008, 0.016, 0.028)
"""Nets of the whole mesh and coarser ones, by the size of the cells whose vertices are drawn as one."""
_OPEN_PX = 7.0
"""The finest net is drawn whose cells are no smaller; the mesh's own are of some 3 mm."""
_MESH_M = 0.003
_GAZE_M = 0.05


class FaceNet:
    """The face's part of the mesh."""

    def __init__(self, body: BodyModel) -> None:
        basis = body.facial_basis.astype(np.float32)  # (52, V, 3)
        reach = np.linalg.norm(basis, axis=2).max(axis=0)  # (V,)
        self._moved = np.flatnonzero(reach > 0.0)
        self._basis = np.ascontiguousarray(basis[:, self._moved])  # (52, M, 3)
        self._weights = body.skin_weights[self._moved]  # (M, 6)
        self._bones = body.skin_bones[self._moved]
        on_face = reach > _MOVED_M
        triangles = body.faces[on_face[body.faces].all(axis=1)]  # (F, 3)
        self._used = np.unique(triangles)
        self._height_m = float(np.ptp(body.mean_vertices[self._used, 2]))
        self._nets = [_coarser(triangles, body.mean_vertices, cell) for cell in _CELLS_M]

    def move(self, vertices: Floats, G: Floats, shapes: Floats) -> None:
        """Adds the expression to posed vertices (V, 3), in place.

        Args:
            vertices: Skinned without it.
            G: (53, 3, 3) global rotations of the bones.
            shapes: (52,).
        """
        R = np.einsum("mk,mkij->mij", self._weights, G[self._bones])
        moved = np.tensordot(shapes, self._basis, 1)  # (M, 3)
        vertices[self._moved] += (R @ moved[:, :, None])[..., 0]

    def draw(self, image: Image, vertices: Floats, camera: Camera, confidence: float) -> float:
        """Draws the net, in place.

        Args:
            image: Where to.
            vertices: (V, 3) posed, world.
            camera: Whose picture it is.
            confidence: Gives the colour.

        Returns:
            The face's height in pixels.
        """
        used = self._used
        pixels = np.full((len(vertices), 2), np.nan)
        found, shown = seen(camera, vertices[used])
        pixels[used[shown]] = found[shown]
        height_px = float(np.ptp(found[shown][:, 1])) if shown.any() else 0.0
        if height_px < _LEAST_PX:
            return height_px
        open_enough = [cell * height_px >= _OPEN_PX * self._height_m for cell in (_MESH_M, *_CELLS_M[1:])]
        net = self._nets[open_enough.index(True) if any(open_enough) else -1]
        corners = pixels[net]  # (F, 3, 2)
        u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        facing = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0] < 0.0  # y points down: counter-clockwise is negative
        canvas = image.copy()
        draw_paths(canvas, corners[facing][:, (0, 1, 2, 0)], _colours.by_confidence(confidence))
        np.copyto(image, (0.45 * image + 0.55 * canvas).astype(np.uint8))
        return height_px


def _coarser(triangles: np.ndarray, vertices: np.ndarray, cell_m: float) -> np.ndarray:
    """Triangles (F, 3) between one vertex of each cell of a grid; those within a cell are gone."""
    if cell_m == 0.0:
        return triangles
    used = np.unique(triangles)
    cells = np.floor(vertices[used] / cell_m).astype(np.int64)
    _, first, of_cell = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    representative = np.zeros(len(vertices), np.int64)
    representative[used] = used[first][of_cell.ravel()]
    merged = representative[triangles]
    whole = (merged != np.roll(merged, 1, axis=1)).all(axis=1)
    return np.unique(merged[whole], axis=0)


def draw_gaze(image: Image, camera: Camera, head: Floats, R: Floats, gaze: Floats) -> None:
    """Draws from each eye where it looks, in place.

    Args:
        image: Where to.
        camera: Whose picture it is.
        head: (3,) the head bone, world.
        R: (3, 3) its rotation from rest.
        gaze: (2, 2).
    """
    for place, (yaw, pitch) in zip(EYES_FROM_HEAD, gaze, strict=True):
        ahead = np.array([np.sin(yaw) * np.cos(pitch), -np.cos(yaw) * np.cos(pitch), np.sin(pitch)])
        start = head + R @ (place + 0.013 * ahead)
        draw_line(image, camera, start, start + _GAZE_M * (R @ ahead), _colours.EYES, 1)
