"""A face as a humanoid avatar wears it: expressions by name, two eye bones and, without a body, the head.

The rig has no bones for the eyes. Theirs lie between the lids of a mean adult, seen from the head bone, and turn about
the head's own axes: yaw first, then pitch. All of the head is at rest in the T-pose, so its axes are the world's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from protocols.arrays import from_bytes
from protocols.axes import UNITY_FROM_WORLD
from protocols.errors import EncodeError
from protocols.messages import Face
from protocols.names import ARKIT_SHAPES, VRM0_PRESETS, VRM1_PRESETS
from stage.config import BlendSet
from stage.outputs.expressions import vrm_expressions

EYE_BONES = ("LeftEye", "RightEye")
HEAD_BONES = ("Head", *EYE_BONES)
"""What a face alone moves."""

EYES_FROM_HEAD = np.array([[0.031, -0.084, 0.043], [-0.031, -0.084, 0.043]])
"""(2, 3) metres, axes of the rest pose: centres of left and right eyeball of Anny's mean body, from the head bone."""

HEAD_FROM_NECK = np.array([0.0, -0.034, 0.101])
"""(3,) likewise, the head bone from the neck bone: where the head is while nobody has measured the body."""

BLEND_NAMES: dict[BlendSet, tuple[str, ...]] = {"arkit": ARKIT_SHAPES, "vrm0": VRM0_PRESETS, "vrm1": VRM1_PRESETS}
"""The names of each set of expressions, as they are sent."""

_TOLERANCE = 0.1
_COUNT = len(ARKIT_SHAPES)


def face_shapes(face: Face) -> NDArray[np.float32]:
    """(52,) coefficients, limited to [0, 1].

    Raises:
        DecodeError: An array of another size than `Face` states.
        EncodeError: A coefficient that is not finite.
    """
    shapes = from_bytes(face.shapes, (_COUNT,))
    if not math.isfinite(float(shapes.sum())):
        raise EncodeError("face with a shape that is not finite; not sent")
    return np.minimum(np.maximum(shapes, np.float32(0.0)), np.float32(1.0))


def face_head(face: Face) -> NDArray[np.float64]:
    """(4,) rotation of the head, of length 1.

    Raises:
        EncodeError: A quaternion far from length 1, or not finite.
    """
    head = from_bytes(face.head, (4,)).astype(np.float64)
    square = float(head @ head)
    if not abs(square - 1.0) < _TOLERANCE:
        raise EncodeError("face with a head that has no rotation; not sent")
    return head / math.sqrt(square)


class AvatarFace:
    """Turns the faces of one actor into what VMC sends of them."""

    def __init__(self, sets: Sequence[BlendSet]) -> None:
        """Lay out the names of these sets, in this order."""
        self.names = tuple(name for chosen in sets for name in BLEND_NAMES[chosen])
        """Of the expressions."""
        self._values = np.zeros(len(self.names), np.float32)
        self._parts: list[tuple[BlendSet, NDArray[np.float32]]] = []
        begin = 0
        for chosen in sets:
            end = begin + len(BLEND_NAMES[chosen])
            self._parts.append((chosen, self._values[begin:end]))
            begin = end
        self._expressions = np.zeros(len(VRM0_PRESETS), np.float32)
        self._derived = any(chosen != "arkit" for chosen in sets)
        self._bones = np.zeros((len(HEAD_BONES), 7), np.float32)
        self._bones[0, :3] = UNITY_FROM_WORLD.positions(HEAD_FROM_NECK)
        self._bones[1:, :3] = UNITY_FROM_WORLD.positions(EYES_FROM_HEAD)

    def expressions(self, face: Face) -> NDArray[np.float32]:
        """The values of `names`, in [0, 1]; valid until the next call.

        Raises:
            ProtocolError: Numbers that must not be sent.
        """
        shapes = face_shapes(face)
        if self._derived:
            vrm_expressions(shapes, self._expressions)
        for chosen, values in self._parts:
            values[:] = shapes if chosen == "arkit" else self._expressions
        return self._values

    def eyes(self, face: Face) -> NDArray[np.float32]:
        """(2, 7) local poses of `EYE_BONES`, Unity axes; valid until the next call.

        Raises:
            EncodeError: A direction that is not finite.
        """
        if not math.isfinite(float(from_bytes(face.gaze, (4,)).sum())):
            raise EncodeError("face with a gaze that is not finite; not sent")
        for row, (yaw, pitch) in enumerate(from_bytes(face.gaze, (2, 2)).tolist(), start=1):
            self._bones[row, 3:] = _eye_rotation(yaw, pitch)
        return self._bones[1:]

    def head_and_eyes(self, face: Face) -> NDArray[np.float32]:
        """(3, 7) local poses of `HEAD_BONES`, likewise; the head takes all of the face's turn.

        Raises:
            EncodeError: The head has no rotation.
        """
        self.eyes(face)
        self._bones[0, 3:] = UNITY_FROM_WORLD.rotations(face_head(face))
        return self._bones


def _eye_rotation(yaw: float, pitch: float) -> tuple[float, float, float, float]:
    """Unity's rotation of an eye that looks `yaw` to the performer's left and `pitch` up, radians.

    In Unity's axes (left-handed, Y up, facing +Z) a positive turn about Y is to the right and one about X is down.
    """
    sin_yaw, cos_yaw = math.sin(-yaw / 2.0), math.cos(yaw / 2.0)
    sin_pitch, cos_pitch = math.sin(-pitch / 2.0), math.cos(pitch / 2.0)
    return cos_yaw * sin_pitch, sin_yaw * cos_pitch, -sin_yaw * sin_pitch, cos_yaw * cos_pitch
