"""What a stage remembers of an actor's body: `body.toml` in the actor's folder.

    version = 1
    model = "anny-0.6.2"
    height_m = 1.74
    shape = [0.31, -0.12, ...]

A profile is written once, when the shape is final, and never overwritten: a newer one moves the old aside as
`body-1.toml`, `body-2.toml` ...
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np

from stage.bodies.body import BodyModel
from stage.errors import BodyModelError

PROFILE_VERSION = 1
BODY_MODEL = "anny-0.6.2"
FILE_NAME = "body.toml"


class BodyProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of `body.toml`."""

    version: int
    model: str
    height_m: float
    """Standing height of the rest body; for the reader, the shape decides."""
    shape: list[float]


def load_shape(folder: Path, body: BodyModel) -> np.ndarray | None:
    """The shape (S,) kept in an actor's folder; None where there is none yet.

    Raises:
        BodyModelError: The file is damaged or of another body model.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return None
    try:
        profile = msgspec.toml.decode(path.read_bytes(), type=BodyProfile)
    except (OSError, ValueError) as error:
        raise BodyModelError(f"{path}: {error}; mend it, or move it away to have the shape estimated again") from error
    if profile.version != PROFILE_VERSION or profile.model != BODY_MODEL or len(profile.shape) != body.shape_count:
        raise BodyModelError(
            f"{path} is of body model {profile.model}, version {profile.version}, "
            f"with {len(profile.shape)} coefficients, "
            f"not of {BODY_MODEL}, version {PROFILE_VERSION}, with {body.shape_count}; "
            "move it away to have the shape estimated again"
        )
    shape = np.array(profile.shape)
    if not np.all(np.isfinite(shape)) or np.abs(shape).max() > 20.0:
        raise BodyModelError(f"{path}: the shape is not that of a body; move it away to have it estimated again")
    return shape


def save_shape(folder: Path, body: BodyModel, shape: np.ndarray) -> Path:
    """Keep a final shape; an older file is moved aside.

    Raises:
        BodyModelError: The folder cannot be written.
    """
    height = float(body.rest_body(shape).vertices[:, 2].max())
    coefficients = ", ".join(f"{coefficient:.5f}" for coefficient in shape)
    text = f'version = {PROFILE_VERSION}\nmodel = "{BODY_MODEL}"\nheight_m = {height:.4f}\nshape = [{coefficients}]\n'
    return keep(folder / FILE_NAME, lambda file: file.write(text.encode()))


def keep(path: Path, write: Callable[[BinaryIO], object]) -> Path:
    """Write a file of a profile, whole or not at all; an older one is moved aside, as `body-1.toml` and so on.

    Raises:
        BodyModelError: The folder cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            write(file)
        if path.exists():
            path.rename(_free_name(path))
        unfinished.rename(path)
    except OSError as error:
        raise BodyModelError(f"the profile {path} cannot be written: {error.strerror}") from error
    return path


def _free_name(path: Path) -> Path:
    number = 1
    while (aside := path.with_stem(f"{path.stem}-{number}")).exists():
        number += 1
    return aside
