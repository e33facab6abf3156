"""Small videos that tell which of their frames one is looking at: the number is in the grey of eight bars."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

WIDTH, HEIGHT = 128, 64
_BITS = 8


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """BGR uint8 (height, width, 3): bar i is bright where bit i of the number is set; the top is blue."""
    bits = (number >> np.arange(_BITS)) & 1
    bars = np.repeat(np.where(bits, 220, 30), width // _BITS).astype(np.uint8)
    image = np.repeat(np.broadcast_to(bars, (height, width))[..., None], 3, axis=2).copy()
    image[: height // 4] = (200, 40, 40)
    return image


def number_in(image: np.ndarray) -> int:
    """The number of a picture, read back."""
    height, width = image.shape[:2]
    row = image[height // 2 :].mean(axis=(0, 2)).reshape(_BITS, width // _BITS).mean(axis=1)
    return int(((row > 125).astype(int) << np.arange(_BITS)).sum())


def write_video(
    path: Path, count: int, rate: int = 30, first: int = 0, gop: int = 12, options: dict[str, str] | None = None
) -> Path:
    """Write `count` frames, numbered from `first` in their pictures, at a constant rate."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = add_stream(container, rate, gop)
        for packet in packets(stream, count, rate, first):
            container.mux(packet)
    return path


def add_stream(container: OutputContainer, rate: int, gop: int = 12, codec: str = "libx264") -> VideoStream:
    """A small H.264 stream without delay."""
    stream = container.add_stream(codec, rate=rate)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    stream.codec_context.gop_size = gop
    stream.options = {"preset": "ultrafast", "tune": "zerolatency"}
    stream.codec_context.time_base = Fraction(1, rate)
    return stream


def packets(stream: VideoStream, count: int, rate: int, first: int = 0) -> Iterator[av.Packet]:
    """Encode numbered pictures."""
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(picture(first + number), format="bgr24")
        frame.pts, frame.time_base = number, Fraction(1, rate)
        yield from stream.encode(frame)
    yield from stream.encode(None)
