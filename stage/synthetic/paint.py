"""The texture of a performer: skin with brows, eyes and lips, hair, shirt, trousers, shoes.

A network trained on photographs finds its landmarks where photographs have edges: at brows, eyes,
lips, hairline, collar, sleeve, cuff. So the performer gets these, painted by place on the body
(metres on the average body in its rest pose).
"""

from __future__ import annotations

import cv2
import numpy as np

from stage.synthetic import garments
from stage.synthetic.appearance import Appearance, Colour
from stage.synthetic.atlas import TEXTURE_SIZE, Surface, load_atlas
from stage.synthetic.garments import soft_step
from stage.synthetic.raster import Floats

_LINEAR = (np.arange(256, dtype=np.float32) / 255.0) ** np.float32(2.2)
"""Light of each step of an sRGB-like channel."""


def paint(appearance: Appearance) -> Floats:
    """The body's texture: (1024, 1024, 3) float32, red green blue in linear light."""
    atlas = load_atlas()
    surface = atlas.texel_surface
    random = np.random.default_rng(appearance.seed)
    coarse, fine = _noise(random, 24)[atlas.texels], _noise(random, 200)[atlas.texels]
    colour = _skin(appearance, surface, coarse, fine)
    for mask, layer in (
        (garments.trousers(appearance, surface), _cloth(appearance.trousers, coarse, fine)),
        (garments.shirt(appearance, surface), _shirt(appearance, surface, coarse, fine)),
        (garments.shoes(appearance, surface), _shoes(appearance, surface, fine)),
        (garments.hair(appearance, surface), _hair(appearance, surface, fine)),
    ):
        colour += mask[:, None] * (layer - colour)
    steps = (np.clip(colour, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    return _LINEAR[steps.take(atlas.fill, axis=0)].reshape(TEXTURE_SIZE, TEXTURE_SIZE, 3)


def _skin(appearance: Appearance, surface: Surface, coarse: Floats, fine: Floats) -> Floats:
    """Skin with brows, lips, eyes and flushed cheeks, (N, 3) sRGB."""
    x, y, z = np.abs(surface.points[:, 0]), surface.points[:, 1], surface.points[:, 2]
    tone = np.array(appearance.skin, np.float32)
    colour = tone * (1.0 + 0.03 * coarse + 0.03 * fine)[:, None]
    front = y < -0.12
    flush = np.exp(-((x - 0.042) ** 2 + (z - 1.635) ** 2) / 0.018**2) + np.exp(-(x**2 + (z - 1.64) ** 2) / 0.012**2)
    colour *= 1.0 - (0.5 * flush * front)[:, None] * np.array([0.02, 0.14, 0.12], np.float32)
    layers = [
        (surface.masks["lips"], tone * np.array([0.86, 0.62, 0.60], np.float32)),
        (surface.masks["eyelids"] * 0.6, tone * 0.7),
        (surface.masks["fingernails"] * 0.5, tone * np.array([1.05, 0.95, 0.95], np.float32)),
        (_brows(x, z) * front, 0.75 * np.array(appearance.hair, np.float32) + 0.1 * tone),
        (surface.is_part("mouth_cavity", "tongue").astype(np.float32), np.array([0.35, 0.13, 0.12], np.float32)),
        (surface.is_part("eye_cavity.L", "eye_cavity.R").astype(np.float32), tone * 0.55),
    ]
    for mask, layer in layers:
        colour += mask[:, None] * (layer - colour)
    eyes = surface.is_part("eye_front.L", "eye_front.R", "eye_back.L", "eye_back.R")
    colour[eyes] = _eyes(appearance, surface.points[eyes])
    return colour


def _brows(x: Floats, z: Floats) -> Floats:
    """Two arcs above the eyes."""
    arc = 1.7005 + 0.004 * np.sin(np.clip((x - 0.012) / 0.040, 0.0, 1.0) * np.pi)
    return np.exp(-(((z - arc) / 0.0038) ** 4)) * np.exp(-(((x - 0.033) / 0.021) ** 8))


def _eyes(appearance: Appearance, points: Floats) -> Floats:
    """White, iris and pupil, (N, 3)."""
    radius = np.hypot(np.abs(points[:, 0]) - 0.0305, points[:, 2] - 1.6745)
    colour = np.full((len(points), 3), 0.88, np.float32)
    colour[radius < 0.0062] = appearance.eyes
    colour[radius < 0.0028] = 0.02
    return colour


def _cloth(colour: Colour, coarse: Floats, fine: Floats) -> Floats:
    return np.array(colour, np.float32) * (1.0 + 0.07 * coarse + 0.04 * fine)[:, None]


def _shirt(appearance: Appearance, surface: Surface, coarse: Floats, fine: Floats) -> Floats:
    """Cloth with a pattern, (N, 3)."""
    first, second = _cloth(appearance.shirt, coarse, fine), _cloth(appearance.shirt_second, coarse, fine)
    x, y, z = surface.points.T
    across = np.where(surface.arm > 0.5, 0.28 * surface.along_arm, z)
    if appearance.pattern == "stripes":
        share = soft_step(np.sin(across * 2 * np.pi / 0.06), 0.0, 0.2)
    elif appearance.pattern == "checks":
        share = 0.5 * soft_step(np.sin(across * 2 * np.pi / 0.09), 0.0, 0.2) + 0.5 * soft_step(
            np.sin(x * 2 * np.pi / 0.09), 0.0, 0.2
        )
    elif appearance.pattern == "print":
        share = soft_step(0.075, np.hypot(x, z - 1.31)) * (y < -0.05) * soft_step(np.sin((x + z) * 180.0), 0.0, 0.3)
    else:
        share = np.zeros_like(z)
    return first + share[:, None] * (second - first)


def _shoes(appearance: Appearance, surface: Surface, fine: Floats) -> Floats:
    """Uppers with a pale sole, (N, 3)."""
    sole = soft_step(0.018, surface.points[:, 2])
    upper = np.array(appearance.shoes, np.float32) * (1.0 + 0.06 * fine)[:, None]
    return upper + sole[:, None] * (np.array([0.75, 0.74, 0.72], np.float32) - upper)


def _hair(appearance: Appearance, surface: Surface, fine: Floats) -> Floats:
    """Strands from the crown down, (N, 3)."""
    angle = np.arctan2(surface.points[:, 0], surface.points[:, 1] + 0.07)
    strands = np.sin(angle * 90.0 + 3.0 * fine)
    return np.array(appearance.hair, np.float32) * (1.0 + 0.22 * strands + 0.15 * fine)[:, None]


def _noise(random: np.random.Generator, cells: int) -> Floats:
    """(1024 * 1024,) smooth noise of unit deviation with `cells` cells across the texture."""
    grid = random.standard_normal((cells, cells)).astype(np.float32)
    image = cv2.resize(grid, (TEXTURE_SIZE, TEXTURE_SIZE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(image, np.float32).reshape(-1)
