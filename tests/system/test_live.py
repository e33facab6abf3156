"""`stage live` as a user starts it, heard by an OSC implementation that is not ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocols.names import HUMAN_BODY_BONES
from protocols.ring import RING_PREFIX, SHARED_MEMORY
from stage.supervision.report import LEGS
from tests.system.small_stage import OUTPUT, Engine, small_config, write_toml

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 100.0


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.close()


def rings() -> list[Path]:
    return list(SHARED_MEMORY.glob(f"{RING_PREFIX}*-{os.getpid()}"))


def live(config: Path, folder: Path, engine: Engine, *options: str) -> tuple[int, str]:
    """Run `stage live` to its end while the engine listens; its status and what it printed."""
    with subprocess.Popen(
        [sys.executable, "-c", "from stage.cli import main; main()", "live", str(config), *options],
        cwd=ROOT,
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder), "COLUMNS": "200"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        deadline_s = time.monotonic() + LIMIT_S
        while process.poll() is None and time.monotonic() < deadline_s:
            engine.listen(50)
        process.terminate()
        output, _ = process.communicate(timeout=10.0)
    engine.listen(50)
    return process.returncode, output


def test_an_engine_receives_a_whole_performance(tmp_path: Path, engine: Engine) -> None:
    runtime = tmp_path / "run"
    runtime.mkdir()
    config = small_config(tmp_path, engine.port, loop=True)
    report_path = tmp_path / "report.json"
    options = ("--seconds", "6", "--json", str(report_path))
    status, output = live(write_toml(config, tmp_path / "stage.toml"), runtime, engine, *options)

    assert status == 0, output
    assert "Traceback" not in output and "stage: error" not in output, output
    assert f"http://127.0.0.1:{config.console.port}" in output
    assert f"http://127.0.0.1:{config.metrics.port}/metrics" in output
    assert "smoothing lag" in output and "precision" in output

    report = json.loads(report_path.read_text())
    assert report["framesets"]["solved"] > 0
    assert list(report["legs"]) == list(LEGS)
    assert report["restarts"] == 0
    # Every frame that was sent arrived, whole, in order.
    assert len(engine.frames) == report["workers"]["broadcast"]["counters"][f"{OUTPUT}.frames"] > 0
    assert all(frame.whole for frame in engine.frames)
    assert all(set(frame.bones) <= set(HUMAN_BODY_BONES) for frame in engine.frames)
    # The eyes come with the face, once it has been seen.
    assert len({frozenset(frame.bones) - {"LeftEye", "RightEye"} for frame in engine.frames}) == 1
    times = [frame.time_s for frame in engine.frames]
    assert times == sorted(times)
    # Nothing is left behind.
    assert list(runtime.iterdir()) == []
    assert rings() == []


def test_recordings_that_end_end_the_stage(tmp_path: Path, engine: Engine) -> None:
    config = small_config(tmp_path, engine.port, loop=False)
    status, output = live(write_toml(config, tmp_path / "stage.toml"), tmp_path, engine, "--no-console", "--fast")
    assert status == 0, output
    assert len(engine.frames) > 0
    assert f":{config.console.port}" not in output


def test_a_stage_without_a_usable_camera_ends_with_one_reason(tmp_path: Path, engine: Engine) -> None:
    config = small_config(tmp_path, engine.port, loop=False)
    text = write_toml(config, tmp_path / "stage.toml").read_text()
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video" * 100)
    for camera in config.cameras:
        text = text.replace(camera.source, f"file:{broken}")
    (tmp_path / "stage.toml").write_text(text)
    status, output = live(tmp_path / "stage.toml", tmp_path, engine, "--no-console")
    assert status == 2, output
    assert "stage: error: no camera can be used: " in output and str(broken) in output
    assert "Traceback" not in output
