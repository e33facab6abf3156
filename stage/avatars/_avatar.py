"""An avatar at rest: what one must know of a humanoid to move it.

A bone's local pose counts from its *parent node*, which may be no bone of the humanoid: the root of an armature, a
bone for twist. Such nodes do not move, they are carried by the nearest bone above. The pose of a bone in the model is

    T_model_bone  =  T_model_ancestor  T_ancestor_node  T_node_bone
                     the bone above    `between`        `offsets`, `rotations`

All in Unity's axes: left-handed, Y up, facing +Z, metres. At rest the model stands in the T-pose on y = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.names import HUMAN_BODY_BONES, RIG_BONES, RIG_PARENTS, UNITY_FROM_RIG

Floats = NDArray[np.floating]


def _human_parents() -> dict[str, str]:
    names = ["", *(UNITY_FROM_RIG[bone] for bone in RIG_BONES[1:])]
    parents = {names[index]: names[parent] for index, parent in enumerate(RIG_PARENTS) if index > 0}
    return {bone: parents.get(bone, "Head") for bone in HUMAN_BODY_BONES}


HUMAN_PARENTS = _human_parents()
"""Unity's humanoid: the bone above each bone where all 55 are there; "" above Hips."""


@dataclass(frozen=True, eq=False)
class Avatar:
    """A humanoid at rest; B bones, Hips first."""

    name: str
    """Of the file; "" is the built-in humanoid."""
    version: str
    """Of VRM: "0" or "1"; "" is the built-in humanoid."""
    bones: tuple[str, ...]
    """Those of Unity's HumanBodyBones that it has, in Unity's order."""
    ancestors: tuple[int, ...]
    """The nearest bone above each, as an index of `bones`; -1 above Hips."""
    offsets: Floats
    """(B, 3) local position: from the parent node."""
    rotations: Floats
    """(B, 4) local rotation xyzw, likewise."""
    between: Floats
    """(B, 4, 4) from the nearest bone above to the parent node; of Hips: from the model."""
    node_rotations: Floats
    """(B, 4) rotation of the parent node in the model."""
    world_rotations: Floats
    """(B, 4) rotation of the bone in the model."""
    world_positions: Floats
    """(B, 3) place of the bone in the model."""
    expressions: tuple[str, ...]
    """Names by which a receiver knows its expressions: presets as VMC spells them, and the avatar's own."""

    @property
    def hip_height(self) -> float:
        """How high the hips are above the floor, metres."""
        return float(self.world_positions[0, 1])

    def places(self, *bones: str) -> Floats:
        """(bones, 3) rest positions of these bones in the model; all of them must be there."""
        return self.world_positions[[self.bones.index(bone) for bone in bones]]
