"""Encoders of one camera's frames: each picture in, one picture out, at once.

mjpeg       JPEG by libjpeg-turbo; the cheapest
h264        the smallest; by a GPU's NVENC where a probe finds it, else by x264 without delay and without B frames
lossless    MagicYUV, every bit kept, every picture by itself; FFV1 where FFmpeg was built without it

What each costs: docs/takes_video.md.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple, Protocol

import av
import cv2
import numpy as np
from av.error import FFmpegError
from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter

from stage.cameras.sources.source import Image
from stage.config import RecordSection
from stage.takes.video.nvenc import nvenc_fault

KEYFRAME_NS = 1_000_000_000
"""Time between keyframes."""
LOSSLESS_CODECS = ("magicyuv", "ffv1")
_MICROSECOND = Fraction(1, 1_000_000)
_LONGEST_GOP = 10_000
"""Keyframes are asked for by time, never by count."""
_LIMITED_RANGE, _BT601 = 1, 6
"""FFmpeg's numbers of what OpenCV makes of BGR."""


class Encoded(NamedTuple):
    """One picture."""

    data: bytes
    keyframe: bool
    extradata: bytes = b""


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
        self._context = _context(self.codec, height, width, pix_fmt, options)
        self._context.gop_size = 1
        self._reformatter = VideoReformatter()

    def encode(self, image: Image, time_ns: int, key: bool) -> Encoded:
        """With the codec's header beside it, so that any picture can be decoded alone."""
        bgr = av.VideoFrame.from_numpy_buffer(image, format="bgr24")
        frame = self._reformatter.reformat(bgr, format=self._context.pix_fmt, threads=1)
        frame.pts, frame.time_base = time_ns // 1000, _MICROSECOND
        (packet,) = self._context.encode(frame)
        return Encoded(bytes(packet), True, bytes(self._context.extradata or b""))


class H264Encoder:
    """H.264 as a byte stream, parameter sets in front of every keyframe."""

    codec = "h264"

    def __init__(self, height: int, width: int, quality: int, library: str = "libx264") -> None:
        """Open the encoder.

        Args:
            height: Rows.
            width: Columns.
            quality: Constant rate factor, 0 to 51.
            library: "libx264" or "h264_nvenc".

        Raises:
            FFmpegError: It cannot be opened.
        """
        self.told = f"h264 by {library}, quality {quality}"
        even = height % 2 == 0 and width % 2 == 0
        options = {"crf": str(quality), "preset": "ultrafast", "tune": "zerolatency", "forced-idr": "1"}
        if library == "h264_nvenc":
            options = {
                "rc": "constqp",
                "qp": str(quality),
                "preset": "p4",
                "tune": "ull",
                "delay": "0",
                "forced-idr": "1",
            }
        # Colour of half the resolution needs an even number of rows and columns.
        self._context = _context(library, height, width, "yuv420p" if even else "yuv444p", options)
        self._context.gop_size, self._context.max_b_frames = _LONGEST_GOP, 0
        self._context.color_range, self._context.colorspace = _LIMITED_RANGE, _BT601
        self._context.open()
        self._planes = np.empty((height * 3 // 2, width), np.uint8) if even else None
        self._reformatter = VideoReformatter()
        self._last_us = -1
        self._key_ns = -KEYFRAME_NS

    def encode(self, image: Image, time_ns: int, key: bool) -> Encoded:
        """As one access unit."""
        frame = self._converted(image)
        self._last_us = max(self._last_us + 1, time_ns // 1000)  # a clock that was set back must not stop it
        frame.pts, frame.time_base = self._last_us, _MICROSECOND
        if key or not 0 <= time_ns - self._key_ns < KEYFRAME_NS:
            frame.pict_type = PictureType.I
            self._key_ns = time_ns
        (packet,) = self._context.encode(frame)
        return Encoded(bytes(packet), bool(packet.is_keyframe))

    def _converted(self, image: Image) -> av.VideoFrame:
        if self._planes is None:
            bgr = av.VideoFrame.from_numpy_buffer(image, format="bgr24")
            return self._reformatter.reformat(bgr, format="yuv444p", dst_colorspace=_BT601, threads=1)
        cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420, dst=self._planes)
        return av.VideoFrame.from_numpy_buffer(self._planes, format="yuv420p")


def h264_encoder(height: int, width: int, quality: int) -> H264Encoder:
    """An encoder by NVENC where that works, else by x264.

    Raises:
        FFmpegError: Neither can be opened.
    """
    fault = nvenc_fault()
    if not fault:
        try:
            return H264Encoder(height, width, quality, "h264_nvenc")
        except FFmpegError as error:  # such as too many streams at once
            fault = str(error.strerror)
    encoder = H264Encoder(height, width, quality)
    encoder.told += f" (no NVENC here: {fault})"
    return encoder


def _context(codec: str, height: int, width: int, pix_fmt: str, options: dict[str, str]) -> av.VideoCodecContext:
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, height, pix_fmt
    context.time_base = _MICROSECOND
    context.thread_count = 1
    context.options = options
    return context
