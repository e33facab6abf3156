"""What FFmpeg's encoders of single pictures have in common."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import av

MICROSECOND = Fraction(1, 1_000_000)


class Encoded(NamedTuple):
    """One picture."""

    data: bytes
    keyframe: bool
    extradata: bytes = b""


def encoder_context(codec: str, height: int, width: int, pix_fmt: str, options: dict[str, str]) -> av.VideoCodecContext:
    """An encoder of one thread, with times in microseconds; opened by the first picture."""
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, height, pix_fmt
    context.time_base = MICROSECOND
    context.thread_count = 1
    context.options = options
    return context
