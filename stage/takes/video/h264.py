"""H.264 as a byte stream: every picture at once, without B frames, a keyframe every second.

By the GPU's NVENC where that works, else by x264. Many GPUs have no NVENC, and some no driver that fits: it is tried.
"""

from __future__ import annotations

import functools

import av
import cv2
import numpy as np
from av.error import FFmpegError
from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter

from stage.cameras.sources.source import Image
from stage.takes.video.encoding import MICROSECOND, Encoded, encoder_context

KEYFRAME_NS = 1_000_000_000
"""Time between keyframes."""
_LONGEST_GOP = 10_000
"""Keyframes are asked for by time, never by count."""
_LIMITED_RANGE, _BT601 = 1, 6
"""FFmpeg's numbers of what OpenCV makes of BGR."""
_PROBE = (240, 320)
"""Height and width: small, and above what any NVENC refuses."""
_OPTIONS = {
    "libx264": {"preset": "ultrafast", "tune": "zerolatency"},
    "h264_nvenc": {"preset": "p4", "tune": "ull", "rc": "constqp", "delay": "0", "zerolatency": "1"},
}
_QUALITY = {"libx264": "crf", "h264_nvenc": "qp"}


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
        options = {**_OPTIONS[library], _QUALITY[library]: str(quality), "forced-idr": "1"}
        # Colour of half the resolution needs an even number of rows and columns.
        self._context = encoder_context(library, height, width, "yuv420p" if even else "yuv444p", options)
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
        frame.pts, frame.time_base = self._last_us, MICROSECOND
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


@functools.cache
def nvenc_fault() -> str:
    """Why pictures cannot be encoded by NVENC; "" when they can, tried once with a small one."""
    try:
        H264Encoder(*_PROBE, 20, "h264_nvenc").encode(np.zeros((*_PROBE, 3), np.uint8), 0, True)
    except (FFmpegError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return ""
