"""The 468 points of a face as a linear model.

In the axes of the rest pose, relative to the head bone's joint,

    P = M + shape . S + identity . F + coefficients . E                  (468, 3), metres

with the points' meaning on the mesh (`stage.correspondence.face_map`) applied to each basis of the body model.
Everything about a face that is fitted to points is linear least squares about this.
"""

from __future__ import annotations

import numpy as np

from protocols.names import ARKIT_SHAPES, RIG_BONES
from stage.bodies.body import BodyModel
from stage.correspondence.face_map import FaceMap

HEAD = RIG_BONES.index("head")
STABLE_COUNT = 200
"""Points that tell the head's pose: those that expressions move least for how well they are known."""

_USUAL_COEFFICIENT = 0.25
"""How strong a shape usually is; what the pose must expect of a point whose expression is not known well."""


class FaceModel:
    """The linear model of a face's points; P = 468, S shape coefficients, I of identity."""

    def __init__(self, body: BodyModel, face_map: FaceMap) -> None:
        self.mean = face_map.points(body.mean_vertices) - body.mean_joints[HEAD]
        """(P, 3)."""
        self.shape_basis = np.ascontiguousarray(face_map.points(body.vertex_basis) - body.joint_basis[:, HEAD, None])
        """(S, P, 3)."""
        self.identity_basis = np.ascontiguousarray(face_map.points(body.face_basis))
        """(I, P, 3)."""
        self.expression_basis = np.ascontiguousarray(face_map.points(body.facial_basis))
        """(52, P, 3), order of `ARKIT_SHAPES`."""
        self.sigma = face_map.sigma_m.astype(np.float64)
        """(P,) usual error of the network's points per axis, metres."""
        moved = np.linalg.norm(self.expression_basis, axis=2)
        self.doubt = np.sqrt(self.sigma**2 + (_USUAL_COEFFICIENT**2 * moved**2).mean(0))
        """(P,) the same with an expression that is not known, metres."""
        self.stable = np.sort(np.argsort(self.doubt, kind="stable")[:STABLE_COUNT])
        """(STABLE_COUNT,) the points to take the pose from."""

    def neutral(self, shape: np.ndarray, identity: np.ndarray) -> np.ndarray:
        """(P, 3) of a person's face at rest."""
        return self.mean + np.tensordot(shape, self.shape_basis, 1) + np.tensordot(identity, self.identity_basis, 1)

    def expression(self, coefficients: np.ndarray) -> np.ndarray:
        """(P, 3) that coefficients (52,) add to a face at rest."""
        assert coefficients.shape == (len(ARKIT_SHAPES),)
        return np.tensordot(coefficients, self.expression_basis, 1)
