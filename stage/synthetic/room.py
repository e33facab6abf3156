"""The room around a synthetic performer: floor, walls and ceiling, with things on the walls.

A camera stands still, so its view of the empty room is computed once: every pixel's ray is followed
to the box of the room and coloured there. For the floor the place is kept as well, because shadows
fall on it anew in every frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from stage.cameras.camera import Camera
from stage.cameras.geometry import rays
from stage.synthetic.appearance import Colour
from stage.synthetic.raster import Floats

_TILE = 512
_TILE_M = 4.0
"""Wall and floor textures repeat after this many metres."""


@dataclass(frozen=True)
class Room:
    """A box with its origin in the middle of the floor."""

    half_width_m: float = 4.2
    half_depth_m: float = 4.6
    height_m: float = 3.0
    floor: Colour = (0.55, 0.47, 0.38)
    walls: Colour = (0.72, 0.72, 0.70)
    clutter: int = 10
    """Pictures, doors and shelves on the walls."""
    planks: bool = True
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Backdrop:
    """The empty room in one camera."""

    image: np.ndarray
    """(H, W, 3) uint8, blue green red."""
    floor: np.ndarray
    """(H, W) bool: the pixel shows the floor."""
    floor_xy: Floats
    """(H, W, 2) metres: where on the floor; 0 elsewhere."""


def random_room(random: np.random.Generator) -> Room:
    """A room of random size, colours and clutter."""

    def paint(low: float, high: float) -> Colour:
        values = np.clip(random.uniform(low, high) + random.normal(0.0, 0.07, 3), 0.03, 0.97)
        return float(values[0]), float(values[1]), float(values[2])

    return Room(
        half_width_m=float(random.uniform(4.5, 8.0)),
        half_depth_m=float(random.uniform(4.5, 8.0)),
        height_m=float(random.uniform(2.6, 4.5)),
        floor=paint(0.15, 0.7),
        walls=paint(0.2, 0.9),
        clutter=int(random.integers(0, 30)),
        planks=bool(random.random() < 0.5),
        seed=int(random.integers(1 << 31)),
    )


@lru_cache(maxsize=32)
def backdrop(room: Room, camera: Camera) -> Backdrop:
    """The empty room as the camera sees it; remembered for the last cameras."""
    height, width = camera.height, camera.width
    columns, rows = np.meshgrid((np.arange(2 * width) - 0.5) / 2.0, (np.arange(2 * height) - 0.5) / 2.0)
    directions = np.nan_to_num(rays(camera, np.stack([columns, rows], axis=-1)), nan=1e-3)
    colour, _ = _follow(room, camera.center_world, directions)
    image = cv2.resize(colour, (width, height), interpolation=cv2.INTER_AREA)

    middle = rays(camera, np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1))
    _, hit = _follow(room, camera.center_world, np.nan_to_num(middle, nan=1e-3))
    floor = hit[..., 2] < 1e-6
    image = np.clip(image, 0.0, 1.0)[..., ::-1] * 255.0
    return Backdrop(np.rint(image).astype(np.uint8), floor, (hit[..., :2] * floor[..., None]).astype(np.float32))


def _follow(room: Room, origin: np.ndarray, directions: np.ndarray) -> tuple[Floats, np.ndarray]:
    """Colour (..., 3) sRGB and place (..., 3) where rays from inside the room meet it."""
    low = np.minimum([-room.half_width_m, -room.half_depth_m, 0.0], origin - 0.1)  # cameras stay inside
    high = np.maximum([room.half_width_m, room.half_depth_m, room.height_m], origin + 0.1)
    low[2] = 0.0
    with np.errstate(divide="ignore"):
        distance = np.where(directions > 0.0, high - origin, low - origin) / directions
    axis = np.argmin(distance, axis=-1)
    nearest = np.take_along_axis(distance, axis[..., None], axis=-1)
    hit = origin + nearest * directions
    upward = np.take_along_axis(directions, axis[..., None], axis=-1)[..., 0] > 0.0
    surface = axis * 2 + upward  # -x, +x, -y, +y, floor, ceiling
    hit[surface == 4, 2] = 0.0
    colour = np.empty((*directions.shape[:-1], 3), np.float32)
    for index, texture in enumerate(_textures(room)):
        shown = surface == index
        across, along = [(1, 2), (0, 2), (0, 1)][index // 2]
        u = (hit[shown][:, across] / _TILE_M * _TILE).astype(np.int64) % _TILE
        v = (hit[shown][:, along] / _TILE_M * _TILE).astype(np.int64) % _TILE
        colour[shown] = texture[v, u]
    return colour * _corner_shade(hit, low, high)[..., None], hit


def _corner_shade(hit: np.ndarray, low: np.ndarray, high: np.ndarray) -> Floats:
    """Rooms are darker in their corners: the second smallest distance to the planes decides."""
    gaps = np.sort(np.minimum(hit - low, high - hit), axis=-1)[..., 1]
    return (1.0 - 0.35 * np.exp(-gaps / 0.35)).astype(np.float32)


@lru_cache(maxsize=4)
def _textures(room: Room) -> tuple[Floats, ...]:
    """Textures (512, 512, 3) of the two x walls, the two y walls, floor and ceiling."""
    random = np.random.default_rng(room.seed)
    walls = [_wall(room, random) for _ in range(4)]
    ceiling = np.full((_TILE, _TILE, 3), 0.85, np.float32) * (1.0 + 0.01 * _noise(random, 60))[..., None]
    return (*walls, _floor(room, random), ceiling.astype(np.float32))


def _wall(room: Room, random: np.random.Generator) -> Floats:
    wall = np.array(room.walls, np.float32) * random.uniform(0.85, 1.05)
    wall = wall * (1.0 + 0.03 * _noise(random, 6) + 0.015 * _noise(random, 200))[..., None]
    scale = _TILE / _TILE_M
    for _ in range(random.poisson(room.clutter / 4)):
        left, low = random.uniform(0.0, _TILE_M), random.uniform(0.0, 1.9)
        size = random.uniform(0.2, 1.1, 2)
        colour = np.clip(random.uniform(0.1, 0.8) + random.normal(0.0, 0.15, 3), 0.0, 1.0)
        columns = np.arange(int(left * scale), int((left + size[0]) * scale)) % _TILE
        rows = np.arange(int(low * scale), min(int((low + size[1]) * scale), _TILE))
        patch = colour * (1.0 + 0.2 * cv2.resize(_noise(random, 8), (len(columns), len(rows)))[..., None])
        wall[np.ix_(rows, columns)] = patch
    return wall.astype(np.float32)


def _floor(room: Room, random: np.random.Generator) -> Floats:
    floor = np.array(room.floor, np.float32) * (1.0 + 0.05 * _noise(random, 12) + 0.04 * _noise(random, 256))[..., None]
    if room.planks:
        width, grain = 16, _noise(random, 128)
        plank = np.arange(_TILE) // width
        tone = 1.0 + 0.10 * random.standard_normal(_TILE // width)[plank]
        floor = floor * tone[None, :, None] * (1.0 + 0.03 * cv2.resize(grain, (_TILE, 64)).repeat(8, axis=0))[..., None]
        floor[:, ::width] *= 0.72
    return floor.astype(np.float32)


def _noise(random: np.random.Generator, cells: int) -> Floats:
    """(512, 512) smooth noise of about unit deviation that repeats without a seam."""
    grid = random.standard_normal((cells, cells)).astype(np.float32)
    padded = np.pad(grid, 2, mode="wrap")
    step = _TILE / cells
    coordinates = ((np.arange(_TILE) + 0.5) / step - 0.5 + 2.0).astype(np.float32)
    columns, rows = np.meshgrid(coordinates, coordinates)
    return np.asarray(cv2.remap(padded, columns, rows, cv2.INTER_CUBIC), np.float32)
