"""A face as a humanoid avatar wears it: expressions by name, turns of eyes and jaw and, without a body, of the head.

The rig has no bones for eyes and jaw. They turn about the head's own axes, the eyes by yaw first, then pitch. All of
the head is at rest in the T-pose, so its axes are the world's, and such a turn is a rotation from rest like any other
of the rig (`stage.outputs.humanoid`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from protocols.arrays import stacked
from protocols.errors import EncodeError
from protocols.messages import Face
from protocols.names import ARKIT_SHAPES, VRM0_PRESETS, VRM1_PRESETS
from stage.config import BlendCase, BlendSet
from stage.outputs.expressions import vrm_expressions
from stage.outputs.kept import Kept, Reckoned

JAW_OPEN_RADIANS = math.radians(20.0)
"""How far the bone Jaw turns for a JawOpen of 1, where it is to open: most mouths part wide at that."""

_NAMES: dict[BlendSet, tuple[str, ...]] = {"arkit": ARKIT_SHAPES, "vrm0": VRM0_PRESETS, "vrm1": VRM1_PRESETS}
_TOLERANCE = 0.1
_COUNT = len(ARKIT_SHAPES)

# An eye's rotation is (-cos sin, -sin sin, sin cos, cos cos) of half its yaw and half its pitch, in this order; in an
# array of sines, then cosines, of yaw and pitch of both eyes these factors are here:
_OF_YAW, _OF_PITCH = np.array([[4, 0, 0, 4, 6, 2, 2, 6], [1, 1, 5, 5, 3, 3, 7, 7]])
_SIGNS = np.array([-1.0, -1.0, 1.0, 1.0] * 2)
_JAW_OPEN = ARKIT_SHAPES.index("JawOpen")


def blend_names(chosen: BlendSet, case: BlendCase = "pascal") -> tuple[str, ...]:
    """The names of a set of expressions, as they are sent; the case is that of ARKit's."""
    names = _NAMES[chosen]
    return tuple(name[0].lower() + name[1:] for name in names) if chosen == "arkit" and case == "camel" else names


def face_shapes(face: Face) -> NDArray[np.floating]:
    """(52,) coefficients, limited to [0, 1]; others see the array too, it cannot be written to.

    Raises:
        DecodeError: An array of another size than `Face` states.
        EncodeError: A coefficient that is not finite.
    """
    if (shapes := _SHAPES(face.shapes)) is None:
        raise EncodeError("face with a shape that is not finite; not sent")
    return shapes


def face_head(face: Face) -> NDArray[np.floating]:
    """(4,) rotation of the head, of length 1; likewise.

    Raises:
        EncodeError: A quaternion far from length 1, or not finite.
    """
    if (head := _HEADS(face.head)) is None:
        raise EncodeError("face with a head that has no rotation; not sent")
    return head


def eye_turns(face: Face) -> NDArray[np.floating]:
    """(2, 4) rotations xyzw of the left and the right eye against the head, from looking straight ahead; likewise.

    At rest an eye looks along -Y; it turns by yaw about Z, then by pitch about -X.

    Raises:
        EncodeError: A direction that is not finite.
    """
    turns = _EYES(face.gaze)
    if turns is None:
        raise EncodeError("face with a gaze that is not finite; not sent")
    return turns


def jaw_turn(face: Face) -> tuple[float, float, float, float]:
    """Rotation xyzw of the jaw against the head, opened as far as JawOpen says; world axes.

    Raises:
        EncodeError: A shape that is not finite.
    """
    half = float(face_shapes(face)[_JAW_OPEN]) * JAW_OPEN_RADIANS / 2.0
    return math.sin(half), 0.0, 0.0, math.cos(half)


def announce_faces(faces: Iterable[Face]) -> None:
    """All these are about to be asked about."""
    faces = list(faces)
    _SHAPES.announce(face.shapes for face in faces)
    _HEADS.announce(face.head for face in faces)
    _EYES.announce(face.gaze for face in faces)


def _shapes(data: Sequence[bytes]) -> Reckoned:
    shapes = stacked(data, (_COUNT,))
    fit = np.logical_and.reduce(np.isfinite(shapes), 1)
    return np.minimum(np.maximum(shapes, np.float32(0.0)), np.float32(1.0)), fit


def _heads(data: Sequence[bytes]) -> Reckoned:
    heads = stacked(data, (4,)).astype(np.float64)
    squares = np.einsum("ni,ni->n", heads, heads)
    fit = np.abs(squares - 1.0) < _TOLERANCE  # written so that what is not a number fails too
    squares[~fit] = 1.0
    heads /= np.sqrt(squares)[:, None]
    return heads, fit


def _eyes(data: Sequence[bytes]) -> Reckoned:
    half = stacked(data, (4,)).astype(np.float64) / 2.0  # yaw and pitch of the left eye, then of the right one
    fit = np.logical_and.reduce(np.isfinite(half), 1)
    half[~fit] = 0.0
    waves = np.concatenate([np.sin(half), np.cos(half)], 1)
    turns = waves.take(_OF_YAW, 1) * waves.take(_OF_PITCH, 1) * _SIGNS
    return turns.reshape(-1, 2, 4), fit


_SHAPES = Kept(_shapes)
_HEADS = Kept(_heads)
_EYES = Kept(_eyes)


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

    def expressions(self, face: Face) -> NDArray[np.floating]:
        """The values of `names`, in [0, 1]; valid until the next call.

        Raises:
            ProtocolError: Numbers that must not be sent.
        """
        shapes = face_shapes(face)
        if self._derived:
            vrm_expressions(shapes, self._expressions)
        if len(self._parts) == 1:
            return self._expressions if self._derived else shapes
        for chosen, values in self._parts:
            values[:] = shapes if chosen == "arkit" else self._expressions
        return self._values
