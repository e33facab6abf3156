from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from stage.cameras.calibration import load_calibration
from stage.cameras.sources.file import FileSource
from stage.config import load
from stage.errors import ResultFileError
from stage.synthetic.appearance import Appearance
from stage.synthetic.kinematics import forward
from stage.synthetic.performer import Performer, phenotype_body
from stage.synthetic.recording import record
from stage.synthetic.shot import Shot
from stage.synthetic.truth import load_truth, truth_vertices

PHENOTYPE = {"gender": 0.3, "height": 0.7}


@pytest.fixture(scope="module")
def recorded(shot: Shot, tmp_path_factory: pytest.TempPathFactory) -> tuple[Shot, Path]:
    """Ten frames of a performer of a given phenotype."""
    folder = tmp_path_factory.mktemp("recording") / "wave"
    rest = phenotype_body(PHENOTYPE)
    assert shot.face is not None
    part = slice(80, 120)
    close = shot.head_cameras["face"]
    filmed = dataclasses.replace(
        shot,
        performer=Performer(rest, Appearance()),
        poses=shot.poses.at(part),
        face=shot.face[part],
        head_cameras={"face": dataclasses.replace(close, mounts=close.mounts[part])},
    )
    record(filmed, folder, name="wave", loop=True, crf=12, progress=lambda _: None)
    return filmed, folder


def test_videos_hold_every_frame_at_its_time(recorded: tuple[Shot, Path]) -> None:
    shot, folder = recorded
    source = FileSource(folder / "a.mp4")
    info = source.open()
    assert (info.width, info.height, info.rate_achieved) == (160, 120, 30.0)
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    source.close()
    assert len(frames) == shot.frame_count == 10
    np.testing.assert_allclose([frame.pts_ns for frame in frames], shot.frame_ns, atol=1000)
    difference = frames[4].image.astype(float) - shot.picture("a", 4)
    assert np.abs(difference).mean() < 4.0


def test_the_face_camera_films_at_its_own_rate(recorded: tuple[Shot, Path]) -> None:
    shot, folder = recorded
    source = FileSource(folder / "face.mp4")
    assert source.open().rate_achieved == 60.0
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    source.close()
    assert len(frames) == 20
    assert np.abs(frames[7].image.astype(float) - shot.picture("face", 7)).mean() < 4.0


def test_the_stage_can_load_what_was_recorded(recorded: tuple[Shot, Path]) -> None:
    shot, folder = recorded
    config = load(folder / "stage.toml")
    assert [camera.id for camera in config.body_cameras] == ["a", "b"]
    assert [(camera.id, camera.face_of) for camera in config.face_cameras] == [("face", "performer")]
    (alone,) = load(folder / "face.toml").cameras
    assert (alone.face_of, alone.mount, alone.calibration) == ("performer", "head", "")
    assert all(camera.loop for camera in config.cameras)
    assert config.outputs[0].port == 39539
    calibrated = load_calibration(config.stage.calibration)
    np.testing.assert_array_equal(calibrated["a"].K, shot.cameras["a"].K)
    np.testing.assert_array_equal(calibrated["b"].t_camera_world, shot.cameras["b"].t_camera_world)


def test_ground_truth_is_complete_and_consistent(recorded: tuple[Shot, Path]) -> None:
    shot, folder = recorded
    truth = load_truth(folder / "truth.npz")
    _, heads = forward(truth.rest_joints, truth.poses)
    np.testing.assert_allclose(heads, truth.joints, atol=1e-5)
    np.testing.assert_array_equal(truth.capture_ns, shot.frame_ns)
    assert truth.coco.shape == (10, 17, 3)
    np.testing.assert_allclose(truth.rest_body().vertices, shot.performer.rest.vertices)
    assert shot.face is not None
    np.testing.assert_array_equal(truth.face, shot.face[::2])
    np.testing.assert_array_equal(truth.face_at(truth.capture_ns), shot.face[::4])
    np.testing.assert_allclose(truth.head_camera, shot.head_cameras["face"].mounts[::2], atol=1e-6)
    assert truth.gaze.shape == (20, 2, 2)
    vertices = truth_vertices(folder / "truth.npz", slice(3, 5))
    assert vertices.shape[0] == 2
    np.testing.assert_allclose(vertices[0], shot.vertices(3), atol=1e-5)


def test_other_files_are_no_ground_truth(tmp_path: Path) -> None:
    with pytest.raises(ResultFileError, match="no such"):
        load_truth(tmp_path / "none.npz")
    (tmp_path / "broken.npz").write_bytes(b"PK not really")
    with pytest.raises(ResultFileError, match="no ground truth"):
        load_truth(tmp_path / "broken.npz")
    np.savez(tmp_path / "other.npz", joints=np.zeros(3))
    with pytest.raises(ResultFileError, match="no ground truth"):
        load_truth(tmp_path / "other.npz")
