"""When the frames of an export are: on boundaries of the take's timecode, at any rate.

Frame k of a rate begins k frames after 00:00:00:00, so at the timecode's own rate every frame begins as a frame of the
timecode does, and at another rate the two meet wherever they can. A timecode machine is followed in small steps: each
frame is set anew to where the timecode is then. A timecode that jumps changes the labels, never the order of times.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from protocols.timecode import NS_PER_S, FrameRate, Timecode, TimecodeError
from stage.errors import ExportError

Timecodes = Callable[[int], Timecode | None]
"""The timecode of a recorded stage time; None while none is known."""

MAX_RATE = 1000
MAX_FRAMES = 4_000_000
"""Nine hours at 120 frames per second; more are a mistake."""

_EDGE_NS = 1000
"""A frame so near outside the span is in it: an edge that was given as a timecode is one."""
_WHOLE = 1e-4
"""Of a frame: what is nearer to a boundary is on it; times are whole nanoseconds."""


def parse_rate(text: str) -> FrameRate:
    """A rate as people write it: "30", "29.97", "29.97df", "120", "12.5".

    Raises:
        ExportError: It is none.
    """
    try:
        return FrameRate.parse(text)
    except TimecodeError:
        pass
    try:
        exact = Fraction(text.strip()).limit_denominator(1001)
    except (ValueError, ZeroDivisionError):
        exact = Fraction(0)
    if not 1 <= exact <= MAX_RATE:
        raise ExportError(f'--rate "{text}" is no rate; write frames per second, such as 24, 29.97, 30 or 120')
    return FrameRate(exact.numerator, exact.denominator)


def hertz(rate: FrameRate) -> float:
    """Frames per second."""
    return rate.numerator / rate.denominator


def frame_grid(span_ns: tuple[int, int], rate: FrameRate, timecode: Timecodes) -> NDArray[np.int64]:
    """Times of the frames within a span, both ends included; one frame at its begin if there is none.

    Args:
        span_ns: Recorded stage times.
        rate: Of the frames.
        timecode: The take's.

    Raises:
        ExportError: More frames than any take has.
    """
    begin_ns, end_ns = span_ns
    period_ns = NS_PER_S / hertz(rate)
    if (end_ns - begin_ns) / period_ns > MAX_FRAMES:
        raise ExportError(
            f"{(end_ns - begin_ns) / period_ns:.0f} frames are more than {MAX_FRAMES}; give --from and --to"
        )

    def beside(offset_ns: float) -> float:
        """How far the nearest frame boundary of the timecode is, ns."""
        told = timecode(begin_ns + int(offset_ns))
        if told is None:
            return 0.0
        position = _position(told, rate)
        return (round(position) - position) * period_ns + (int(offset_ns) - offset_ns)

    offset_ns = beside(0.0)
    if offset_ns < -_EDGE_NS:
        offset_ns += period_ns
    offsets = []
    while offset_ns <= end_ns - begin_ns + _EDGE_NS:
        offsets.append(round(offset_ns))
        offset_ns += period_ns
        offset_ns += beside(offset_ns)
    return begin_ns + np.array(offsets or [0], np.int64)


def snapped(timecode: Timecode | None) -> Timecode | None:
    """The timecode, on the boundary of its frame where it is there but for rounding."""
    if timecode is None or _WHOLE <= timecode.subframe <= 1.0 - _WHOLE:
        return timecode
    return timecode._replace(subframe=0.0).plus(1 if timecode.subframe > 0.5 else 0)


def _position(timecode: Timecode, rate: FrameRate) -> float:
    """How many frames of a rate after 00:00:00:00."""
    ratio = Fraction(timecode.rate.denominator * rate.numerator, timecode.rate.numerator * rate.denominator)
    return (timecode.frame + timecode.subframe) * ratio.numerator / ratio.denominator
