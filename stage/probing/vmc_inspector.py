"""VMC as EVMC4U, VRM4U, VMC4UE and Godot would take it."""

from __future__ import annotations

import math
from collections import Counter

from protocols import osc, vmc
from protocols.names import HUMAN_BODY_BONES
from stage.probing.osc_packet_inspector import OscPacketInspector
from stage.probing.vmc_face import EYE_BONES, FaceInspector

_POSE_TAGS = "sfffffff"
_TAGS = {
    vmc.OK: ("iiii", "iii", "i"),
    vmc.TIME: ("f",),
    vmc.ROOT: ("sfffffffffffff", _POSE_TAGS),
    vmc.BONE: (_POSE_TAGS,),
    vmc.BLEND: ("sf",),
    vmc.APPLY: ("",),
}
_LOWER_BONES = {bone.lower(): bone for bone in HUMAN_BODY_BONES}
_SURE_AFTER = 3
"""Frames after which a message that has not come is missing."""


class VmcInspector(OscPacketInspector):
    """Takes VMC from a performer apart, frame by frame."""

    kind = "vmc"

    def __init__(self) -> None:
        super().__init__()
        self._frame: Counter[str] = Counter()
        self._frame_bones: set[str] = set()
        self._frame_moved = False
        self._bones: set[str] = set()
        self._face = FaceInspector(self.findings)
        self._marker = vmc.BONE
        self._frames = self._incomplete = 0
        self._tracking = ""

    def message(self, message: osc.Message, arrival_ns: int) -> None:
        """Checks one message, and the frame where it ends one."""
        address = message.address
        if address not in _TAGS:
            self._other(message, arrival_ns)
            return
        if not self._check_tags(message):
            return
        if address == vmc.BONE:
            self._bone(message, arrival_ns)
        elif address == vmc.ROOT:
            self._check_pose(message)
        elif address == vmc.BLEND:
            self._face.blend(message)
        elif address == vmc.APPLY:
            self._face.apply(arrival_ns)
        elif address == vmc.OK:
            self._tracking = " ".join(str(value) for value in message.arguments)
        if address in (vmc.ROOT, vmc.BONE, vmc.BLEND) and self._frame[vmc.OK] > 0 and self._marker == vmc.TIME:
            self.findings.add("poses after OK and before T: VRM4U shows what came before OK, a mixed frame", address)
        self._frame[address] += 1
        self._end_frame(message, arrival_ns)

    def facts(self) -> dict[str, str]:
        """Bones, face, state, and frames that were not whole."""
        return {
            "bones": str(len(self._bones)),
            **self._face.facts(),
            "OK": self._tracking or "never sent",
            "incomplete frames": str(self._incomplete),
        }

    def _other(self, message: osc.Message, arrival_ns: int) -> None:
        if trace := vmc.read_trace(message):
            self.timing.latency(arrival_ns - trace[0], arrival_ns - trace[1])
        elif trace := vmc.read_trace(message, vmc.FACE_TRACE):
            self._face.timing.latency(arrival_ns - trace[0], arrival_ns - trace[1])
        elif not message.address.startswith("/VMC/"):
            self.findings.add("address that is not VMC: is something else sending to this port?", message.address)

    def _check_tags(self, message: osc.Message) -> bool:
        expected = _TAGS[message.address]
        if any(message.tags.startswith(tags) for tags in expected):
            return True
        example = f"{message.address} ,{message.tags}"
        shortest = min(expected, key=len)
        if len(message.tags) < len(shortest):
            self.findings.add("message with arguments missing: EVMC4U stops for good until it is restarted", example)
        elif any(is_ == "i" and should == "f" for is_, should in zip(message.tags, shortest, strict=False)):
            self.findings.add("int where a float belongs: EVMC4U ignores the message, VRM4U shifts the others", example)
        else:
            self.findings.add("arguments of the wrong type: receivers ignore the message", example)
        return False

    def _bone(self, message: osc.Message, arrival_ns: int) -> None:
        name = str(message.arguments[0])
        if self._marker == vmc.BONE and name in self._frame_bones:
            self._finish(arrival_ns, None)  # neither OK nor T so far: a bone met again begins a frame
        self._check_pose(message)
        if name in EYE_BONES:
            self._face.eye(name)  # they belong to the face, which may come more often than the body
            return
        self._frame_bones.add(name)
        self._frame_moved |= any(value != 0.0 for value in message.floats[:3])
        if name in HUMAN_BODY_BONES:
            self._bones.add(name)
        elif name.lower() in _LOWER_BONES:
            self.findings.add(
                "bone name in the wrong case: Godot does not know it", f"{name}: {_LOWER_BONES[name.lower()]}"
            )
        else:
            self.findings.add("bone that Unity's HumanBodyBones do not have", name)

    def _check_pose(self, message: osc.Message) -> None:
        length = math.hypot(*message.floats[3:7])
        if not abs(length - 1.0) < 0.01:
            self.findings.add(
                "rotation that is no unit quaternion (x, y, z, w)", f"{message.arguments[0]}: length {length:.3f}"
            )

    def _end_frame(self, message: osc.Message, arrival_ns: int) -> None:
        address = message.address
        if address == vmc.TIME:
            if self._marker == vmc.TIME:
                self._finish(arrival_ns, message.floats[0])
            self._begin(vmc.TIME)
        elif address == vmc.OK and self._marker != vmc.TIME:
            if self._marker == vmc.OK:
                self._finish(arrival_ns, None)
            self._begin(vmc.OK)

    def _begin(self, marker: str) -> None:
        self._marker = marker
        self._frame.clear()
        self._frame_bones.clear()
        self._frame_moved = False

    def _finish(self, arrival_ns: int, sender_s: float | None) -> None:
        self._frames += 1
        self.timing.frame(arrival_ns, sender_s)
        self._face.frame()
        if self._frame_bones:
            self._check_frame()
        self._begin(self._marker)

    def _check_frame(self) -> None:
        if self._marker == vmc.TIME and self._frame[vmc.OK] != 1:
            times = "never" if self._frame[vmc.OK] == 0 else "more than once"
            self.findings.add(f"OK {times} in a frame: VRM4U shows a pose when OK or T arrives", "")
        if self._marker == vmc.OK and self._frames >= _SURE_AFTER:
            self.findings.add("no T: receivers that watch it take the sender for dead")
        if self._marker == vmc.BONE and self._frames >= _SURE_AFTER:
            self.findings.add("neither OK nor T: VRM4U never shows the pose")
        if not self._frame_moved:
            self.findings.add("all bone positions are zero: EVMC4U and VMC4UE fold the avatar into a point by default")
        if len(self._frame_bones & self._bones) < len(self._bones):
            self._incomplete += 1
