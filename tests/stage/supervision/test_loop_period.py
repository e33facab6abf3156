from __future__ import annotations

import asyncio
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from stage.config import CameraSection, Config
from stage.supervision.loop_period import ask_loop_period_ns


def camera(folder: Path, frames: int, *, loop: bool = True) -> CameraSection:
    """A camera that plays so many images at 10 Hz."""
    folder.mkdir()
    for number in range(frames):
        cv2.imwrite(str(folder / f"{number:03}.png"), np.zeros((8, 8, 3), np.uint8))
    return CameraSection(id=folder.name, source=f"images:{folder}", rate=10.0, loop=loop)


def ask(run_dir: Path, *cameras: CameraSection) -> int:
    config = Config(cameras=cameras)
    (run_dir / "config.json").write_bytes(msgspec.json.encode(config))
    return asyncio.run(ask_loop_period_ns(config, run_dir))


def test_a_lap_is_as_long_as_the_longest_looping_recording(tmp_path: Path) -> None:
    cameras = [camera(tmp_path / "a", 3), camera(tmp_path / "b", 5), camera(tmp_path / "c", 9, loop=False)]
    assert ask(tmp_path, *cameras) == pytest.approx(500_000_000, abs=1000)


def test_nothing_loops(tmp_path: Path) -> None:
    assert ask(tmp_path, camera(tmp_path / "a", 3, loop=False)) == 0


def test_a_recording_that_cannot_be_opened_is_left_to_its_worker(tmp_path: Path) -> None:
    broken = CameraSection(id="x", source=f"file:{tmp_path / 'absent.mp4'}", loop=True)
    assert ask(tmp_path, broken, camera(tmp_path / "a", 2)) == pytest.approx(200_000_000, abs=1000)
