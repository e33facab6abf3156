"""Which of two sources of a face counts: a stream of its own, or the one that comes with the body.

While the stream of a face camera is alive, the body's face is at least as old as what has already been sent: sending
it would pull the face back. So the body goes without it, until the stream has been silent for a while.
"""

from __future__ import annotations

from msgspec.structs import replace

from protocols.messages import Performance

FACE_ALIVE_NS = 150_000_000
"""A stream is alive so long after its last face: nine frames of 60 Hz, four of 30."""

BODY_ALIVE_NS = 500_000_000
"""Likewise of performances. A body that stays away longer leaves the head to the face."""


class FaceSource:
    """Follows the two streams of one actor by when they arrive."""

    def __init__(self) -> None:
        self._face_ns = self._body_ns = -(1 << 62)

    def heard_face(self, now_ns: int) -> bool:
        """A face has come from its own stream; says whether it is alone, without a body."""
        self._face_ns = now_ns
        return now_ns - self._body_ns > BODY_ALIVE_NS

    def heard_body(self, performance: Performance, now_ns: int) -> Performance:
        """A performance has come; returns it as it is to be sent, without a face that is out of date."""
        self._body_ns = now_ns
        if performance.face is not None and now_ns - self._face_ns <= FACE_ALIVE_NS:
            return replace(performance, face=None)
        return performance
