"""Bodies in a room under a lamp, as a camera sees them.

One pass from the lamp gives shadows, one from the camera gives the picture:

    lamp:    bodies --> depth in the lamp's parallel view --> shadow on bodies and floor
    camera:  bodies --> visible fragments (twice the resolution) --> texture x light --> average --> over the room
    sensor:  out of focus --> noise --> 8 bit

Light is computed at the vertices and interpolated; the mesh is fine enough. Lens distortion bends the
projected vertices, triangles between them stay straight.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import cv2
import numpy as np

from stage.bodies.body import mesh_faces
from stage.cameras.camera import Camera
from stage.cameras.geometry import lens_radius, to_camera, to_pixels
from stage.synthetic.atlas import TEXTURE_SIZE, load_atlas
from stage.synthetic.garments import vertex_normals
from stage.synthetic.raster import NEAR, Floats, Fragments, rasterise
from stage.synthetic.room import Backdrop, Room, backdrop

SUPERSAMPLE = 2
_LAMP_CELL_M = 0.02
_LAMP_CELLS = 400
"""The lamp's view: 8 m in cells of 2 cm."""
_GAMMA = 2.2
_EXPOSURES = (-1.0 / 3.0, 0.0, 1.0 / 3.0)
"""Moments of the exposure that motion blur averages."""


@dataclass(frozen=True, eq=False)
class Figure:
    """A body at one instant."""

    vertices: Floats
    """(V, 3) in the world, metres."""
    texture: Floats
    """(1024, 1024, 3) linear light, from `stage.synthetic.paint`."""
    motion: Floats | None = None
    """(V, 3) metres that the vertices move while the shutter is open, `vertices` being the middle; None draws
    no motion blur."""


@dataclass(frozen=True)
class Light:
    """One lamp and the light that comes from everywhere."""

    towards: tuple[float, float, float] = (0.45, -0.55, 0.85)
    """Direction to the lamp, any length."""
    lamp: float = 0.75
    sky: float = 0.42
    ground: float = 0.22
    warmth: float = 0.05
    """How much redder than blue the lamp is."""


@dataclass(frozen=True)
class Sensor:
    """What the camera does to the picture."""

    blur_px: float = 0.5
    """Deviation of the defocus."""
    noise: float = 1.5
    """Deviation of the noise, in steps of 8 bits."""
    gain: float = 1.0


@dataclass(frozen=True, eq=False)
class Scene:
    """What there is to see at one instant; light is computed once for all cameras."""

    figures: tuple[Figure, ...]
    room: Room = field(default_factory=Room)
    light: Light = field(default_factory=Light)
    sensor: Sensor = field(default_factory=Sensor)

    @cached_property
    def lamp(self) -> LampView:
        """What the lamp sees."""
        return LampView(self.light, self.figures)

    @cached_property
    def lit(self) -> tuple[Floats, ...]:
        """The light (V, 3) on each figure's vertices."""
        return tuple(_lit(figure, self.lamp, self.light) for figure in self.figures)


def render(scene: Scene, camera: Camera, noise_seed: int = 0) -> np.ndarray:
    """The picture of the scene in a camera: (H, W, 3) uint8, blue green red."""
    empty = backdrop(scene.room, camera)
    image = empty.image.astype(np.float32)
    image *= scene.lamp.on_floor(empty)[..., None]
    moments = _EXPOSURES if any(figure.motion is not None for figure in scene.figures) else (0.0,)
    pictures = [
        _at_moment(scene, camera, image if moment == moments[-1] else image.copy(), moment) for moment in moments
    ]
    image = pictures[0] if len(pictures) == 1 else np.asarray(np.mean(pictures, axis=0, dtype=np.float32))
    return sense(image, scene.sensor, noise_seed)


def _at_moment(scene: Scene, camera: Camera, image: Floats, moment: float) -> Floats:
    """Draw all figures, the farthest first, as they are at a moment of the exposure in [-0.5, 0.5]."""
    order = sorted(range(len(scene.figures)), key=lambda index: -_distance(scene.figures[index], camera))
    for index in order:
        figure = scene.figures[index]
        moved = figure.vertices if figure.motion is None else figure.vertices + np.float32(moment) * figure.motion
        draw(image, moved, scene.lit[index], figure.texture, camera)
    return image


