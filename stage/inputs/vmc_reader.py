"""VMC packets of another performer or assistant: a face tracker, gloves, another solver.

Messages are gathered until a frame is complete:

    bones   at OK or T; at Apply from senders that have sent neither yet; or when a bone comes again
    face    at Apply, or at OK and T from senders without it

As every VMC receiver does, it keeps what it has heard: a datagram that is lost leaves a few bones as they were a frame
before. A bone that has not come for a quarter of a second is not given any more. Several senders may share a
port (one of the face, one of the fingers); each has a frame of its own.

Faces are understood by ARKit's names, in any case and with Apple's "_L", and by those of VRM 0 and 1. Senders that
send both mean the same face twice; ARKit's then count. Gaze is that of the bones LeftEye and RightEye, else what the
shapes EyeLook... say.
"""

from __future__ import annotations

import math
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from protocols import osc, vmc
from protocols.arrays import to_bytes
from protocols.axes import UNITY_FROM_WORLD
from protocols.names import ARKIT_SHAPES, HUMAN_BODY_BONES, VRM0_PRESETS
from stage.config import VmcInputSection
from stage.faces.looks import look_directions
from stage.inputs.arkit_from_vrm import VRM_NAMES, arkit_from_vrm
from stage.inputs.parts import EYE_BONES, bones_of
from stage.inputs.reader import External, InputReader, Source
from stage.outputs.quaternions import IDENTITY, multiply, normalised, rotate

MOST_SENDERS = 8
HELD_NS = 250_000_000
"""A bone that has not come for so long is not given any more."""

_POSE_FLOATS = 7
_FARTHEST_M = 1000.0
_LENGTH_TOLERANCE = 0.1
_ENOUGH_ARKIT = 10
"""A sender of that many of ARKit's shapes means those; the VRM expressions beside them are the same face again."""

_SHAPE_INDEX = {name.lower(): index for index, name in enumerate(ARKIT_SHAPES)}
_SIDE_ENDS = {"_l": "left", "_r": "right"}
_HEAD_BONES = ("Neck", "Head")

_Pose = tuple[float, ...]  # position, rotation of length 1 or nearly so


class _Sender:
    """What one sender has said."""

    def __init__(self) -> None:
        self.poses: dict[str, tuple[int, _Pose]] = {}
        """Per bone, when it came and its pose."""
        self.root: _Pose | None = None
        self.pending: set[str] = set()
        """Bones of the frame that is being gathered."""
        self.eyes_pending = False
        self.shapes = np.zeros(len(ARKIT_SHAPES), np.float32)
        self.shapes_heard: set[int] = set()
        self.presets = np.zeros(len(VRM0_PRESETS), np.float32)
        self.presets_heard = False
        self.face_pending = False
        self.closes = self.applies = False
        """Whether it sends OK or T, and Apply."""


