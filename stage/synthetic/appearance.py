"""How a synthetic performer looks: skin, hair and clothes, chosen or drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]
"""Red, green, blue in [0, 1] as on a screen (sRGB)."""

SKINS: tuple[Colour, ...] = (
    (0.95, 0.80, 0.71), (0.91, 0.73, 0.62), (0.83, 0.64, 0.51),
    (0.70, 0.51, 0.39), (0.52, 0.36, 0.27), (0.36, 0.24, 0.18),
)  # fmt: skip
HAIRS: tuple[Colour, ...] = (
    (0.07, 0.06, 0.06), (0.16, 0.11, 0.08), (0.30, 0.20, 0.13),
    (0.50, 0.36, 0.21), (0.70, 0.58, 0.40), (0.55, 0.54, 0.53),
)  # fmt: skip


@dataclass(frozen=True)
class Appearance:
    """How a performer looks; the defaults are plain."""

    skin: Colour = SKINS[1]
    hair: Colour = HAIRS[1]
    eyes: Colour = (0.30, 0.22, 0.15)
    shirt: Colour = (0.20, 0.33, 0.55)
    shirt_second: Colour = (0.85, 0.85, 0.82)
    pattern: str = "plain"
    """Of the shirt: "plain", "stripes", "checks" or "print"."""
    trousers: Colour = (0.22, 0.23, 0.26)
    shoes: Colour = (0.85, 0.85, 0.85)
    sleeve: float = 0.6
    """Where the sleeve ends: 0 at the shoulder, 1 at the elbow, 2 at the wrist."""
    leg_end_m: float = 0.10
    """Height at which the trousers end, metres on the average body."""
    hem_m: float = 0.93
    """Height at which the shirt ends."""
    hair_volume_m: float = 0.018
    """Thickness of the hair; 0 is a shaved head."""
    looseness: float = 1.0
    """Thickness of cloth; 1 is about a centimetre, 0 is a tight suit."""
    barefoot: bool = False
    seed: int = 0
    """Of the small irregularities."""


def random_appearance(random: np.random.Generator) -> Appearance:
    """An appearance drawn from what people wear."""

    def cloth() -> Colour:
        grey, tint = random.uniform(0.05, 0.9), random.normal(0.0, 0.18, 3)
        return _colour(np.clip(grey + tint * random.choice([0.2, 1.0, 1.6]), 0.03, 0.97))

    skin = np.array(SKINS[random.integers(len(SKINS))]) * random.uniform(0.92, 1.05)
    return Appearance(
        skin=_colour(np.clip(skin + random.normal(0.0, 0.015, 3), 0.08, 0.97)),
        hair=HAIRS[random.integers(len(HAIRS))],
        eyes=_colour(random.uniform(0.12, 0.5, 3)),
        shirt=cloth(),
        shirt_second=cloth(),
        pattern=str(random.choice(["plain", "plain", "stripes", "checks", "print"])),
        trousers=cloth(),
        shoes=cloth(),
        sleeve=float(random.choice([0.15, 0.6, 0.6, 0.8, 1.4, 1.97])),
        leg_end_m=float(random.choice([0.08, 0.10, 0.10, 0.12, 0.3, 0.56])),
        hem_m=float(random.uniform(0.88, 1.0)),
        hair_volume_m=float(random.choice([0.0, 0.006, 0.015, 0.02, 0.03])),
        looseness=float(random.uniform(0.3, 1.6)),
        barefoot=bool(random.random() < 0.1),
        seed=int(random.integers(1 << 31)),
    )


def _colour(values: np.ndarray) -> Colour:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