def draw(image: Floats, vertices: Floats, light: Floats, texture: Floats, camera: Camera) -> None:
    """Draw one body over an image (H, W, 3), in place.

    Args:
        image: float32 in [0, 255], blue green red.
        vertices: (V, 3) in the world.
        light: (V, 3) red green blue that falls on the vertices.
        texture: (1024, 1024, 3) linear light.
        camera: of the image.
    """
    faces = mesh_faces()
    found = fragments(vertices, faces, camera, SUPERSAMPLE)
    if len(found.x) == 0:
        return
    composite(image, found, shaded(found, light, texture), 1.0)


def shaded(found: Fragments, light: Floats, texture: Floats) -> Floats:
    """(N, 3) in [0, 255], blue green red: fragments of a body under light (V, 3) on its vertices."""
    shade = found.interpolate(light, mesh_faces())
    shade *= _texels(found, texture)
    np.clip(shade, 0.0, 1.0, out=shade)
    np.power(shade, 1.0 / _GAMMA, out=shade)
    return shade[:, ::-1] * 255.0


def fragments(vertices: Floats, faces: np.ndarray, camera: Camera, supersample: int) -> Fragments:
    """What the camera sees of a mesh, at `supersample` times its resolution."""
    X = to_camera(camera, vertices)
    before = X[:, 2] > NEAR
    xy = X[:, :2] / np.where(before, X[:, 2], 1.0)[:, None]
    bends_back = np.hypot(xy[:, 0], xy[:, 1]) >= lens_radius(camera.distortion)
    depth = np.where(before & ~bends_back, X[:, 2], 0.0)  # the rasteriser drops what touches these
    pixels = to_pixels(camera, xy)
    scaled = (pixels + 0.5) * supersample - 0.5
    return rasterise(scaled, depth, faces, camera.width * supersample, camera.height * supersample)


def composite(image: Floats, found: Fragments, colour: Floats, opacity: float) -> None:
    """Lay supersampled fragments with colour (N, 3) over an image (H, W, 3), in place."""
    s = SUPERSAMPLE
    left, top = int(found.x.min()) // s, int(found.y.min()) // s
    width, height = int(found.x.max()) // s - left + 1, int(found.y.max()) // s - top + 1
    layer = np.zeros((height * s, width * s, 4), np.float32)
    layer[found.y - top * s, found.x - left * s, :3] = colour
    layer[found.y - top * s, found.x - left * s, 3] = 1.0
    layer = cv2.resize(layer, (width, height), interpolation=cv2.INTER_AREA)
    under = image[top : top + height, left : left + width]
    under *= 1.0 - opacity * layer[..., 3:]
    under += opacity * layer[..., :3]


class LampView:
    """What the lamp sees, and so what lies in shadow."""

    def __init__(self, light: Light, figures: tuple[Figure, ...]) -> None:
        self.direction, self._axes = _lamp_axes(light.towards)
        self._depth = np.full((_LAMP_CELLS, _LAMP_CELLS), np.inf, np.float32)
        for figure in figures:
            cells, depth = self._project(figure.vertices)
            found = rasterise(cells, depth, mesh_faces(), _LAMP_CELLS, _LAMP_CELLS)
            place = (found.y, found.x)
            self._depth[place] = np.minimum(self._depth[place], found.depth)
        self._covered = cv2.GaussianBlur(np.isfinite(self._depth).astype(np.float32), (0, 0), 1.2)

    def _project(self, points: Floats) -> tuple[np.ndarray, np.ndarray]:
        local = points @ self._axes.T  # right, down, away from the lamp
        return (local[:, :2] / _LAMP_CELL_M + _LAMP_CELLS / 2).astype(np.float64), local[:, 2] + 20.0

    def on_floor(self, empty: Backdrop) -> Floats:
        """(H, W) what remains of the light on the picture of the room."""
        shadow = _floor_map(empty, tuple(self._axes.reshape(-1).tolist()))
        covered = cv2.remap(self._covered, shadow[..., 0], shadow[..., 1], cv2.INTER_LINEAR)
        return 1.0 - 0.42 * covered

    def on_vertices(self, vertices: Floats) -> Floats:
        """(V,) how much of the lamp reaches each vertex, in [0, 1]."""
        cells, depth = self._project(vertices)
        column = np.clip(np.rint(cells), 0, _LAMP_CELLS - 1).astype(np.int64)
        gap = depth - self._depth[column[:, 1], column[:, 0]]
        return 1.0 - np.clip((gap - 0.03) / 0.03, 0.0, 1.0).astype(np.float32)