class VmcReader(InputReader):
    """Reads one VMC input."""

    def __init__(self, section: VmcInputSection) -> None:
        super().__init__(section)
        self._take = frozenset(section.take)
        self._bones_taken = bones_of(section.take)
        wanted = set(self._bones_taken)
        if "eyes" in self._take:
            wanted.update(EYE_BONES)
        self._wanted = frozenset(wanted)
        self._face_taken = bool(self._take & {"face", "eyes"})
        self._senders: OrderedDict[Source, _Sender] = OrderedDict()

    @property
    def fact(self) -> str:
        """Who sends, and what of a face."""
        said = []
        for (host, port), sender in self._senders.items():
            face = ""
            if self._face_taken and len(sender.shapes_heard) > 0:
                face = f", {len(sender.shapes_heard)} of ARKit's shapes"
            elif self._face_taken and sender.presets_heard:
                face = ", expressions of VRM"
            said.append(f"{host}:{port}{face}")
        return "; ".join(said)

    def _read(self, datagram: bytes, source: Source, arrival_ns: int) -> list[External]:
        try:
            packet = osc.parse(datagram)
        except osc.OscError:
            self.counters["no OSC"] += 1
            return []
        sender = self._senders.get(source)
        if sender is None:
            sender = self._senders[source] = _Sender()
            if len(self._senders) > MOST_SENDERS:
                self._senders.popitem(last=False)
        self._senders.move_to_end(source)
        out: list[External] = []
        for message in osc.messages(packet):
            self._message(message, sender, arrival_ns, out)
        return out

    def _message(self, message: osc.Message, sender: _Sender, arrival_ns: int, out: list[External]) -> None:
        address = message.address
        if address == vmc.BONE:
            self._bone(message, sender, arrival_ns, out)
        elif address == vmc.BLEND:
            self._blend(message, sender)
        elif address == vmc.APPLY:
            sender.applies = True
            self._close_face(sender, arrival_ns, out)
            if not sender.closes:
                self._close_bones(sender, arrival_ns, out)
        elif address in (vmc.OK, vmc.TIME):
            sender.closes = True
            self._close_bones(sender, arrival_ns, out)
            if not sender.applies:
                self._close_face(sender, arrival_ns, out)
        elif address == vmc.ROOT:
            named = self._pose(message)
            if named is not None:
                sender.root = named[1]
        else:
            self.counters["other messages"] += 1

    def _bone(self, message: osc.Message, sender: _Sender, arrival_ns: int, out: list[External]) -> None:
        named = self._pose(message)
        if named is None:
            return
        bone, pose = named
        if bone not in self._wanted:
            self.counters["bones not taken" if bone in HUMAN_BODY_BONES else "unknown bones"] += 1
            return
        if bone in EYE_BONES:
            sender.eyes_pending = True  # they come with bodies and with faces
        else:
            if bone in sender.pending:
                self._close_bones(sender, arrival_ns, out)
            sender.pending.add(bone)
        sender.poses[bone] = (arrival_ns, pose)

    def _pose(self, message: osc.Message) -> tuple[str, _Pose] | None:
        """Name, position and rotation of a message; None, counted, when it has none."""
        name, *rest = message.arguments or ("",)
        numbers = [_number(value) for value in rest[:_POSE_FLOATS]]
        if not isinstance(name, str) or len(numbers) < _POSE_FLOATS or None in numbers:
            self.counters["malformed"] += 1
            return None
        x, y, z, *rotation = pose = tuple(number for number in numbers if number is not None)
        length = math.hypot(*rotation)
        if not abs(length - 1.0) < _LENGTH_TOLERANCE or math.hypot(x, y, z) > _FARTHEST_M:
            self.counters["no rotations"] += 1
            return None
        return name, pose

    def _blend(self, message: osc.Message, sender: _Sender) -> None:
        if not self._face_taken:
            return
        name, value = (*message.arguments, None, None)[:2]
        value = _number(value)
        if not isinstance(name, str) or value is None:
            self.counters["malformed"] += 1
            return
        value = min(max(value, 0.0), 1.0)
        word = name.removeprefix("BlendShape.").lower()
        shape = _SHAPE_INDEX.get(word[:-2] + _SIDE_ENDS[word[-2:]] if word[-2:] in _SIDE_ENDS else word)
        if shape is not None:
            sender.shapes[shape] = value
            sender.shapes_heard.add(shape)
        elif word in VRM_NAMES:
            sender.presets[VRM_NAMES[word]] = value
            sender.presets_heard = True
        else:
            self.counters["unknown expressions"] += 1
            return
        sender.face_pending = True

    def _close_bones(self, sender: _Sender, arrival_ns: int, out: list[External]) -> None:
        if len(sender.pending) == 0 and not sender.eyes_pending:
            return
        given: tuple[str, ...] = ()
        for bone in [bone for bone, (came_ns, _) in sender.poses.items() if arrival_ns - came_ns > HELD_NS]:
            del sender.poses[bone]
        if len(sender.pending) > 0:
            given = tuple(bone for bone in HUMAN_BODY_BONES if bone in sender.poses and bone in self._bones_taken)
        sender.pending.clear()
        sender.eyes_pending = False
        if given:
            poses = _poses([sender.poses[bone][1] for bone in given])
            hips = b""
            if given[0] == "Hips":
                if sender.root is not None:
                    (root,) = _poses([sender.root])
                    poses[0, :3] = root[:3] + rotate(root[3:], poses[0, :3])
                    poses[0, 3:] = multiply(root[3:], poses[0, 3:])
                hips = to_bytes(poses[0, :3])
            out.append(self._skeleton(arrival_ns - self._latency_ns, given, to_bytes(poses[:, 3:]), hips))
        # A tracker of eyes alone sends no expressions: its bones are its face.
        if not sender.shapes_heard and not sender.presets_heard and (looks := self._gaze(sender)):
            out.append(self._face(arrival_ns - self._latency_ns, True, b"", self._head(sender), looks))

    def _close_face(self, sender: _Sender, arrival_ns: int, out: list[External]) -> None:
        if not sender.face_pending:
            return
        sender.face_pending = False
        shapes = sender.shapes
        if sender.presets_heard and len(sender.shapes_heard) < _ENOUGH_ARKIT:
            shapes = arkit_from_vrm(sender.presets)
            heard = list(sender.shapes_heard)
            shapes[heard] = sender.shapes[heard]
        looks = self._gaze(sender)
        if not looks and "eyes" in self._take:
            looks = to_bytes(look_directions(shapes))
        head = self._head(sender)
        out.append(self._face(arrival_ns - self._latency_ns, True, to_bytes(shapes), head, looks))

    def _gaze(self, sender: _Sender) -> bytes:
        """Where the bones of the eyes look, as `Face.gaze`; b"" without them."""
        if "eyes" not in self._take or any(eye not in sender.poses for eye in EYE_BONES):
            return b""
        poses = _poses([sender.poses[eye][1] for eye in EYE_BONES])
        return to_bytes(np.array([_looks(pose[3:]) for pose in poses]))

    def _head(self, sender: _Sender) -> bytes:
        """How neck and head together turn the head, as `Face.head`; b"" without them."""
        if "head" not in self._take or "Head" not in sender.poses:
            return b""
        turn = IDENTITY
        for bone in _HEAD_BONES:
            if bone in sender.poses:
                turn = multiply(turn, _poses([sender.poses[bone][1]])[0, 3:])
        return to_bytes(normalised(UNITY_FROM_WORLD.inverse.rotations(turn)))


def _poses(poses: list[_Pose]) -> NDArray[np.float64]:
    """(N, 7), rotations of length 1."""
    rows = np.array(poses, np.float64)
    rows[:, 3:] = normalised(rows[:, 3:])
    return rows


def _number(value: osc.Argument) -> float | None:
    """A finite number; some senders write 0 and 1 as integers. None: it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _looks(rotation: NDArray[np.float64]) -> tuple[float, float]:
    """Yaw to the performer's left and pitch up, radians, of an eye with a rotation in Unity's axes."""
    x, y, z = rotate(rotation, np.array([0.0, 0.0, 1.0])).tolist()
    return math.atan2(-x, z), math.asin(min(max(y, -1.0), 1.0))
