"""The VMC stream of one actor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from protocols import vmc
from protocols.messages import FacePerformance, Performance
from protocols.vmc import VmcEncoder
from stage.config import VmcSection, wishes_of
from stage.outputs.avatar_face import EYE_BONES, AvatarFace
from stage.outputs.humanoid import HUMANOID_BONES, Humanoid


class VmcStream:
    """VMC: the humanoid's local poses and the avatar's expressions, in Unity's axes.

    Four kinds of frames, packed beforehand:

        body    all bones of the rig                                           OK, T
        whole   all bones of the rig, eyes, expressions                        OK, T
        face    eyes, expressions           between frames of bodies           neither: they end the body's frames
        head    head, eyes, expressions     where nobody solves a body         OK, T
    """

    def __init__(self, output: VmcSection) -> None:
        """Packs the frames, see `VmcEncoder`."""
        wishes = wishes_of(output)
        self._humanoid = Humanoid()
        self._face = AvatarFace(wishes.blends)
        self._eyes = output.eyes
        eyes, names = EYE_BONES if output.eyes else (), self._face.names
        bundled, trace = wishes.bundle, vmc.TRACE if output.trace else ""
        face_trace = vmc.FACE_TRACE if output.trace else ""
        self._body = VmcEncoder(HUMANOID_BONES, bundled=bundled, trace=trace)
        self._whole = VmcEncoder((*HUMANOID_BONES, *eyes), names, bundled=bundled, trace=trace)
        self._silent = not (eyes or names)
        alone = ("Head", *eyes)
        self._head = VmcEncoder(alone, names, bundled=bundled, trace=face_trace, rooted=False)
        self._part = self._head
        if not self._silent:
            self._part = VmcEncoder(eyes, names, bundled=bundled, trace=face_trace, rooted=False, closed=False)
        self._bones = np.zeros((len(HUMANOID_BONES) + len(eyes), 7), np.float32)
        self._start_ns = -1

    def frame(self, performance: Performance, now_ns: int) -> Sequence[memoryview]:
        """See `Stream`. The protocol's time starts at 0 with the first frame and follows the capture."""
        face = performance.face
        encoder, bones, expressions = self._body, self._humanoid.pose(performance), None
        if face is not None:
            self._bones[: len(HUMANOID_BONES)] = bones
            if self._eyes:
                self._bones[len(HUMANOID_BONES) :] = self._face.eyes(face)
            encoder, bones, expressions = self._whole, self._bones, self._face.expressions(face)
        return encoder.encode(
            self._humanoid.root,
            bones,
            blends=expressions,
            time_s=self._time_s(performance.capture_ns),
            tracking=performance.state == "tracking",
            capture_ns=performance.capture_ns,
            sent_ns=now_ns,
        )

    def face(self, face: FacePerformance, now_ns: int, *, alone: bool) -> Sequence[memoryview]:
        """See `Stream`; nothing between frames of bodies, where neither eyes nor expressions are wanted."""
        if self._silent and not alone:
            return ()
        poses = self._face.head_and_eyes(face.face)[: None if self._eyes else 1]
        return (self._head if alone else self._part).encode(
            None,
            poses if alone else poses[1:],
            blends=self._face.expressions(face.face),
            time_s=self._time_s(face.capture_ns) if alone else 0.0,
            tracking=face.face.state == "tracking",
            capture_ns=face.capture_ns,
            sent_ns=now_ns,
        )

    def _time_s(self, capture_ns: int) -> float:
        if self._start_ns < 0:
            self._start_ns = capture_ns
        return (capture_ns - self._start_ns) / 1e9
