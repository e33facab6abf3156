"""A first guess of what the 21 hand landmarks mean: the finger's joints, from bone heads and fingertips.

Everything is about the left hand; `hand_vertices` gives the right hand's in the same order.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

from protocols.names import HAND_LANDMARKS
from stage.bodies.body import BodyModel
from stage.bodies.hands import FINGERS, MIRROR, finger_bones

NEAREST = 10
_WRIST_SHARE = 0.3
_TIP_VERTICES = 6


def hand_vertices(body: BodyModel) -> dict[str, np.ndarray]:
    """Vertices (U,) of the left hand with the wrist, and of the right hand in the same order."""
    own = ("hand_l", *finger_bones("left"))
    bones = [i for i, name in enumerate(body.bones) if name in own]
    share = np.where(np.isin(body.skin_bones, bones), body.skin_weights, 0.0).sum(1)
    left = np.flatnonzero(share > _WRIST_SHARE)
    _, right = KDTree(body.mean_vertices).query(body.mean_vertices[left] * MIRROR)
    return {"left": left, "right": np.asarray(right)}


def rough_hand(body: BodyModel, used: np.ndarray) -> np.ndarray:
    """(21, U): landmarks as combinations of the left hand's vertices `used`, rows summing to 1."""
    vertices = body.mean_vertices[used].astype(np.float64)
    rows = np.zeros((len(HAND_LANDMARKS), len(used)))
    for row, place in zip(rows, landmark_places(body, used), strict=True):
        nearest = np.argsort(np.linalg.norm(vertices - place, axis=1))[:NEAREST]
        row[nearest] = 1.0 / NEAREST
    return rows


def landmark_places(body: BodyModel, used: np.ndarray) -> np.ndarray:
    """(21, 3): where joints and tips of the average left hand are at rest, metres."""

    def head(bone: str) -> np.ndarray:
        return body.mean_joints[body.bones.index(bone + "_l")].astype(np.float64)

    places = [head("hand")]
    for finger in FINGERS:
        chain = [head(f"{finger}_0{part}") for part in (1, 2, 3)]
        end = body.bones.index(f"{finger}_03_l")
        own = used[np.where(body.skin_bones[used] == end, body.skin_weights[used], 0.0).sum(1) > 0.5]
        along = chain[2] - chain[1]
        far = np.argsort(-(body.mean_vertices[own] @ along))[:_TIP_VERTICES]
        places += [*chain, body.mean_vertices[own[far]].mean(0).astype(np.float64)]
    return np.stack(places)
