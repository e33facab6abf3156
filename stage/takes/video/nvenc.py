"""Whether this machine's GPU encodes video: many have no NVENC, and some no driver that fits."""

from __future__ import annotations

import functools
from fractions import Fraction

import av
import numpy as np
from av.error import FFmpegError

_WIDTH, _HEIGHT = 320, 240
"""Small, and above what any NVENC refuses."""


@functools.cache
def nvenc_fault() -> str:
    """Why H.264 cannot be encoded by NVENC; "" when it can, tried once with one small picture."""
    try:
        context = av.CodecContext.create("h264_nvenc", "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height, context.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        context.time_base = Fraction(1, 30)
        frame = av.VideoFrame.from_ndarray(np.zeros((_HEIGHT * 3 // 2, _WIDTH), np.uint8), format="yuv420p")
        frame.pts = 0
        packets = [*context.encode(frame), *context.encode(None)]
    except (FFmpegError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return "" if len(packets) == 1 else "it gave no picture"
