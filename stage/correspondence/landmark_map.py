"""What a landmark network's 33 points mean on the body model.

The points are not anatomical joints. Each is a fixed combination of a few vertices of the mesh, learned from
renders (see `stage.correspondence.learn`); what remains is a usual bias and error that depend on the direction
from which the body is seen, in metres at the body: right and up in an image that is turned so that the body
stands upright. The learned table `<network>.npz` lies beside this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stage.errors import NetworkError


@dataclass(frozen=True, eq=False)
class LandmarkMap:
    """L landmarks, A azimuth bins; azimuth 0 sees the body's front, 90 degrees its left side."""

    vertices: np.ndarray
    """(L, M) int32 indices into the mesh."""
    weights: np.ndarray
    """(L, M) float32, rows sum to 1; padded with zeros."""
    bias_m: np.ndarray
    """(L, A, 2) float32: network minus model, metres right and up."""
    sigma_m: np.ndarray
    """(L, A) float32: usual error per axis, metres."""

    def combination(self, vertex_count: int) -> np.ndarray:
        """(L, V): the landmarks as combinations of all vertices."""
        rows = np.zeros((len(self.vertices), vertex_count))
        np.add.at(rows, (np.arange(len(self.vertices))[:, None], self.vertices), self.weights)
        return rows

    def seen_from(self, azimuth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bias (C, L, 2) and error (C, L) for azimuths (C,), radians, interpolated between bins."""
        bins = self.bias_m.shape[1]
        place = np.mod(azimuth / (2.0 * np.pi) * bins, bins)
        low = np.floor(place).astype(np.int64) % bins
        share = (place - np.floor(place))[:, None]
        high = (low + 1) % bins
        mixed_bias = (1.0 - share)[..., None] * self.bias_m[:, low].swapaxes(0, 1) + share[..., None] * self.bias_m[
            :, high
        ].swapaxes(0, 1)
        mixed_sigma = (1.0 - share) * self.sigma_m[:, low].T + share * self.sigma_m[:, high].T
        return mixed_bias, mixed_sigma


def load_landmark_map(network: str) -> LandmarkMap:
    """The learned map of a network.

    Raises:
        NetworkError: No map was learned for this network.
    """
    path = Path(__file__).with_name(f"{network}.npz")
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.npz"))) or "none"
        raise NetworkError(f"no landmark map for the network {network!r} (there are: {known}); learn one first")
    with np.load(path, allow_pickle=False) as arrays:
        return LandmarkMap(**{name: arrays[name] for name in LandmarkMap.__dataclass_fields__})
