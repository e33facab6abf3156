"""What the 468 points of a face mean on the body model.

Each is a fixed combination of a few vertices of the skin, learned from renders (see
`stage.correspondence.face_learn`), with its usual error. The table `mediapipe-face.npz` lies beside this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stage.errors import NetworkError

NETWORK = "mediapipe-face"


@dataclass(frozen=True, eq=False)
class FaceMap:
    """P points of a face."""

    vertices: np.ndarray
    """(P, M) int32 indices into the mesh."""
    weights: np.ndarray
    """(P, M) float32, rows sum to 1; padded with zeros."""
    sigma_m: np.ndarray
    """(P,) float32: usual error per axis, metres at the face."""

    def points(self, vertices: np.ndarray) -> np.ndarray:
        """The points (..., P, 3) of meshes (..., V, 3), or of any basis of meshes."""
        return np.einsum("...pmi,pm->...pi", vertices[..., self.vertices, :], self.weights, dtype=np.float64)


def load_face_map(network: str = NETWORK) -> FaceMap:
    """The learned map.

    Raises:
        NetworkError: No map was learned for this network, or the file is damaged.
    """
    path = Path(__file__).with_name(f"{network}.npz")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return FaceMap(**{name: arrays[name] for name in FaceMap.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NetworkError(f"no face map for the network {network!r}: {error}; learn one first") from error
