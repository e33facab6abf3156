"""The video of a take shows what was solved over its own pictures, with its timecode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from stage.export import ExportOptions, Wanted, gather
from stage.export.mp4 import write_mp4
from tests.demo_take import write_demo_take
from tests.stage.export.video_take import DEMO, START_S, write_video_take

pytestmark = pytest.mark.skipif(not (DEMO / "cam1.mp4").exists(), reason="the demo recording is not here")


def _pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as video:
        return [frame.to_ndarray(format="bgr24") for frame in video.decode(video=0)]


def test_the_takes_own_pictures_lie_below_what_was_solved(tmp_path: Path) -> None:
    sources = gather(write_video_take(tmp_path / "scene_001.mcap", 0.2), Wanted())
    (path,) = write_mp4(sources, tmp_path / "scene_001.mp4", ExportOptions(style="skeleton"))
    shown = _pictures(path)
    assert len(shown) == len(sources[0])
    with av.open(str(DEMO / "cam1.mp4")) as video:
        own = [f.to_ndarray(format="bgr24") for f in video.decode(video=0) if float(f.time or 0) >= START_S - 1e-4][:5]
    # Side by side, each camera in a cell 640 wide: cam1 at the left, scaled to its cell.
    scale = shown[0].shape[0] / own[0].shape[0]
    width = round(own[0].shape[1] * scale)
    small = cv2.resize(own[4], (width, shown[0].shape[0]))
    apart = np.abs(shown[4][:, :width].astype(float) - small).mean(2)
    assert np.median(apart) < 6.0  # the room is the room
    assert 0.002 < (apart[40:] > 40).mean() < 0.1  # and on it lies a skeleton
    with av.open(str(path)) as video:
        assert float(video.streams.video[0].average_rate or 0) == pytest.approx(sources[0].hertz)
        assert any("10:00:00" in text for text in _metadata(video))


def _metadata(video: Any) -> list[str]:
    return [*video.metadata.values(), *(text for stream in video.streams for text in stream.metadata.values())]


def test_a_take_without_video_is_seen_on_plain_ground(tmp_path: Path) -> None:
    sources = gather(write_demo_take(tmp_path / "scene_001.mcap", 0.2, actors=("anna", "ben")), Wanted())
    (path,) = write_mp4(sources, tmp_path / "a.mp4", ExportOptions(style="skeleton"))
    picture = _pictures(path)[2]
    plain = np.abs(picture.astype(int) - 238).max(2) < 60  # lines on the ground are faint
    assert 0.9 < plain.mean() < 0.9995
    rows, columns = np.nonzero(~plain[60:])
    assert columns.min() > 50 and columns.max() < picture.shape[1] - 50 and len(rows) > 500


def test_a_face_alone_is_seen_from_near(tmp_path: Path) -> None:
    sources = gather(write_demo_take(tmp_path / "scene_001.mcap", 0.1, bodies=False), Wanted(rate="30"))
    (path,) = write_mp4(sources, tmp_path / "a.mp4", ExportOptions(style="mesh"))
    picture = _pictures(path)[0]
    assert (np.abs(picture.astype(int) - 238).max(2) > 12).mean() > 0.15


def test_a_face_alone_is_nowhere_in_the_room(tmp_path: Path) -> None:
    take = write_video_take(tmp_path / "scene_001.mcap", 0.1, bodies=False)
    (path,) = write_mp4(gather(take, Wanted(rate="30")), tmp_path / "a.mp4", ExportOptions(style="mesh"))
    shown = _pictures(path)[0]
    with av.open(str(DEMO / "cam1.mp4")) as video:
        own = next(f for f in video.decode(video=0) if float(f.time or 0) >= START_S - 1e-4).to_ndarray(format="bgr24")
    scale = shown.shape[0] / own.shape[0]
    small = cv2.resize(own, (round(own.shape[1] * scale), shown.shape[0]))
    apart = np.abs(shown[60:, : small.shape[1]].astype(float) - small[60:]).mean(2)
    assert (apart > 40).mean() < 0.002
