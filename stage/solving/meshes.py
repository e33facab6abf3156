"""The meshes that actors show: body shape, face identity, pose and expression in one skin."""

from __future__ import annotations

import torch

from stage.bodies.body import BodyModel
from stage.bodies.skinning import Skinner
from stage.faces.solver import FaceSolver
from stage.solving.skeleton import Skeleton
from stage.solving.whole_body import Posed


class Meshes:
    """Skins actors; what depends on shape and identity only is kept per actor.

    Args:
        body: The body model.
        skeleton: Of the solver.
        faces: Of the solver; None gives every actor the mean face at rest.
    """

    def __init__(self, body: BodyModel, skeleton: Skeleton, faces: FaceSolver | None) -> None:
        self._body = body
        self._skeleton = skeleton
        self._faces = faces
        self._skinners: dict[str, tuple[torch.Tensor, int, Skinner]] = {}

    def vertices(
        self, actor: str, shape: torch.Tensor, posed: Posed, at_ns: int, out: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(V, 3) float32 world, metres: an actor of a shape (S,) in a pose, with the face of a time."""
        rest_joints = self._skeleton.rest_joints(shape)
        translation = posed.joints - (posed.G @ rest_joints[..., None])[..., 0]
        shapes = None if self._faces is None else self._faces.shapes_at(actor, at_ns)
        return self._skinner(actor, shape).vertices(torch.cat([posed.G, translation[..., None]], -1), out, shapes)

    def forget(self) -> None:
        """Skin everybody anew: bodies and faces may be others."""
        self._skinners.clear()

    def _skinner(self, actor: str, shape: torch.Tensor) -> Skinner:
        """Of the actor's body and face as they are known now."""
        version = -1 if self._faces is None else self._faces.version(actor)
        worn = self._skinners.get(actor)
        if worn is None or worn[0] is not shape or worn[1] != version:
            identity = None if self._faces is None else self._faces.identity(actor)
            rest = self._body.rest_body(shape.cpu().numpy(), identity)
            worn = (shape, version, Skinner(self._body, rest.vertices, self._skeleton.device))
            self._skinners[actor] = worn
        return worn[2]
