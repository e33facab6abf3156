"""Streams: what an output makes of performances and faces. Pure; the sockets are the broadcast worker's.

A face comes with the body's performance or, from a camera of its own, as a stream of its own that is usually faster.
Which of the two counts is decided before, see `stage.outputs.face_source`: a performance that reaches a stream with
a face is to be sent with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from protocols import vmc
from protocols.arrays import from_bytes
from protocols.messages import FacePerformance, Performance
from protocols.plain_osc import PlainOscEncoder
from protocols.plain_osc_face import PlainOscFaceEncoder
from protocols.vmc import VmcEncoder
from stage.config import OutputSection
from stage.outputs.avatar_face import EYE_BONES, AvatarFace, face_head, face_shapes
from stage.outputs.humanoid import HUMANOID_BONES, Humanoid
from stage.outputs.world_pose import WORLD_BONES, WorldPose


class Stream(Protocol):
    """Turns the performances of one actor into datagrams."""

    def frame(self, performance: Performance, now_ns: int) -> Sequence[memoryview]:
        """The datagrams of one frame, in the order to send them; valid until the next call.

        Args:
            performance: The next one of this stream's actor; its face is sent too, where it has one.
            now_ns: Stage time.

        Raises:
            ProtocolError: The performance holds numbers that must not be sent.
        """
        ...

    def face(self, face: FacePerformance, now_ns: int, *, alone: bool) -> Sequence[memoryview]:
        """The datagrams of a frame of the face only, likewise.

        Args:
            face: The next one of this stream's actor.
            now_ns: Stage time.
            alone: Whether no performances of the actor come.

        Raises:
            ProtocolError: The face holds numbers that must not be sent.
        """
        ...


class VmcStream:
    """VMC: the humanoid's local poses and the avatar's expressions, in Unity's axes.

    Four kinds of frames, packed beforehand:

        body    all bones of the rig                                           OK, T
        whole   all bones of the rig, eyes, expressions                        OK, T
        face    eyes, expressions           between frames of bodies           neither: they end the body's frames
        head    head, eyes, expressions     where nobody solves a body         OK, T
    """

    def __init__(self, output: OutputSection) -> None:
        """Packs the frames, see `VmcEncoder`."""
        self._humanoid = Humanoid()
        self._face = AvatarFace(output.blends)
        self._eyes = output.eyes
        eyes, names = EYE_BONES if output.eyes else (), self._face.names
        bundled, trace = output.bundle, vmc.TRACE if output.trace else ""
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


class PlainOscStream:
    """Plain OSC: the rig's poses in the world, and the face as it was solved."""

    def __init__(self, output: OutputSection) -> None:
        """Packs the frames, see `PlainOscEncoder`."""
        self._pose = WorldPose()
        self._body = PlainOscEncoder(output.actor, WORLD_BONES, bundled=output.bundle)
        self._face = PlainOscFaceEncoder(output.actor, bundled=output.bundle)

    def frame(self, performance: Performance, now_ns: int) -> Sequence[memoryview]:
        """See `Stream`; the face follows the body, with its own end."""
        datagrams = self._body.encode(
            self._pose.root(performance),
            self._pose.bones(performance),
            state=performance.state,
            capture_ns=performance.capture_ns,
            sent_ns=now_ns,
        )
        if performance.face is None:
            return datagrams
        return (*datagrams, *self._encoded_face(performance, now_ns))

    def face(self, face: FacePerformance, now_ns: int, *, alone: bool) -> Sequence[memoryview]:
        """See `Stream`; a face is the same with and without a body."""
        del alone
        return self._encoded_face(face, now_ns)

    def _encoded_face(self, source: Performance | FacePerformance, now_ns: int) -> Sequence[memoryview]:
        face = source.face
        assert face is not None
        return self._face.encode(
            face_shapes(face),
            from_bytes(face.confidence, (-1,)),
            head=face_head(face),
            gaze=from_bytes(face.gaze, (2, 2)),
            state=face.state,
            capture_ns=source.capture_ns,
            sent_ns=now_ns,
        )


def open_stream(output: OutputSection) -> Stream:
    """The stream of a VMC or plain OSC output."""
    return VmcStream(output) if output.kind == "vmc" else PlainOscStream(output)
