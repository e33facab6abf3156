"""The demo recording as it is committed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from protocols.names import ARKIT_SHAPES, RIG_BONES
from stage.cameras.calibration import load_calibration
from stage.cameras.geometry import visible
from stage.cameras.sources.file import FileSource
from stage.cameras.sources.source import SourceInfo
from stage.config import CameraSection, load
from stage.synthetic.demo import DEMO_FOLDER, second_recording
from stage.synthetic.truth import Truth, load_truth
from tests.shared_data import shared_data


@pytest.fixture(scope="module")
def truth() -> Truth:
    return load_truth(DEMO_FOLDER / "truth.npz")


def test_is_small_and_long_enough(truth: Truth) -> None:
    assert sum(path.stat().st_size for path in DEMO_FOLDER.iterdir() if path.is_file()) < 12_000_000
    assert (DEMO_FOLDER / "truth.npz").stat().st_size < 3_000_000
    assert truth.capture_ns[-1] > 10 * 1_000_000_000


def info_of(section: CameraSection) -> SourceInfo:
    source = FileSource(section.source.removeprefix("file:"))
    info = source.open()
    source.close()
    return info


def test_stage_toml_loads_and_every_camera_loops_at_full_rate(truth: Truth) -> None:
    config = load(DEMO_FOLDER / "stage.toml")
    calibrated = load_calibration(config.stage.calibration)
    assert [output.kind for output in config.outputs] == ["vmc"]
    assert len(config.body_cameras) == 4
    for section in config.body_cameras:
        info = info_of(section)
        assert section.loop
        assert (info.width, info.height) == (calibrated[section.id].width, calibrated[section.id].height)
        assert info.rate_achieved == 30.0
        assert info.duration_ns is not None
        assert abs(info.duration_ns - len(truth.capture_ns) * 1e9 / 30.0) < 2e6


@pytest.mark.parametrize("name", ["stage.toml", "face.toml"])
def test_a_camera_on_the_head_films_the_face_at_60_hz(name: str, truth: Truth) -> None:
    (section,) = load(DEMO_FOLDER / name).face_cameras
    info = info_of(section)
    assert (section.face_of, section.mount, section.loop) == ("performer", "head", True)
    assert info.rate_achieved == 60.0
    assert info.duration_ns is not None
    assert abs(info.duration_ns - len(truth.face_ns) * 1e9 / 60.0) < 2e6
    assert len(truth.face_ns) == 2 * len(truth.capture_ns)


def test_the_face_is_known_at_every_instant_and_begins_at_rest(truth: Truth) -> None:
    assert truth.face.shape == (len(truth.face_ns), 52)
    assert list(truth.face_names) == list(ARKIT_SHAPES)
    assert truth.face.min() >= 0.0 and truth.face.max() <= 1.0
    assert (truth.face.std(axis=0) > 0.05).sum() >= 45
    expressive = [i for i, shape in enumerate(ARKIT_SHAPES) if not shape.startswith("Eye")]
    assert np.median(truth.face[:120, expressive], axis=0).max() < 0.06
    assert np.abs(truth.gaze).max() < 0.35
    assert np.abs(truth.face[0] - truth.face[-1]).max() < 0.1
    slip = truth.head_camera[:, :3] - truth.head_camera[:, :3].mean(axis=0)
    assert 0.0008 < slip.std() < 0.004


def test_fingers_gesture(truth: Truth) -> None:
    tips = [RIG_BONES.index(f"{finger}_03_r") for finger in ("index", "middle", "ring", "pinky")]
    hand = RIG_BONES.index("hand_r")
    reach = np.linalg.norm(truth.joints[:, tips] - truth.joints[:, [hand]], axis=-1)
    assert (reach.max(axis=0) / reach.min(axis=0) > 1.3).all()  # open and closed
    counting = reach[(truth.capture_ns > 3.8e9) & (truth.capture_ns < 6.0e9)]
    assert np.ptp(counting[:, 3]) > 0.02


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
