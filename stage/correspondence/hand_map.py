"""What a hand network's 21 points mean on the body model.

Each is a fixed combination of a few vertices of the hand, learned from renders (`stage.correspondence.learn_hands`):
a joint inside of a finger comes out as a blend of the skin around it. Left and right are mirror images and share one
meaning. A point's usual error has two parts, one in metres (where people and renders differ) and one in pixels (what
a small picture cannot show). The network's depth is weaker evidence: it mistakes how the whole hand is tilted, but how
fingers stand out of the hand's plane, its relief, it knows to 10 to 20 mm. The learned table `<network>.npz` lies
beside this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from protocols.names import HAND_LANDMARKS
from stage.errors import NetworkError

PALM = tuple(
    i for i, name in enumerate(HAND_LANDMARKS) if name in ("wrist", "thumb_cmc") or (name[-3:] == "mcp" and i > 4)
)
"""Landmarks that are rigid with the hand bone: the wrist, the root of the thumb and the knuckles."""


@dataclass(frozen=True, eq=False)
class HandMap:
    """The 21 landmarks of a hand."""

    left_vertices: np.ndarray
    """(21, M) int32 indices into the mesh."""
    right_vertices: np.ndarray
    """(21, M) int32: their mirror images."""
    weights: np.ndarray
    """(21, M) float32, rows sum to 1; padded with zeros."""
    sigma_m: np.ndarray
    """(21,) float32: usual error per image axis, metres at the hand."""
    sigma_px: np.ndarray
    """(21,) float32: what a pixel of the picture adds to it, pixels."""
    depth_sigma_m: np.ndarray
    """(21,) float32: usual error of the network's relief, metres."""
    depth_scale: np.ndarray
    """(): the network's relief times this is that of the model."""

    def combination(self, side: str, vertex_count: int) -> np.ndarray:
        """(21, V): one side's landmarks as combinations of all vertices."""
        vertices = self.left_vertices if side == "left" else self.right_vertices
        rows = np.zeros((len(vertices), vertex_count))
        np.add.at(rows, (np.arange(len(vertices))[:, None], vertices), self.weights)
        return rows


def relief_filter(image: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(..., N, N) that takes depths of points to what they stand out of their common plane.

    Args:
        image: (..., N, 2) where the points are seen.
        weight: (..., N) how much each counts for the plane.
    """
    plane = np.ones((*image.shape[:-1], 3))
    off = image - image.mean(-2, keepdims=True)
    plane[..., 1:] = off / (np.abs(off).max((-2, -1), keepdims=True) + 1e-9)
    weighted = np.swapaxes(plane * (weight / (weight.max() + 1e-9))[..., None], -1, -2)
    inverse = np.linalg.inv(weighted @ plane + 1e-6 * np.eye(3))
    return np.eye(image.shape[-2]) - plane @ (inverse @ weighted)


def load_hand_map(network: str) -> HandMap:
    """The learned map of a network.

    Raises:
        NetworkError: No map was learned for this network.
    """
    path = Path(__file__).with_name(f"{network}.npz")
    if not path.exists():
        raise NetworkError(
            f"nobody has learned what the points of {network} mean; run python -m stage.correspondence.learn_hands"
        )
    with np.load(path, allow_pickle=False) as arrays:
        return HandMap(**{name: arrays[name] for name in HandMap.__dataclass_fields__})
