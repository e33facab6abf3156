from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.messages import FrameNote
from protocols.ring import RING_PREFIX, RingWriter
from stage.console.thumbnails import MAX_WIDTH, Thumbnails, shrink

NAME = f"{RING_PREFIX}thumbnails-{os.getpid()}"


def note(slot: int, generation: int, ring: str = NAME, camera: str = "left") -> FrameNote:
    return FrameNote(camera, 0, 0, 0, ring, slot, generation, 320, 240)


def picture(value: int) -> np.ndarray:
    return np.full((240, 320, 3), value, np.uint8)


@pytest.fixture
def writer() -> Iterator[RingWriter]:
    with RingWriter(NAME, 2, 240, 320) as writer:
        yield writer


@given(st.integers(1, 700), st.integers(1, 500))
def test_a_thumbnail_fits_and_keeps_the_aspect(width: int, height: int) -> None:
    small = shrink(np.zeros((height, width, 3), np.uint8))
    assert small.shape[1] == min(width, MAX_WIDTH)
    assert abs(small.shape[0] - height * small.shape[1] / width) <= 1.0


def test_a_thumbnail_shows_the_same_in_rgb() -> None:
    image = np.zeros((1080, 1920, 3), np.uint8)
    image[:, :960] = (255, 0, 0)  # blue
    image[:, 960:] = (0, 0, 200)  # red
    small = shrink(image)
    assert small.shape == (90, 160, 3)
    assert small[45, 20].tolist() == [0, 0, 255] and small[45, 140].tolist() == [200, 0, 0]


def test_a_frame_is_read_where_it_lies(writer: RingWriter) -> None:
    thumbnails = Thumbnails()
    small = thumbnails.take(note(*writer.write(picture(77))))
    assert small is not None and small.shape == (120, 160, 3) and (small == 77).all()
    assert thumbnails.counters == {"thumbnails": 1}
    thumbnails.close()


def test_an_overtaken_frame_is_counted(writer: RingWriter) -> None:
    thumbnails = Thumbnails()
    first = note(*writer.write(picture(1)))
    for _ in range(2):
        writer.write(picture(2))
    assert thumbnails.take(first) is None
    assert thumbnails.counters == {"frames_gone": 1}
    thumbnails.close()


def test_a_camera_that_is_gone_and_comes_back(writer: RingWriter) -> None:
    thumbnails = Thumbnails()
    assert thumbnails.take(note(0, 0, ring=f"{NAME}-none")) is None
    last = note(*writer.write(picture(1)))
    writer.close()
    assert thumbnails.take(last) is None
    with RingWriter(NAME, 3, 120, 160) as again:
        small = thumbnails.take(note(*again.write(np.full((120, 160, 3), 9, np.uint8))))
        assert small is not None and (small == 9).all()
    assert thumbnails.counters == {"thumbnails": 1, "frames_gone": 2}
    thumbnails.close()


def test_names_that_are_no_rings_open_nothing() -> None:
    thumbnails = Thumbnails()
    for name in ("../../etc/passwd", "/etc/passwd", "", f"{RING_PREFIX}../x"):
        assert thumbnails.take(note(0, 0, ring=name)) is None
