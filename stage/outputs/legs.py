"""The legs of a performance's way from the camera to the receiver, out of its trace."""

from __future__ import annotations

from protocols.messages import Trace

FACE_PREFIX = "face_"
"""Before the names of the legs of faces that come from a face camera: their way is another, and faster."""


def leg_durations(trace: Trace, prefix: str = "") -> dict[str, int]:
    """Nanoseconds per leg, `prefix` before their names; a leg of which an end was not reached (0) is left out.

    capture   from the exposure to the frame's note on the bus     queue     until the landmark networks take it up
    landmarks the networks                                         assemble  until the frameset is complete and taken up
    solve     the solver                                           send      until the last datagram has left
    total     capture to last datagram
    """
    ends = {
        "capture": (trace.capture_ns, trace.published_ns),
        "queue": (trace.published_ns, trace.landmarks_begin_ns),
        "landmarks": (trace.landmarks_begin_ns, trace.landmarks_end_ns),
        "assemble": (trace.landmarks_end_ns, trace.solve_begin_ns),
        "solve": (trace.solve_begin_ns, trace.solve_end_ns),
        "send": (trace.solve_end_ns, trace.sent_ns),
        "total": (trace.capture_ns, trace.sent_ns),
    }
    return {prefix + leg: end - begin for leg, (begin, end) in ends.items() if begin > 0 and end > 0}
