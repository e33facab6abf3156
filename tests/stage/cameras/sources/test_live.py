from __future__ import annotations

import queue
import time
from collections.abc import Iterator

import numpy as np
import pytest

from stage.cameras.sources import Frame, SourceInfo
from stage.cameras.sources.live import LiveSource, Sample
from stage.cameras.sources.source import Image, frame_buffer
from stage.errors import SourceError
from tests.waiting import until

INFO = SourceInfo(8, 4, 0.0, 30.0, None, "a camera made for this test", live=True)
LOST, CRASH = "lost", "crash"


class Cable:
    """A camera whose frames, losses and absences the test decides."""

    def __init__(self) -> None:
        self.plugged = True
        self.events: queue.Queue[int | str] = queue.Queue()
        self.connections: list[Cable.Connected] = []

    def connect(self) -> Connected:
        if not self.plugged:
            raise SourceError("cable: nobody there")
        self.connections.append(self.Connected(self))
        return self.connections[-1]

    class Connected:
        info = INFO

        def __init__(self, cable: Cable) -> None:
            self.cable = cable
            self.closed = False

        def next_sample(self) -> Sample:
            event = self.cable.events.get(timeout=10.0)
            if event == LOST:
                raise SourceError("cable: lost")
            if event == CRASH:
                raise ValueError("a surprise of the driver")
            number = int(event)

            def write(out: Image | None) -> Image:
                image = frame_buffer(out, 4, 8)
                image[:] = number
                return image

            return Sample(write, 1000 + number, 5000 + number)

        def close(self) -> None:
            self.closed = True


@pytest.fixture
def cable() -> Cable:
    return Cable()


@pytest.fixture
def source(cable: Cable) -> Iterator[LiveSource]:
    source = LiveSource("cable", cable.connect, first_wait_s=0.01, longest_wait_s=0.02)
    yield source
    cable.events.put(LOST)
    source.close()


def read(source: LiveSource, timeout_s: float = 10.0) -> Frame:
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        frame = source.read()
        if frame is not None:
            return frame
    raise AssertionError("no frame came")


def test_frames_carry_their_times_and_numbers(cable: Cable, source: LiveSource) -> None:
    assert source.open() is INFO
    for number in (10, 11, 12):
        cable.events.put(number)
        frame = read(source)
        assert (frame.image == number).all()
        assert frame.capture_ns == 5000 + number
        assert (frame.pts_ns, frame.number) == (number - 10, number - 10)


def test_only_the_newest_frame_is_kept_and_the_others_are_counted(cable: Cable, source: LiveSource) -> None:
    source.open()
    for number in range(6):
        cable.events.put(number)
    until(lambda: source.faults["overwritten_drops"] == 5)
    frame = read(source)
    assert (frame.image == 5).all() and frame.number == 5


def test_nothing_new_is_none_after_a_short_wait(source: LiveSource) -> None:
    source.open()
    begin_s = time.monotonic()
    assert source.read() is None
    assert time.monotonic() - begin_s < 1.0


def test_a_lost_camera_comes_back_by_itself(cable: Cable, source: LiveSource) -> None:
    source.open()
    cable.events.put(0)
    read(source)
    cable.plugged = False
    cable.events.put(LOST)
    until(lambda: source.faults["refused"] >= 2)
    assert source.info is None and source.trouble == "cable: nobody there"
    assert source.faults["losses"] == 1 and cable.connections[0].closed
    cable.plugged = True
    cable.events.put(1)
    frame = read(source)
    assert frame.number == 1 and source.info is INFO and source.trouble == ""
    assert source.faults["reconnects"] == 1


def test_what_a_driver_throws_is_a_loss_too(cable: Cable, source: LiveSource) -> None:
    source.open()
    cable.events.put(CRASH)
    cable.events.put(3)
    assert (read(source).image == 3).all()
    assert source.faults["losses"] == 1


def test_open_says_at_once_when_nobody_is_there(cable: Cable, source: LiveSource) -> None:
    cable.plugged = False
    with pytest.raises(SourceError, match="nobody there"):
        source.open()
    cable.plugged = True
    assert source.open() is INFO


def test_attempts_become_rarer(cable: Cable) -> None:
    attempts_s: list[float] = []

    def refuse() -> Cable.Connected:
        attempts_s.append(time.monotonic())
        raise SourceError("cable: nobody there")

    source = LiveSource("cable", refuse, first_wait_s=0.01, longest_wait_s=0.08)
    source.start()
    until(lambda: len(attempts_s) >= 6)
    source.close()
    waits_s = np.diff(attempts_s[:6])
    assert (waits_s >= [0.01, 0.02, 0.04, 0.08, 0.08]).all()


def test_a_buffer_of_another_size_is_refused(cable: Cable, source: LiveSource) -> None:
    source.open()
    cable.events.put(1)
    with pytest.raises(SourceError, match="does not fit"):
        while True:
            source.read(np.empty((4, 9, 3), np.uint8))
