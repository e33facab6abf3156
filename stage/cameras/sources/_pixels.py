"""From decoded video to BGR pixels.

swscale converts (0.6 ms for 1080p, the fastest of the ways compared) into a frame of its own, which
is then copied once (0.15 ms), turned upright if the camera was held sideways.
"""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from stage.cameras.sources.source import Image, frame_buffer

_QUARTER_TURN = 90


def has_decoder(stream: VideoStream) -> bool:
    """Whether anybody can decode it; PyAV leaves the context out where FFmpeg knows no decoder."""
    context: Any = stream.codec_context
    return context is not None


def upright_size(frame: av.VideoFrame, rotation: int | None = None) -> tuple[int, int]:
    """Width and height after the rotation in degrees; None is what the file asks for."""
    sideways = ((frame.rotation if rotation is None else rotation) // _QUARTER_TURN) % 2
    return (frame.height, frame.width) if sideways else (frame.width, frame.height)


class BgrConverter:
    """Writes decoded frames as upright BGR of one fixed size."""

    def __init__(self, width: int, height: int) -> None:
        """Fix the size of the output, that of an upright frame."""
        self.width, self.height = width, height
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame, out: Image | None, rotation: int | None = None) -> Image:
        """Convert one frame.

        Args:
            frame: As decoded; one of another size (a stream that changed) is scaled.
            out: uint8 (height, width, 3) to write to, or None for a new array.
            rotation: Degrees to turn it; None is what the file asks for.

        Returns:
            The pixels, uint8 (height, width, 3).

        Raises:
            SourceError: `out` has the wrong shape.
        """
        out = frame_buffer(out, self.height, self.width)
        turns = ((frame.rotation if rotation is None else rotation) // _QUARTER_TURN) % 4
        width, height = (self.height, self.width) if turns % 2 else (self.width, self.height)
        bgr = self._reformatter.reformat(frame, width=width, height=height, format="bgr24", threads=1)
        plane: Any = bgr.planes[0]  # a buffer, which its type does not say
        rows = np.frombuffer(plane, np.uint8, count=height * plane.line_size).reshape(height, plane.line_size)
        pixels = rows[:, : width * 3].reshape(height, width, 3)
        np.copyto(out, np.rot90(pixels, turns) if turns else pixels)
        return out
