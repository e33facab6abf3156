"""Streams: what an output makes of performances and faces. Pure; the sockets are the broadcast worker's.

A face comes with the body's performance or, from a camera of its own, as a stream of its own that is usually faster.
Which of the two counts is decided before, see `stage.outputs.face_source`: a performance that reaches a stream with
a face is to be sent with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from protocols.messages import FacePerformance, Performance


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
