"""A face as a humanoid avatar wears it: expressions by name, turns of eyes and jaw and, without a body, of the head.

The rig has no bones for eyes and jaw. They turn about the head's own axes, the eyes by yaw first, then pitch. All of
the head is at rest in the T-pose, so its axes are the world's, and such a turn is a rotation from rest like any other
of the rig (`stage.outputs.humanoid`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from protocols.arrays import from_bytes
from protocols.errors import EncodeError
from protocols.messages import Face
from protocols.names import ARKIT_SHAPES, VRM0_PRESETS, VRM1_PRESETS
from stage.config import BlendCase, BlendSet
from stage.outputs.expressions import vrm_expressions

JAW_OPEN_RADIANS = math.radians(20.0)
"""How far the bone Jaw turns for a JawOpen of 1, where it is to open: most mouths part wide at that."""

_NAMES: dict[BlendSet, tuple[str, ...]] = {"arkit": ARKIT_SHAPES, "vrm0": VRM0_PRESETS, "vrm1": VRM1_PRESETS}
_KEPT = 16  # every output of an actor asks for the same
_TOLERANCE = 0.1
_COUNT = len(ARKIT_SHAPES)
_JAW_OPEN = ARKIT_SHAPES.index("JawOpen")


def blend_names(chosen: BlendSet, case: BlendCase = "pascal") -> tuple[str, ...]:
    """The names of a set of expressions, as they are sent; the case is that of ARKit's."""
    names = _NAMES[chosen]
    return tuple(name[0].lower() + name[1:] for name in names) if chosen == "arkit" and case == "camel" else names


def face_shapes(face: Face) -> NDArray[np.float32]:
    """(52,) coefficients, limited to [0, 1]; others see the array too, it cannot be written to.

    Raises:
        DecodeError: An array of another size than `Face` states.
        EncodeError: A coefficient that is not finite.
    """
    return _shapes(face.shapes)


def face_head(face: Face) -> NDArray[np.float64]:
    """(4,) rotation of the head, of length 1; likewise.

    Raises:
        EncodeError: A quaternion far from length 1, or not finite.
    """
    return _head(face.head)


def eye_turns(face: Face) -> list[tuple[float, float, float, float]]:
    """Rotations xyzw of the left and the right eye against the head, from looking straight ahead; world axes.

    Raises:
        EncodeError: A direction that is not finite.
    """
    gaze = from_bytes(face.gaze, (2, 2))
    if not math.isfinite(float(gaze.sum())):
        raise EncodeError("face with a gaze that is not finite; not sent")
    return [_eye_turn(yaw, pitch) for yaw, pitch in gaze.tolist()]


def jaw_turn(face: Face) -> tuple[float, float, float, float]:
    """Rotation xyzw of the jaw against the head, opened as far as JawOpen says; world axes.

    Raises:
        EncodeError: A shape that is not finite.
    """
    half = float(face_shapes(face)[_JAW_OPEN]) * JAW_OPEN_RADIANS / 2.0
    return math.sin(half), 0.0, 0.0, math.cos(half)


@lru_cache(_KEPT)
def _shapes(data: bytes) -> NDArray[np.float32]:
    shapes = from_bytes(data, (_COUNT,))
    if not math.isfinite(float(shapes.sum())):
        raise EncodeError("face with a shape that is not finite; not sent")
    limited = np.minimum(np.maximum(shapes, np.float32(0.0)), np.float32(1.0))
    limited.flags.writeable = False
    return limited


@lru_cache(_KEPT)
def _head(data: bytes) -> NDArray[np.float64]:
    head = from_bytes(data, (4,)).astype(np.float64)
    square = float(head @ head)
    if not abs(square - 1.0) < _TOLERANCE:
        raise EncodeError("face with a head that has no rotation; not sent")
    head /= math.sqrt(square)
    head.flags.writeable = False
    return head


class AvatarFace:
    """Turns the faces of one actor into the expressions that VMC sends of them."""

    def __init__(self, sets: Sequence[BlendSet], case: BlendCase = "pascal") -> None:
        """Lay out the names of these sets, in this order."""
        self.names = tuple(name for chosen in sets for name in blend_names(chosen, case))
        """Of the expressions."""
        self._values = np.zeros(len(self.names), np.float32)
        self._parts: list[tuple[BlendSet, NDArray[np.float32]]] = []
        begin = 0
        for chosen in sets:
            end = begin + len(blend_names(chosen))
            self._parts.append((chosen, self._values[begin:end]))
            begin = end
        self._expressions = np.zeros(len(VRM0_PRESETS), np.float32)
        self._derived = any(chosen != "arkit" for chosen in sets)

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


def _eye_turn(yaw: float, pitch: float) -> tuple[float, float, float, float]:
    """Rotation of an eye that looks `yaw` to the performer's left and `pitch` up, radians: about Z, then about -X.

    At rest it looks along -Y, with the performer's left at +X and Z up.
    """
    sin_yaw, cos_yaw = math.sin(yaw / 2.0), math.cos(yaw / 2.0)
    sin_pitch, cos_pitch = math.sin(-pitch / 2.0), math.cos(pitch / 2.0)
    return cos_yaw * sin_pitch, sin_yaw * sin_pitch, sin_yaw * cos_pitch, cos_yaw * cos_pitch
