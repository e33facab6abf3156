"""The legs of a performance's way from the camera to the receiver, out of its trace."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.messages import Trace

FACE_PREFIX = "face_"
"""Before the names of the legs of faces that come from a face camera: their way is another, and faster."""

_LEGS = ("capture", "queue", "landmarks", "assemble", "solve", "send", "total")
_NAMES = {prefix: tuple(prefix + leg for leg in _LEGS) for prefix in ("", FACE_PREFIX)}


def leg_durations(trace: Trace, sent_ns: int, prefix: str = "") -> Iterator[tuple[str, int]]:
    """Names and nanoseconds of the legs; one of which an end was not reached (0) is left out.

    capture   from the exposure to the frame's note on the bus     queue     until the landmark networks take it up
    landmarks the networks                                         assemble  until the frameset is complete and taken up
    solve     the solver                                           send      until the last datagram has left
    total     capture to last datagram

    Args:
        trace: Of the performance or face.
        sent_ns: When its last datagram had left.
        prefix: "" or `FACE_PREFIX`.
    """
    ends = (
        trace.capture_ns,
        trace.published_ns,
        trace.landmarks_begin_ns,
        trace.landmarks_end_ns,
        trace.solve_begin_ns,
        trace.solve_end_ns,
        sent_ns,
    )
    names, begin = _NAMES[prefix], ends[0]
    for leg, end in zip(names, ends[1:], strict=False):
        if begin > 0 and end > 0:
            yield leg, end - begin
        begin = end
    if ends[0] > 0 and sent_ns > 0:
        yield names[-1], sent_ns - ends[0]