@lru_cache(maxsize=8)
def _lamp_axes(towards: tuple[float, float, float]) -> tuple[Floats, Floats]:
    direction = np.array(towards) / np.linalg.norm(towards)
    right = np.cross([0.0, 0.0, 1.0], direction) if abs(direction[2]) < 0.999 else np.array([1.0, 0.0, 0.0])
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(-direction, right), -direction])
    return direction.astype(np.float32), axes.astype(np.float32)


@lru_cache(maxsize=32)
def _floor_map(empty: Backdrop, axes: tuple[float, ...]) -> Floats:
    """(H, W, 2) the cell of the lamp's view that each floor pixel lies in; far outside elsewhere."""
    local = empty.floor_xy @ np.array(axes, np.float32).reshape(3, 3)[:2, :2].T
    cells = local / _LAMP_CELL_M + _LAMP_CELLS / 2
    cells[~empty.floor] = -10.0
    return cells.astype(np.float32)


def _lit(figure: Figure, lamp: LampView, light: Light) -> Floats:
    """(V, 3) red green blue of the light on each vertex."""
    normals = vertex_normals(figure.vertices, mesh_faces())
    facing = np.clip((normals @ lamp.direction + 0.25) / 1.25, 0.0, 1.0) * lamp.on_vertices(figure.vertices)
    share = 0.5 + 0.5 * normals[:, 2]
    around = light.ground + (light.sky - light.ground) * share
    around *= 0.75 + 0.25 * np.clip(figure.vertices[:, 2] / 0.5, 0.0, 1.0)  # the floor is near
    tint = np.array([1.0 + light.warmth, 1.0, 1.0 - light.warmth], np.float32)
    return (around[:, None] + light.lamp * facing[:, None] * tint).astype(np.float32)


def _texels(found: Fragments, texture: Floats) -> Floats:
    """(N, 3) the texture at each fragment."""
    corner_texels = load_atlas().corner_texels  # (3, 2, F)
    columns, rows = (
        sum(found.weights[:, corner] * corner_texels[corner, axis].take(found.triangle) for corner in range(3))
        for axis in range(2)
    )
    cells = np.rint(rows).astype(np.int64) * TEXTURE_SIZE + np.rint(columns).astype(np.int64)
    return texture.reshape(-1, 3).take(cells, axis=0, mode="clip")


def _distance(figure: Figure, camera: Camera) -> float:
    return float(np.linalg.norm(figure.vertices.mean(axis=0) - camera.center_world))


def sense(image: Floats, sensor: Sensor, noise_seed: int) -> np.ndarray:
    """Defocus, gain, noise, 8 bits."""
    if sensor.blur_px > 0.0:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), sensor.blur_px), np.float32)
    if sensor.gain != 1.0:
        image = image * np.float32(sensor.gain)
    if sensor.noise > 0.0:
        image += _grain(image.shape[0], image.shape[1], noise_seed) * np.float32(sensor.noise)
    return cv2.convertScaleAbs(np.maximum(image, 0.0, out=image))


@lru_cache(maxsize=8)
def _grain_bank(height: int, width: int) -> Floats:
    return np.random.default_rng(1).standard_normal((height + 64, width + 64, 3), np.float32)


def _grain(height: int, width: int, seed: int) -> Floats:
    """(H, W, 3) noise: a window into a fixed bank, moved by the seed."""
    down, right = np.random.default_rng(seed).integers(0, 64, 2)
    return _grain_bank(height, width)[down : down + height, right : right + width]
