from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from stage.cameras.sources import open_source
from stage.cameras.sources.source import Seekable
from stage.config import CameraSection
from stage.errors import SourceError
from stage.synthetic import source as module
from stage.synthetic.shot import Shot


@pytest.fixture
def small(shot: Shot, monkeypatch: pytest.MonkeyPatch) -> Iterator[module.SyntheticSource]:
    monkeypatch.setitem(module.SHOTS, "small", lambda: shot)
    source = module.SyntheticSource("small/b")
    yield source
    source.close()


def test_is_a_recording_that_can_seek(small: module.SyntheticSource, shot: Shot) -> None:
    assert isinstance(small, Seekable)
    info = small.open()
    assert (info.width, info.height, info.rate_achieved, info.live) == (160, 120, 30.0, False)
    assert info.duration_ns == round(shot.frame_count / 30 * 1e9)


def test_delivers_the_shot_frame_by_frame(small: module.SyntheticSource, shot: Shot) -> None:
    small.open()
    out = np.empty((120, 160, 3), np.uint8)
    first, second = small.read(out), small.read()
    assert first is not None and second is not None
    assert first.image is out
    assert (first.number, second.number) == (0, 1)
    assert (first.pts_ns, second.pts_ns) == (0, 33_333_333)
    np.testing.assert_array_equal(second.image, dataclasses.replace(shot, exposure_s=0.0).picture("b", 1))


def test_the_camera_on_the_head_is_a_source_too_but_has_no_calibration(small: module.SyntheticSource) -> None:
    source = module.SyntheticSource("small/face")
    info = source.open()
    assert (info.width, info.height, info.rate_achieved) == (96, 96, 60.0)
    source.seek(33_000_000)
    frame = source.read()
    assert frame is not None and (frame.number, frame.pts_ns) == (2, 33_333_333)
    source.close()
    with pytest.raises(SourceError, match="face_of"):
        module.synthetic_camera("small/face")


def test_ends_after_its_last_frame_and_seeks_like_a_file(small: module.SyntheticSource, shot: Shot) -> None:
    small.open()
    last_ns = int(shot.frame_ns[-1])
    small.seek(last_ns)
    last = small.read()
    assert last is not None and last.number == shot.frame_count - 1
    assert small.read() is None
    small.seek(last_ns + 1)
    assert small.read() is None
    small.seek(1)
    again = small.read()
    assert again is not None and again.number == 1


@pytest.mark.parametrize("name", ["nothing/cam1", "small/z", "small", ""])
def test_unknown_names_are_refused_with_the_known_ones(name: str, small: module.SyntheticSource) -> None:
    with pytest.raises(SourceError, match=r"known|it has a, b"):
        module.SyntheticSource(name).open()


def test_refuses_a_buffer_of_another_size_and_reading_when_closed(small: module.SyntheticSource) -> None:
    with pytest.raises(SourceError, match="not open"):
        small.read()
    small.open()
    with pytest.raises(SourceError, match="does not fit"):
        small.read(np.empty((10, 10, 3), np.uint8))


def test_a_stage_finds_it_by_its_kind(small: module.SyntheticSource) -> None:
    assert isinstance(open_source(CameraSection(id="c", source="synthetic:small/a")), module.SyntheticSource)
    assert module.synthetic_camera("small/a").id == "a"
