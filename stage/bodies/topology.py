"""What the mesh is made of, for whoever only draws it."""

from __future__ import annotations

import numpy as np

from stage.bodies import body


def mesh_faces() -> np.ndarray:
    """(F, 3) int32 triangles, counter-clockwise seen from outside.

    Raises:
        BodyModelError: The body model is not prepared.
    """
    return body.mesh_faces()
