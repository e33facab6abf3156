"""Encoders of one camera's frames: each picture in, one picture out, at once.

    mjpeg       JPEG by libjpeg-turbo; the cheapest
    h264        the smallest; by a GPU's NVENC where a probe finds it, else by x264 without delay and without B frames
    lossless    MagicYUV, every bit kept, every picture by itself; FFV1 where FFmpeg was built without it

What each costs: docs/takes_video.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import av
import cv2
from av.video.reformatter import VideoReformatter

from stage.cameras.sources.source import Image
from stage.config import RecordSection
from stage.takes.video.encoding import MICROSECOND, Encoded, encoder_context
from stage.takes.video.h264 import h264_encoder

LOSSLESS_CODECS = ("magicyuv", "ffv1")


class Encoder(Protocol):
    """Encodes pictures of one size."""

    codec: str
    """FFmpeg's name of what comes out."""
    told: str
    """For people."""

    def encode(self, image: Image, time_ns: int, key: bool) -> Encoded:
        """Encode one picture; `key` asks for a keyframe.

        Raises:
            FFmpegError, cv2.error, ValueError: It cannot be encoded.
        """
        ...


EncoderMaker = Callable[[int, int], Encoder]
"""Makes an encoder for pictures of this height and width."""


def encoder_maker(mode: str, record: RecordSection) -> EncoderMaker:
    """What makes the encoders of a mode, "mjpeg", "h264" or "lossless"."""
    if mode == "mjpeg":
        return lambda _height, _width: JpegEncoder(record.jpeg_quality)
    if mode == "h264":
        return lambda height, width: h264_encoder(height, width, record.h264_quality)
    return LosslessEncoder


class JpegEncoder:
    """Every picture a JPEG."""

    codec = "mjpeg"

    def __init__(self, quality: int) -> None:
        """`quality` in 1 to 100."""
        self.told = f"mjpeg, quality {quality}"
        self._options = [cv2.IMWRITE_JPEG_QUALITY, quality]

    def encode(self, image: Image, time_ns: int, key: bool) -> Encoded:
        """As a JPEG with half the resolution of colour."""
        ok, data = cv2.imencode(".jpg", image, self._options)
        if not ok:
            raise ValueError(f"a picture of shape {image.shape} has no JPEG")
        return Encoded(data.tobytes(), True)


class LosslessEncoder:
    """Every picture by itself, and every bit of it."""

    def __init__(self, height: int, width: int) -> None:
        """For pictures of this size."""
        self.codec = next((codec for codec in LOSSLESS_CODECS if codec in av.codecs_available), LOSSLESS_CODECS[-1])
        self.told = f"lossless by {self.codec}"
        pix_fmt, options = ("gbrp", {"pred": "median"}) if self.codec == "magicyuv" else ("bgr0", {})
        self._context = encoder_context(self.codec, height, width, pix_fmt, options)
        self._context.gop_size = 1
        self._reformatter = VideoReformatter()

    def encode(self, image: Image, time_ns: int, key: bool) -> Encoded:
        """With the codec's header beside it, so that any picture can be decoded alone."""
        bgr = av.VideoFrame.from_numpy_buffer(image, format="bgr24")
        frame = self._reformatter.reformat(bgr, format=self._context.pix_fmt, threads=1)
        frame.pts, frame.time_base = time_ns // 1000, MICROSECOND
        (packet,) = self._context.encode(frame)
        return Encoded(bytes(packet), True, bytes(self._context.extradata or b""))
