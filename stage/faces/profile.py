"""What a stage remembers of an actor's face: `face.npz` in the actor's folder, beside `body.toml`.

    version, model (of the body), network   what the numbers belong to
    identity (60,) float32                  coefficients of the face identity, as large as the mean
    log_size float32                        of the head against the mean
    neutral (D + 4,) float32                features at rest, and where the irises are at rest [m], NaN where unread

A profile is written once, when all of it is known, and never overwritten: a newer one moves the old aside as
`face-1.npz`, `face-2.npz` ...
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from stage.bodies.body import BodyModel
from stage.bodies.profile import BODY_MODEL, keep
from stage.correspondence.face_map import NETWORK
from stage.errors import BodyModelError
from stage.faces.features import FEATURE_COUNT

PROFILE_VERSION = 1
FILE_NAME = "face.npz"
NEUTRAL_COUNT = FEATURE_COUNT + 4
_LARGEST_IDENTITY = 20.0


class FaceProfile(NamedTuple):
    """A face that is known."""

    identity: np.ndarray
    """(I,)."""
    neutral: np.ndarray
    """(NEUTRAL_COUNT,) float32."""
    log_size: float = 0.0
    """The head's size against the mean head's."""


def load_face(folder: Path, body: BodyModel) -> FaceProfile | None:
    """The face kept in an actor's folder; None where there is none yet.

    Raises:
        BodyModelError: The file is damaged or of another body model or network.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return None
    again = "move it away to have the face measured again"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            of = (int(arrays["version"]), str(arrays["model"]), str(arrays["network"]))
            profile = FaceProfile(
                arrays["identity"].astype(np.float64), arrays["neutral"].astype(np.float32), float(arrays["log_size"])
            )
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise BodyModelError(f"{path} is damaged ({error}); {again}") from error
    sizes = (profile.identity.shape, profile.neutral.shape)
    if of != (PROFILE_VERSION, BODY_MODEL, NETWORK) or sizes != ((body.face_count,), (NEUTRAL_COUNT,)):
        raise BodyModelError(
            f"{path} is of version {of[0]}, body model {of[1]}, network {of[2]}, sizes {sizes}, "
            f"not of {PROFILE_VERSION}, {BODY_MODEL}, {NETWORK}, {((body.face_count,), (NEUTRAL_COUNT,))}; {again}"
        )
    sane = np.all(np.isfinite(profile.neutral[:FEATURE_COUNT])) and np.all(np.isfinite(profile.identity))
    if not sane or np.abs(profile.identity).max() > _LARGEST_IDENTITY or not abs(profile.log_size) < 1.0:
        raise BodyModelError(f"{path}: the numbers are not those of a face; {again}")
    return profile


def save_face(folder: Path, profile: FaceProfile) -> Path:
    """Keep a face; an older file is moved aside.

    Raises:
        BodyModelError: The folder cannot be written.
    """
    arrays = {
        "version": np.array(PROFILE_VERSION),
        "model": np.array(BODY_MODEL),
        "network": np.array(NETWORK),
        "identity": np.asarray(profile.identity, np.float32),
        "neutral": np.asarray(profile.neutral, np.float32),
        "log_size": np.float32(profile.log_size),
    }
    return keep(folder / FILE_NAME, lambda file: np.savez(file, allow_pickle=False, **arrays))
