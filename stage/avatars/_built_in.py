"""The built-in humanoid: all 55 bones, of the actor's own build.

Normalised, as VRM 0 wants it: no bone is turned in the T-pose. The rig has no eyes and no jaw; theirs lie where those
of a mean adult do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from protocols.axes import UNITY_FROM_WORLD
from protocols.names import HUMAN_BODY_BONES, RIG_BONES, UNITY_FROM_RIG
from stage.avatars._avatar import HUMAN_PARENTS, Avatar

EYES_FROM_HEAD = np.array([[0.031, -0.084, 0.043], [-0.031, -0.084, 0.043]])
"""(2, 3) metres, axes of the rest pose: centres of left and right eyeball of Anny's mean body, from the head bone."""

HEAD_FROM_NECK = np.array([0.0, -0.034, 0.101])
"""(3,) likewise, the head bone from the neck bone: where the head is while nobody has measured the body."""

JAW_FROM_HEAD = np.array([0.0, -0.012, 0.008])
"""(3,) likewise, the middle between the joints of the jaw, which lie before the ears."""

_RIG_FROM_UNITY = {unity: RIG_BONES.index(rig) for rig, unity in UNITY_FROM_RIG.items()}
_HEAD = RIG_BONES.index("head")
_ANCESTORS = tuple(
    HUMAN_BODY_BONES.index(parent) if (parent := HUMAN_PARENTS[bone]) else -1 for bone in HUMAN_BODY_BONES
)


def built_in(joints: NDArray[np.floating]) -> Avatar:
    """The humanoid of an actor.

    Args:
        joints: (53, 3) the actor's joints in the T-pose, standing on the floor; the stage's axes, metres.
    """
    head = joints[_HEAD]
    face = {"LeftEye": EYES_FROM_HEAD[0], "RightEye": EYES_FROM_HEAD[1], "Jaw": JAW_FROM_HEAD}
    places = UNITY_FROM_WORLD.positions(
        np.array([head + face[bone] if bone in face else joints[_RIG_FROM_UNITY[bone]] for bone in HUMAN_BODY_BONES])
    )
    count = len(HUMAN_BODY_BONES)
    identities = np.tile([0.0, 0.0, 0.0, 1.0], (count, 1))
    offsets = places - np.vstack([places, np.zeros(3)])[list(_ANCESTORS)]
    return Avatar(
        name="",
        version="",
        bones=HUMAN_BODY_BONES,
        ancestors=_ANCESTORS,
        offsets=offsets,
        rotations=identities,
        between=np.tile(np.eye(4), (count, 1, 1)),
        node_rotations=identities,
        world_rotations=identities,
        world_positions=places,
        expressions=(),
    )
