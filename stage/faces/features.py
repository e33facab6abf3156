"""What one reading of a face says of its expression: points without the head's pose, size and place.

The 468 points are laid on a reference face by the rotation, scale and shift that fit the stable ones best (nose
bridge, eye corners, temples, forehead: what expressions hardly move). The eyes' points are finer but flat, so they
stay in the picture's plane, turned upright and scaled alike, about the middle of their corners; the left eye is
mirrored, so that both eyes mean the same by the same numbers and a mirrored face just swaps them. The rotation
stays as three numbers, because what the network sees depends on the side it looks from.

    describe(points, eyes) -> [468 x 3 | left eye 76 x 2 | right eye 76 x 2 | rotation 3 | log size | eyes seen]

Unit: the distance of the outer eye corners of the reference.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from protocols.messages import EYE_LANDMARK_COUNT, FACE_LANDMARK_COUNT
from protocols.names import ARKIT_SHAPES
from stage.networks.face import EYE_CORNERS

WEIGHTS = Path(__file__).with_name("regressor.npz")

POINTS = slice(0, FACE_LANDMARK_COUNT * 3)
EYES = slice(POINTS.stop, POINTS.stop + 2 * EYE_LANDMARK_COUNT * 2)
ROTATION = slice(EYES.stop, EYES.stop + 3)
SIZE = EYES.stop + 3
EYES_SEEN = EYES.stop + 4
FEATURE_COUNT = EYES.stop + 5

STABLE = (
    33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 127, 356, 234, 454, 162, 389, 21, 251, 10, 151, 109, 338, 67, 297,
    103, 332, 54, 284,
)  # fmt: skip
"""Indices of the points that expressions hardly move."""


@functools.cache
def reference_face() -> np.ndarray:
    """(468, 3) float64: the face that readings are laid on, centred on its stable points, unit as above."""
    with np.load(WEIGHTS, allow_pickle=False) as arrays:
        return arrays["reference"].astype(np.float64)


def describe(points: np.ndarray, eyes: np.ndarray | None) -> np.ndarray:
    """(FEATURE_COUNT,) float32 of one reading: points (468, 3) and eyes (2, 76, 2), image pixels."""
    return describe_all(points[None], None if eyes is None else eyes[None], reference_face())[0]


def describe_all(points: np.ndarray, eyes: np.ndarray | None, reference: np.ndarray) -> np.ndarray:
    """(N, FEATURE_COUNT) float32 of readings: points (N, 468, 3), eyes (N, 2, 76, 2), NaN or None where unread."""
    points = np.asarray(points, np.float64)
    stable = list(STABLE)
    middle = points[:, stable].mean(1, keepdims=True)
    centred = points - middle
    R, scale = rigid_fit(centred[:, stable], reference[stable])
    out = np.zeros((len(points), FEATURE_COUNT), np.float32)
    out[:, POINTS] = ((centred / scale[:, None, None]) @ R).reshape(len(points), -1)
    out[:, ROTATION] = _rotation_vectors(R)
    out[:, SIZE] = np.log(scale)
    if eyes is not None:
        seen = np.isfinite(eyes).all((1, 2, 3))
        out[seen, EYES] = _eyes(points[seen], np.asarray(eyes, np.float64)[seen], R[seen], scale[seen])
        out[seen, EYES_SEEN] = 1.0
    return out


def rigid_fit(points: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (N, 3, 3) and scales (N,) with points = scale * R reference, least squares (Umeyama 1991)."""
    H = np.einsum("npi,pj->nij", points, reference)
    U, S, Vt = np.linalg.svd(H)
    sign = np.sign(np.linalg.det(U @ Vt))
    U[:, :, 2] *= sign[:, None]
    S[:, 2] *= sign
    return U @ Vt, np.maximum(S.sum(1) / (reference**2).sum(), 1e-9)


def _eyes(points: np.ndarray, eyes: np.ndarray, R: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(N, 2 * 76 * 2): each eye about its corners' middle, upright, in units; the left one mirrored."""
    roll = np.arctan2(R[:, 1, 0], R[:, 0, 0])
    upright = np.stack([np.stack([np.cos(roll), -np.sin(roll)], -1), np.stack([np.sin(roll), np.cos(roll)], -1)], 1)
    middle = np.stack([points[:, list(corners), :2].mean(1) for corners in EYE_CORNERS], 1)
    out = (eyes - middle[:, :, None]) / scale[:, None, None, None] @ upright[:, None]
    out[:, 0, :, 0] *= -1.0
    return out.reshape(len(out), -1)


def _rotation_vectors(R: np.ndarray) -> np.ndarray:
    """(N, 3) axis times angle of rotations by less than half a turn."""
    axis = 0.5 * np.stack([R[:, 2, 1] - R[:, 1, 2], R[:, 0, 2] - R[:, 2, 0], R[:, 1, 0] - R[:, 0, 1]], 1)
    sine = np.linalg.norm(axis, axis=1)
    angle = np.arctan2(sine, 0.5 * (np.trace(R, axis1=1, axis2=2) - 1.0))
    return axis * (angle / np.maximum(sine, 1e-12))[:, None]


def mirror_of_points(reference: np.ndarray) -> np.ndarray:
    """(468,) the partner of each point on the other side of the face."""
    from scipy.optimize import linear_sum_assignment

    flipped = reference * np.array([-1.0, 1.0, 1.0])
    distance = ((flipped[:, None] - reference[None]) ** 2).sum(-1)
    return linear_sum_assignment(distance + distance.T)[1]


def mirror_of_shapes() -> np.ndarray:
    """(52,) the partner of each shape on the other side of the face."""
    swapped = [
        name.replace("Left", "\0").replace("Right", "Left").replace("\0", "Right") if name[-1] == "t" else name
        for name in ARKIT_SHAPES
    ]
    return np.array([ARKIT_SHAPES.index(name) for name in swapped])


def mirrored(features: np.ndarray, partners: np.ndarray) -> np.ndarray:
    """What the mirrored face would say: features (..., FEATURE_COUNT), partners of the points (468,)."""
    out = features.copy()
    points = features[..., POINTS].reshape(*features.shape[:-1], FACE_LANDMARK_COUNT, 3)[..., partners, :]
    out[..., POINTS] = (points * np.array([-1.0, 1.0, 1.0], np.float32)).reshape(*features.shape[:-1], -1)
    half = (EYES.stop - EYES.start) // 2
    out[..., EYES] = np.concatenate(
        [features[..., EYES.start + half : EYES.stop], features[..., EYES.start : EYES.start + half]], -1
    )
    out[..., ROTATION] = features[..., ROTATION] * np.array([1.0, -1.0, -1.0], np.float32)
    return out
