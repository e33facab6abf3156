"""How a rendered face looks and is lit: skin, lips, brows, lashes, eyes, hair, stubble; sky and lamps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stage.synthetic.appearance import HAIRS, SKINS, Colour


@dataclass(frozen=True)
class FaceLook:
    """A face's surface; colours as on a screen (sRGB), strengths in [0, 1]."""

    skin: Colour = SKINS[1]
    lips: Colour = (0.70, 0.42, 0.38)
    lip_strength: float = 0.8
    hair: Colour = HAIRS[1]
    hair_volume_m: float = 0.015
    """0 is a shaved head."""
    brows: Colour = (0.20, 0.14, 0.11)
    brow_strength: float = 0.8
    brow_height_m: float = 0.0
    """How far the brows lie above the usual place."""
    brow_width_m: float = 0.0042
    brow_arch_m: float = 0.004
    lash_strength: float = 0.8
    eyes: Colour = (0.30, 0.22, 0.15)
    iris_m: float = 0.0061
    """Radius of the iris."""
    pupil_m: float = 0.0022
    stubble: float = 0.0
    flush: float = 0.5
    """Redness of cheeks and nose."""
    blotches: float = 0.5
    """Unevenness of the skin."""
    shine: float = 0.3
    cloth: Colour = (0.2, 0.3, 0.5)


@dataclass(frozen=True)
class FaceLight:
    """Sky from above, light from below, and two lamps at infinity; linear light."""

    sky: Colour = (0.50, 0.52, 0.56)
    ground: Colour = (0.24, 0.22, 0.20)
    key: Colour = (0.75, 0.72, 0.68)
    key_towards: tuple[float, float, float] = (0.4, -0.75, 0.5)
    """Direction in the world in which the lamp stands, of unit length or near."""
    fill: Colour = (0.18, 0.19, 0.22)
    fill_towards: tuple[float, float, float] = (-0.7, -0.6, 0.2)


def random_look(random: np.random.Generator) -> FaceLook:
    """A look drawn from what people look like."""
    tone = np.array(SKINS[random.integers(len(SKINS))])
    skin = np.clip(tone * random.uniform(0.88, 1.08) + random.normal(0.0, 0.02, 3), 0.08, 0.97)
    hair = np.array(HAIRS[random.integers(len(HAIRS))]) * random.uniform(0.7, 1.2)
    lips = np.clip(skin * np.array([0.86, 0.62, 0.60]) * random.uniform(0.75, 1.1) + random.normal(0, 0.02, 3), 0, 1)
    if random.random() < 0.15:  # painted lips
        lips = np.array([random.uniform(0.4, 0.75), random.uniform(0.05, 0.3), random.uniform(0.08, 0.35)])
    return FaceLook(
        skin=_colour(skin),
        lips=_colour(lips),
        lip_strength=float(random.uniform(0.3, 1.0)),
        hair=_colour(hair),
        hair_volume_m=float(random.choice([0.0, 0.004, 0.010, 0.018, 0.028])),
        brows=_colour(hair * random.uniform(0.5, 0.9) + 0.08 * skin),
        brow_strength=float(random.uniform(0.35, 1.0)),
        brow_height_m=float(random.normal(0.0, 0.0012)),
        brow_width_m=float(random.uniform(0.0028, 0.0058)),
        brow_arch_m=float(random.uniform(0.001, 0.006)),
        lash_strength=float(random.uniform(0.3, 1.0)),
        eyes=_colour(random.uniform(0.1, 0.45) * np.clip(random.normal(1.0, 0.3, 3), 0.3, 1.8)),
        iris_m=float(random.uniform(0.0056, 0.0066)),
        pupil_m=float(random.uniform(0.0014, 0.0034)),
        stubble=float(random.choice([0.0, 0.0, 0.0, 0.3, 0.6, 0.9])) * float(random.uniform(0.3, 1.0)),
        flush=float(random.uniform(0.0, 1.0)),
        blotches=float(random.uniform(0.2, 1.0)),
        shine=float(random.uniform(0.05, 0.8)),
        cloth=_colour(random.uniform(0.05, 0.9, 3)),
    )


def random_light(random: np.random.Generator) -> FaceLight:
    """Light of a room: soft or hard, from in front, the side or above, warm or cold."""

    def direction(spread: float) -> tuple[float, float, float]:
        side, up = random.uniform(-spread, spread), random.uniform(-0.3, 1.1)
        towards = np.array([np.sin(side), -np.cos(side), up])
        return _colour(towards / np.linalg.norm(towards))

    def tint() -> np.ndarray:
        warmth = random.normal(0.0, 0.08)
        return np.array([1.0 + warmth, 1.0, 1.0 - warmth])

    hardness = random.uniform(0.0, 1.0)
    sky = random.uniform(0.35, 0.85) * (1.0 - 0.6 * hardness)
    return FaceLight(
        sky=_colour(sky * tint()),
        ground=_colour(sky * random.uniform(0.25, 0.8) * tint()),
        key=_colour((0.15 + 1.0 * hardness) * tint()),
        key_towards=direction(1.4),
        fill=_colour(random.uniform(0.0, 0.3) * tint()),
        fill_towards=direction(2.0),
    )


def _colour(values: np.ndarray) -> Colour:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
