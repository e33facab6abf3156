"""Cameras at this computer, through OpenCV (V4L2 on Linux).

The driver's own time stamp of a frame is used where it is one of our monotonic clock, which is the
rule on Linux; otherwise a frame is stamped the moment it can be fetched, which is later by the
time of its transfer. The description says which of the two it is.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from protocols.clock import StageClock
from stage.cameras.sources.live import LiveSource, Sample
from stage.cameras.sources.source import Image, SourceInfo, frame_buffer
from stage.errors import SourceError

_FRESH_NS = 1_000_000_000
"""A driver stamp older than this, or from the future, is of another clock."""

_RAW_PIXELS_PER_S = 640 * 480 * 30
"""More than this hardly fits through USB 2 as raw pixels, so compressed frames are asked for."""


class Capture(Protocol):
    """The part of `cv2.VideoCapture` that is used."""

    def isOpened(self) -> bool: ...  # noqa: D102  OpenCV's names
    def set(self, prop: int, value: float, /) -> bool: ...  # noqa: D102
    def get(self, prop: int, /) -> float: ...  # noqa: D102
    def grab(self) -> bool: ...  # noqa: D102
    def retrieve(self, image: Any = None, /) -> tuple[bool, Any]: ...  # noqa: D102
    def release(self) -> None: ...  # noqa: D102


def device_source(
    index: str,
    width: int,
    height: int,
    rate: float,
    clock: StageClock,
    open_capture: Callable[[int], Capture] | None = None,
) -> LiveSource:
    """A camera device as a live source.

    Args:
        index: The device's number, as text: 0 is /dev/video0 on Linux.
        width: Requested pixels; 0 leaves the device's own.
        height: As `width`.
        rate: Requested Hz; 0 leaves the device's own.
        clock: Stage time, for the stamps.
        open_capture: What to open instead of OpenCV's device of that number.

    Raises:
        SourceError: The index is no number.
    """
    if not index.isdigit():
        raise SourceError(f'device:{index}: the index of a device is a number, as in "device:0"')
    number = int(index)
    opened = open_capture or _open_device
    return LiveSource(
        f"device:{number}", lambda: DeviceConnection(number, opened(number), (width, height, rate), clock)
    )


class DeviceConnection:
    """An open camera."""

    def __init__(self, index: int, capture: Capture, requested: tuple[int, int, float], clock: StageClock) -> None:
        """Configure the camera and take its first frame, which tells its true size.

        Args:
            index: For messages.
            capture: The camera, open.
            requested: Width and height in pixels, rate in Hz; 0 where none is requested.
            clock: Stage time.

        Raises:
            SourceError: It gives no picture.
        """
        self._index = index
        self._capture = capture
        self._clock = clock
        _request(capture, *requested)
        image = self._first_image()
        height, width = image.shape[:2]
        # One buffer waits to be read while the other is filled.
        self._buffers = [np.empty((height, width, 3), np.uint8) for _ in range(2)]
        self.driver_stamps = self._driver_ns() is not None
        stamps = "the driver's" if self.driver_stamps else "those of arrival"
        achieved = capture.get(cv2.CAP_PROP_FPS)
        self.info = SourceInfo(
            width,
            height,
            requested[2],
            max(0.0, achieved),
            None,
            f"device {index}, time stamps are {stamps}",
            live=True,
        )

    def next_sample(self) -> Sample:
        """Wait for a frame.

        Raises:
            SourceError: The camera gives none, or changed its size.
        """
        if not self._capture.grab():
            raise SourceError(f"device:{self._index}: lost (unplugged, or it stopped sending)")
        monotonic_ns = self._driver_ns() or time.monotonic_ns()
        buffer = self._buffers.pop(0)
        ok, image = self._capture.retrieve(buffer)
        if not ok or image.shape != buffer.shape:
            raise SourceError(f"device:{self._index}: lost (a frame could not be decoded, or its size changed)")
        if image is not buffer:
            np.copyto(buffer, image)
        self._buffers.append(buffer)
        return Sample(lambda out: _copy(buffer, out), monotonic_ns, self._clock.from_monotonic_ns(monotonic_ns))

    def close(self) -> None:
        """Release the camera."""
        self._capture.release()

    def _first_image(self) -> Image:
        ok, image = self._capture.retrieve() if self._capture.grab() else (False, None)
        if not ok or image is None or image.ndim != 3:
            self._capture.release()
            raise SourceError(f"device:{self._index}: opened but gives no picture; another program may be using it")
        return image

    def _driver_ns(self) -> int | None:
        """The driver's stamp of the grabbed frame on the monotonic clock, if that is what it is."""
        stamp_ns = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        return stamp_ns if 0 <= time.monotonic_ns() - stamp_ns < _FRESH_NS else None


def _request(capture: Capture, width: int, height: int, rate: float) -> None:
    if width * height * (rate or 30.0) > _RAW_PIXELS_PER_S:
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    if width > 0 and height > 0:
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
    if rate > 0:
        capture.set(cv2.CAP_PROP_FPS, rate)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 2)  # fewer old frames after a pause


def _open_device(index: int) -> Capture:
    linux = sys.platform == "linux"
    if linux and not Path(f"/dev/video{index}").exists():
        present = ", ".join(sorted(p.name.removeprefix("video") for p in Path("/dev").glob("video[0-9]*"))) or "none"
        raise SourceError(f"device:{index}: no camera of that index (devices present: {present})")
    capture = cv2.VideoCapture(index, cv2.CAP_V4L2 if linux else cv2.CAP_ANY)
    if not capture.isOpened():
        capture.release()
        raise SourceError(f"device:{index}: cannot be opened; another program may be using it, or it is no camera")
    return capture


def _copy(buffer: Image, out: Image | None) -> Image:
    target = frame_buffer(out, *buffer.shape[:2])
    np.copyto(target, buffer)
    return target
