"""The rest body of an actor in a take: what a mesh hangs on.

A motion tells where the bones are at rest; that is law. What the flesh around them is comes from the profile that the
take carries. Rest joints are linear in the shape, so without a profile a shape that has them is found by least squares;
then the face is that of the shape.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.errors import TakeError
from protocols.takefile import TakeReader
from stage.bodies.body import BodyModel, load_body
from stage.bodies.profile import load_shape
from stage.takes.contents import unpack
from stage.takes.motion import Motion

_SAME_M = 1e-3
"""Rest joints of a profile that are further away belong to another measurement of the body."""
_RIDGE = 1e-7
"""Metres squared per unit squared: keeps a shape that the joints leave open usual."""


class WornBody(NamedTuple):
    """A rest body, and where it comes from."""

    model: BodyModel
    vertices: NDArray[np.floating]
    """(V, 3) metres."""
    joints: NDArray[np.floating]
    """(53, 3) of the shape; a motion's own may differ by rounding."""
    shape: NDArray[np.floating]
    """(S,)."""
    face_identity: NDArray[np.floating] | None
    """(I,)."""
    from_profile: bool
    warning: str
    """What an operator should know of it; "" when all is known."""


def worn_body(motion: Motion, takes: Sequence[TakeReader]) -> WornBody:
    """The rest body of a motion.

    Args:
        motion: Of one actor.
        takes: Where profiles are looked for; the first that has one of the actor counts.

    Raises:
        BodyModelError: The body model is not prepared, or a profile is damaged.
    """
    model = load_body()
    joints = motion.rest_joints.astype(np.float64) if len(motion.capture_ns) else None
    kept = next((found for take in takes if (found := _kept(motion.actor, take, model)) is not None), None)
    shape, identity = (None, None) if kept is None else kept
    warning = ""
    if joints is None:
        from_profile, shape = shape is not None, np.zeros(model.shape_count) if shape is None else shape
        warning = "" if from_profile else "no body profile in the take: the mesh is that of the mean body"
    else:
        away = np.inf if shape is None else _apart(model, shape, joints)
        from_profile = away <= _SAME_M
        if shape is None or not from_profile:
            why = "no body profile in the take" if shape is None else f"its profile is {away * 1e3:.0f} mm away"
            shape = _fitted(model, joints)
            left = _apart(model, shape, joints)
            warning = f"{why}: the mesh is fitted to the skeleton (to {left * 1e3:.1f} mm)"
    if identity is None:
        worn = None
        warning = "; ".join(filter(None, (warning, "no face profile in the take: the face is that of the body shape")))
    else:
        worn = identity(shape)
    rest = model.rest_body(shape, worn)
    return WornBody(model, rest.vertices, rest.joints.astype(np.float64), shape, worn, from_profile, warning)


def _kept(actor: str, take: TakeReader, model: BodyModel):
    """Shape and what gives the face identity on a shape, each None where it is not there; None without either."""
    from stage.correspondence.face_map import load_face_map
    from stage.faces.identity_map import IdentityMap
    from stage.faces.model import FaceModel
    from stage.faces.profile import load_face

    with tempfile.TemporaryDirectory(prefix="stage-body-") as name:
        folder = Path(name)
        try:
            config = unpack(take, folder)
        except TakeError:
            return None
        profile = next((Path(entry.profile) for entry in config.actors if entry.id == actor), None)
        if profile is None:
            return None
        shape, face = load_shape(profile, model), load_face(profile, model)
    if shape is None and face is None:
        return None
    if face is None:
        return shape, None
    identities = IdentityMap(model, FaceModel(model, load_face_map()))
    return shape, lambda shape: identities.worn(face.identity, face.log_size, shape)


def _apart(model: BodyModel, shape: NDArray[np.floating], joints: NDArray[np.floating]) -> float:
    """The largest distance [m] between a shape's rest joints and these."""
    own = model.mean_joints + np.tensordot(shape, model.joint_basis.astype(np.float64), 1)
    return float(np.linalg.norm(own - joints, axis=1).max())


def _fitted(model: BodyModel, joints: NDArray[np.floating]) -> NDArray[np.floating]:
    rows = model.joint_basis.astype(np.float64).reshape(model.shape_count, -1)
    seen = (joints - model.mean_joints).reshape(-1)
    return np.linalg.solve(rows @ rows.T + _RIDGE * np.eye(len(rows)), rows @ seen)
