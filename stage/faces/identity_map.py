"""Whose face it is, from what the network sees of it at rest.

The network's 468 points are biased, alike in neighbours and alike for like faces, so least squares of the model to
them finds hardly more than the mean face (rendered people: 2.2 mm from the mean face, 2.1 mm after it). What the
network says of known faces is learned instead (`python -m stage.faces.learn_identity`), by ridge regression:

    points at rest -> laid on the mean face by a similarity -> identity of that size (60,)

A picture does not tell how large a face is. That comes from the body's shape, and from two calibrated views where
there are (`SizeEstimate`). With G the least squares inverse of the identity basis, b the mean head and S the shapes,
the identity that makes a head of size s out of one of the mean's is

    c = s c_1 + (s - 1) G b - G S shape
"""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from stage.bodies.body import BodyModel
from stage.errors import NetworkError
from stage.faces.head_pose import R_CAMERA_FACING
from stage.faces.model import HEAD, FaceModel

WEIGHTS = Path(__file__).with_name("identity.npz")

SIZE_SD = 0.05
"""How much heads differ in size from what the body's shape says, relative."""
_VIEWS_SD, _VIEWS_FLOOR = 0.05, 0.01
"""Error of the size from one frameset, and of however many."""
_LARGEST_SCORE, _LARGEST = 2.5, 3.0
"""A real face differs from rendered ones in other ways than they do from each other; what is beyond the usual is no
news of its identity."""


class IdentityMap:
    """From a face at rest to its identity.

    Args:
        body: The body model.
        model: The linear model of the face's points.
        path: The learned weights.

    Raises:
        NetworkError: The weights are missing or damaged.
    """

    def __init__(self, body: BodyModel, model: FaceModel, path: Path = WEIGHTS) -> None:
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                self._middle = arrays["middle"].astype(np.float64)  # (1404,) usual points, less the reference
                self._components = arrays["components"].astype(np.float64)  # (K, 1404), of unit deviation
                self._weights = arrays["weights"].astype(np.float64)  # (I, K)
                self._offset = arrays["offset"].astype(np.float64)  # (I,)
                self._reference = arrays["reference"].astype(np.float64)  # (468, 3)
                self._stable = arrays["stable"].astype(np.int64)  # which of them readings are laid on
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise NetworkError(f"the face identity {path} cannot be read ({error}); install Stage again") from error
        self._mean_points, self._shape_points = model.mean, model.shape_basis
        head = np.flatnonzero(np.abs(body.face_basis).max((0, 2)) > 0)
        F = body.face_basis[:, head].astype(np.float64).reshape(body.face_count, -1)
        G = np.linalg.solve(F @ F.T + 1e-9 * np.eye(len(F)), F)
        base = body.mean_vertices[head] - body.mean_joints[HEAD]
        shapes = (body.vertex_basis[:, head] - body.joint_basis[:, HEAD, None]).reshape(body.shape_count, -1)
        self._grown, self._shaped = G @ base.reshape(-1), G @ shapes.T

    @property
    def count(self) -> int:
        """I."""
        return len(self._offset)

    def of_mean_size(self, points: np.ndarray) -> np.ndarray:
        """(I,) of a face at rest, as large as the mean; points (468, 3) in camera axes of any size and place."""
        away = (laid(points, self._reference, self._stable) - self._reference).reshape(-1) - self._middle
        scores = np.clip(self._components @ away, -_LARGEST_SCORE, _LARGEST_SCORE)
        return np.clip(self._weights @ scores + self._offset, -_LARGEST, _LARGEST)

    def worn(self, identity: np.ndarray, log_size: float, shape: np.ndarray) -> np.ndarray:
        """(I,) to add to a body of a shape (S,), so that its head is that of an identity (I,) and size."""
        size = np.exp(log_size)
        return np.asarray(size * identity + (size - 1.0) * self._grown - self._shaped @ shape)

    def log_size_of(self, shape: np.ndarray) -> float:
        """How large a body's shape (S,) lets expect its head, against the mean."""
        points = self._mean_points + np.tensordot(shape, self._shape_points, 1)
        spread = [np.linalg.norm(p - p.mean(0)) for p in (points[self._stable], self._mean_points[self._stable])]
        return float(np.log(spread[0] / spread[1]))


class SizeEstimate:
    """How much larger a head is than was expected, from framesets in which several calibrated cameras saw it."""

    def __init__(self) -> None:
        self._sum, self._weight = 0.0, 0.0

    def add(self, log_size: float) -> None:
        """What one frameset says, against the expected size."""
        self._sum += log_size / _VIEWS_SD**2
        self._weight += 1.0 / _VIEWS_SD**2

    @property
    def weight(self) -> float:
        """Of what has been seen; 0 before anything."""
        return self._weight

    @property
    def log_size(self) -> float:
        """The best so far, drawn to nothing by what is usual."""
        if self._weight == 0.0:
            return 0.0
        variance = 1.0 / self._weight + _VIEWS_FLOOR**2
        return self._sum / self._weight * SIZE_SD**2 / (SIZE_SD**2 + variance)


def laid(points: np.ndarray, reference: np.ndarray, stable: np.ndarray) -> np.ndarray:
    """Points (N, 3) in camera axes, laid on a reference (N, 3) in head axes by a similarity of the stable ones."""
    a = points @ R_CAMERA_FACING
    middle, to = a[stable].mean(0), reference[stable].mean(0)
    A, T = a[stable] - middle, reference[stable] - to
    U, S, Vt = np.linalg.svd(A.T @ T)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(U @ Vt))])
    size = float((S * sign).sum() / max((A**2).sum(), 1e-12))
    return size * (a - middle) @ (U * sign) @ Vt + to
