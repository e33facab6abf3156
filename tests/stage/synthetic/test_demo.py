"""The demo recording as it is committed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from protocols.names import RIG_BONES
from stage.cameras.calibration import load_calibration
from stage.cameras.geometry import visible
from stage.cameras.sources.file import FileSource
from stage.config import load
from stage.synthetic.demo import DEMO_FOLDER, second_recording
from stage.synthetic.truth import Truth, load_truth
from tests.shared_data import shared_data


@pytest.fixture(scope="module")
def truth() -> Truth:
    return load_truth(DEMO_FOLDER / "truth.npz")


def test_is_small_and_long_enough(truth: Truth) -> None:
    assert sum(path.stat().st_size for path in DEMO_FOLDER.iterdir() if path.is_file()) < 8_000_000
    assert (DEMO_FOLDER / "truth.npz").stat().st_size < 3_000_000
    assert truth.capture_ns[-1] > 10 * 1_000_000_000


def test_stage_toml_loads_and_every_camera_loops_at_full_rate(truth: Truth) -> None:
    config = load(DEMO_FOLDER / "stage.toml")
    calibrated = load_calibration(config.stage.calibration)
    assert len(config.cameras) == 4
    assert [output.kind for output in config.outputs] == ["vmc"]
    for section in config.cameras:
        assert section.loop
        source = FileSource(section.source.removeprefix("file:"))
        info = source.open()
        source.close()
        assert (info.width, info.height) == (calibrated[section.id].width, calibrated[section.id].height)
        assert info.rate_achieved == 30.0
        assert info.duration_ns is not None
        assert abs(info.duration_ns - len(truth.capture_ns) * 1e9 / 30.0) < 2e6


def test_the_motion_loops_without_a_seam(truth: Truth) -> None:
    steps = np.linalg.norm(np.diff(truth.joints, axis=0), axis=-1).max(axis=1)
    across = np.linalg.norm(truth.joints[0] - truth.joints[-1], axis=-1).max()
    assert across < np.median(steps) + 0.01
    assert steps.max() < 0.35  # metres per frame: a fast foot


def test_the_performer_stays_in_all_pictures_and_faces_a_camera(truth: Truth) -> None:
    calibrated = load_calibration(DEMO_FOLDER / "calibration.toml")
    head = RIG_BONES.index("head")
    for camera in calibrated.values():
        inside = visible(camera, truth.joints[:, 1:].astype(np.float64))
        assert inside[:, head - 1].all()
        assert inside.mean() > 0.99
    nose = truth.coco[:, 0] - truth.joints[:, head]
    nose /= np.linalg.norm(nose, axis=1, keepdims=True)
    seen = np.zeros(len(nose), bool)
    for camera in calibrated.values():
        towards = camera.center_world - truth.joints[:, head]
        towards /= np.linalg.norm(towards, axis=1, keepdims=True)
        seen |= (nose * towards).sum(axis=1) > 0.6
    assert seen.mean() > 0.6


def test_the_second_performer_is_rendered_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    motion = shared_data("bvh") / "vrm10viewer_test_motion.bvh"
    monkeypatch.setattr("stage.synthetic.demo.cache_dir", lambda: tmp_path)
    folder = second_recording(motion, seconds=0.1, progress=lambda _: None)
    truth = load_truth(folder / "truth.npz")
    assert len(truth.capture_ns) == 3
    before = (folder / "truth.npz").stat().st_mtime_ns
    assert second_recording(motion, seconds=0.1) == folder
    assert (folder / "truth.npz").stat().st_mtime_ns == before
    assert truth.rest_body().vertices[:, 2].max() < 1.65  # a short performer
