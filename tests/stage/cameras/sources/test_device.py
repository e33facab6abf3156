from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from protocols.clock import StageClock
from stage.cameras.sources import Frame
from stage.cameras.sources.device import device_source
from stage.cameras.sources.live import LiveSource
from stage.errors import SourceError

CLOCK = StageClock(1_000_000_000_000)
MS = 1_000_000


class Camera:
    """Answers like a `cv2.VideoCapture` of a camera that knows one size."""

    def __init__(self, stamped: bool = True, frames: int = 1000, size: tuple[int, int] = (64, 48)) -> None:
        self.stamped = stamped
        self.left = frames
        self.size = size
        self.requested: dict[int, float] = {}
        self.grabbed_ns = 0
        self.number = 0
        self.released = False

    def isOpened(self) -> bool:
        return True

    def set(self, prop: int, value: float, /) -> bool:
        self.requested[prop] = value
        return False

    def get(self, prop: int, /) -> float:
        if prop == cv2.CAP_PROP_POS_MSEC:
            return self.grabbed_ns / MS if self.stamped else 0.0
        return 29.97 if prop == cv2.CAP_PROP_FPS else 0.0

    def grab(self) -> bool:
        time.sleep(0.002)
        self.left -= 1
        self.number += 1
        self.grabbed_ns = time.monotonic_ns() - 7 * MS
        return self.left >= 0

    def retrieve(self, image: Any = None, /) -> tuple[bool, Any]:
        width, height = self.size
        if image is None or image.shape != (height, width, 3):
            image = np.empty((height, width, 3), np.uint8)
        image[:] = self.number % 256
        return True, image

    def release(self) -> None:
        self.released = True


Open = Callable[..., LiveSource]


@pytest.fixture
def open_source() -> Iterator[Open]:
    sources: list[LiveSource] = []

    def open_it(cameras: list[Camera], width: int = 0, height: int = 0, rate: float = 0.0) -> LiveSource:
        def next_camera(index: int) -> Camera:
            if not cameras:
                raise SourceError(f"device:{index}: no camera of that index (devices present: none)")
            return cameras.pop(0)

        sources.append(device_source("0", width, height, rate, CLOCK, next_camera))
        return sources[-1]

    yield open_it
    for source in sources:
        source.close()


def captured_ns(frame: Frame) -> int:
    assert frame.capture_ns is not None
    return frame.capture_ns


def read(source: LiveSource, out: np.ndarray | None = None) -> Frame:
    for _ in range(200):
        frame = source.read(out)
        if frame is not None:
            return frame
    raise AssertionError("no frame came")


def test_requested_and_achieved_are_both_told(open_source: Open) -> None:
    camera = Camera()
    info = open_source([camera], 1920, 1080, 60.0).open()
    assert (info.width, info.height) == (64, 48)
    assert (info.rate_requested, info.rate_achieved, info.live) == (60.0, 29.97, True)
    assert camera.requested[cv2.CAP_PROP_FRAME_WIDTH] == 1920
    assert camera.requested[cv2.CAP_PROP_FPS] == 60.0
    assert camera.requested[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"MJPG")


def test_nothing_is_requested_that_was_not_asked_for(open_source: Open) -> None:
    camera = Camera()
    open_source([camera]).open()
    assert set(camera.requested) == {cv2.CAP_PROP_BUFFERSIZE}


def test_the_drivers_stamp_is_the_capture_time(open_source: Open) -> None:
    source = open_source([Camera()])
    assert "the driver's" in source.open().description
    before_ns = CLOCK.now_ns()
    frames = [read(source) for _ in range(3)]
    now_ns = CLOCK.now_ns()
    for frame in frames:
        assert before_ns - 20 * MS < captured_ns(frame) < now_ns - 7 * MS
    assert captured_ns(frames[1]) - captured_ns(frames[0]) == frames[1].pts_ns - frames[0].pts_ns


def test_without_a_driver_stamp_it_is_the_arrival(open_source: Open) -> None:
    source = open_source([Camera(stamped=False)])
    assert "arrival" in source.open().description
    before_ns = CLOCK.now_ns()
    frame = read(source)
    assert before_ns - 10 * MS < captured_ns(frame) <= CLOCK.now_ns()


def test_pixels_and_numbers_belong_together(open_source: Open) -> None:
    source = open_source([Camera()])
    source.open()
    buffer = np.empty((48, 64, 3), np.uint8)
    for _ in range(50):
        frame = read(source, buffer)
        assert len(np.unique(buffer)) == 1
        # The first picture told the size; numbers count from the one after.
        assert buffer[0, 0, 0] == (frame.number + 2) % 256


def test_an_unplugged_camera_is_found_again(open_source: Open) -> None:
    first, second = Camera(frames=4), Camera(size=(32, 24))
    source = open_source([first, second])
    source.open()
    deadline_s = time.monotonic() + 10.0
    while source.info is None or source.info.width != 32:
        source.read()
        assert time.monotonic() < deadline_s
    assert read(source).image.shape == (24, 32, 3)
    assert source.faults["losses"] == 1 and first.released


def test_a_camera_without_a_picture_is_refused(open_source: Open) -> None:
    with pytest.raises(SourceError, match="gives no picture"):
        open_source([Camera(frames=0)]).open()


def test_an_absent_index_is_refused_at_once_with_what_is_there() -> None:
    begin_s = time.monotonic()
    with pytest.raises(SourceError, match=r"device:99: no camera of that index \(devices present: .*\)"):
        device_source("99", 0, 0, 0.0, CLOCK).open()
    assert time.monotonic() - begin_s < 1.0
    with pytest.raises(SourceError, match="is a number"):
        device_source("front", 0, 0, 0.0, CLOCK)
