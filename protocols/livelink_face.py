"""What the 61 values of Live Link Face mean, and how a stage writes the same.

The first 52 are ARKit's coefficients. The nine angles are radians. In ARKit's axes of a face (x to the subject's left,
y up, z out of the face) every rotation is taken apart as

    R = Rx(a) Ry(b) Rz(c)

    head   HeadYaw  =  b  positive to the subject's left     HeadPitch = -a  positive up
           HeadRoll =  c  positive to the subject's right shoulder
    eyes   EyeYaw   = -b  positive to the subject's right    EyePitch  =  a  positive down
           EyeRoll  =  c  follows from the others, for eyes are told without torsion: tan c = sin(yaw) tan(pitch)

Head and eyes do differ in sign. What is known, and how well:

* Eyes: yaw and pitch against the shapes EyeLook... of real takes. The law of the roll holds to the last digit in all
  5,692 frames of two takes, and says that an eye without torsion was taken apart in this order. (A recording of an
  older app holds another, the shortest turn: tan c/2 = tan yaw/2 tan pitch/2. The direction is told the same way.)
* HeadYaw: in a real recording of packets the eyes turn against the head while the subject looks at one place, as eyes
  do; their speeds agree at -0.95 once signs are as above. HeadPitch: the same recording, weakly.
* HeadRoll, and the order of the head's angles: not measured. They are those of the eyes, and of a public receiver whose
  other signs are those that were measured.

The stage's axes are those of the rest pose: x to the subject's left, -y out of the face, z up.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.livelink import VALUES
from protocols.names import ARKIT_SHAPES

_SHAPES = len(ARKIT_SHAPES)
_HEAD = _SHAPES
_UPRIGHT = 1.0 - 1e-9


class Angles(NamedTuple):
    """Three values of a packet, radians."""

    yaw: float
    pitch: float
    roll: float


class FaceValues(NamedTuple):
    """A packet's values in the stage's terms."""

    shapes: NDArray[np.float32]
    """(52,): in [0, 1]."""
    head: NDArray[np.float32]
    """(4,) xyzw: how the head is turned, in the axes of the rest pose."""
    gaze: NDArray[np.float32]
    """(2, 2) radians: left eye, right eye; yaw to the subject's left and pitch up, against the head."""


def write_face(
    shapes: NDArray[np.floating], head: NDArray[np.floating], gaze: NDArray[np.floating]
) -> NDArray[np.float32]:
    """The 61 values of a face, (61,).

    Args:
        shapes: (52,), in [0, 1].
        head: (4,) xyzw of length 1, axes of the rest pose.
        gaze: (2, 2) radians, as `FaceValues.gaze`.
    """
    values = np.empty(len(VALUES), np.float32)
    values[:_SHAPES] = shapes
    left, right = gaze.tolist()
    values[_HEAD:] = (*head_angles(head), *eye_angles(*left), *eye_angles(*right))
    return values


def read_face(values: NDArray[np.floating]) -> FaceValues:
    """What (61,) finite values say; shapes are limited to [0, 1], angles may be any."""
    angles = values[_HEAD:].astype(np.float64).tolist()
    head = head_rotation(Angles(*angles[:3]))
    gaze = [gaze_of(yaw, pitch) for yaw, pitch in (angles[3:5], angles[6:8])]
    shapes = np.clip(values[:_SHAPES], 0.0, 1.0).astype(np.float32)
    return FaceValues(shapes, np.array(head, np.float32), np.array(gaze, np.float32))


def head_angles(head: NDArray[np.floating]) -> Angles:
    """The head's angles of a rotation (4,) xyzw of length 1, axes of the rest pose."""
    x, z, y, w = head.tolist()
    z = -z  # now in ARKit's axes
    sine = 2.0 * (x * z + w * y)
    if abs(sine) > _UPRIGHT:  # looking along an ear: only a + c or a - c is told
        return Angles(math.copysign(math.pi / 2.0, sine), -2.0 * math.atan2(x, w), 0.0)
    b = math.asin(sine)
    a = math.atan2(2.0 * (w * x - y * z), 1.0 - 2.0 * (x * x + y * y))
    c = math.atan2(2.0 * (w * z - x * y), 1.0 - 2.0 * (y * y + z * z))
    return Angles(b, -a, c)


def head_rotation(angles: Angles) -> tuple[float, float, float, float]:
    """The rotation xyzw, axes of the rest pose, of the head's angles."""
    sa, sb, sc = (math.sin(angle / 2.0) for angle in (-angles.pitch, angles.yaw, angles.roll))
    ca, cb, cc = (math.cos(angle / 2.0) for angle in (angles.pitch, angles.yaw, angles.roll))
    x = sa * cb * cc + ca * sb * sc
    y = ca * sb * cc - sa * cb * sc
    z = ca * cb * sc + sa * sb * cc
    return x, -z, y, ca * cb * cc - sa * sb * sc


def eye_angles(yaw: float, pitch: float) -> Angles:
    """An eye's angles, of a gaze `yaw` to the subject's left and `pitch` up."""
    level = math.cos(pitch)
    x, y, z = math.sin(yaw) * level, math.sin(pitch), math.cos(yaw) * level
    return Angles(-math.asin(x), math.atan2(-y, z), math.atan2(x * y, z))


def gaze_of(yaw: float, pitch: float) -> tuple[float, float]:
    """The gaze, to the subject's left and up, of an eye's yaw and pitch; its roll does not move it."""
    x, y, z = -math.sin(yaw), -math.sin(pitch) * math.cos(yaw), math.cos(pitch) * math.cos(yaw)
    return math.atan2(x, z), math.asin(max(-1.0, min(1.0, y)))
