from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from protocols.names import RIG_BONES
from stage.bodies.body import body_cache_path, load_body
from stage.cameras.geometry import project
from stage.cameras.sources.file import FileSource
from stage.config import Config, load
from stage.errors import ResultFileError
from stage.offline import Result
from stage.overlay import overlay
from stage.synthetic.appearance import Appearance
from stage.synthetic.choreography import GRID_HZ, choreograph
from stage.synthetic.kinematics import forward
from stage.synthetic.motions import scripted
from stage.synthetic.performer import Performer
from stage.synthetic.recording import record
from stage.synthetic.shot import Shot, camera_looking

FRAMES = 6


@pytest.fixture(scope="module")
def shot() -> Shot:
    if not body_cache_path().exists():
        pytest.skip("the body model is not prepared; run `stage models`")
    rest = load_body().rest_body(np.zeros(load_body().shape_count, np.float32))
    bent = (-0.2, 0.06, 0.001, 0.0, 0.0)
    cameras = [
        camera_looking("a", (0.4, -3.2, 1.5), (0.0, 0.0, 0.95), 120.0, bent, (160, 120)),
        camera_looking("b", (2.9, 1.4, 1.2), (0.0, 0.0, 0.95), 120.0, (), (160, 120)),
    ]
    poses = choreograph(scripted("wave"), rest).at(slice(100, 100 + 4 * FRAMES))
    return Shot(Performer(rest, Appearance()), poses, GRID_HZ, {camera.id: camera for camera in cameras})


@pytest.fixture(scope="module")
def stage(shot: Shot, tmp_path_factory: pytest.TempPathFactory) -> Config:
    folder = tmp_path_factory.mktemp("overlay")
    record(shot, folder, name="overlay", crf=10, progress=lambda _: None)
    return load(folder / "stage.toml")


@pytest.fixture(scope="module")
def solved(shot: Shot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a perfect solver would have written, lost in its last frame."""
    path = tmp_path_factory.mktemp("solved") / "solved.npz"
    _result(shot).save(path)
    return path


def _result(shot: Shot) -> Result:
    poses = shot.frame_poses
    _, heads = forward(shot.performer.rest.joints, poses)
    return Result(
        names=np.array(RIG_BONES),
        capture_ns=shot.frame_ns,
        joints=heads.astype(np.float32),
        rotations=poses.rotations.astype(np.float32),
        root=poses.root.astype(np.float32),
        coco=np.zeros((FRAMES, 17, 3), np.float32),
        confidence=np.ones((FRAMES, len(RIG_BONES)), np.float32),
        rest_joints=shot.performer.rest.joints,
        shape=np.zeros(load_body().shape_count, np.float32),
        state=np.array(["tracking"] * (FRAMES - 1) + ["absent"]),
        actor=np.array("performer"),
    )


def _frames(path: str) -> list[np.ndarray]:
    source, images = FileSource(path), []
    source.open()
    while (frame := source.read()) is not None:
        images.append(frame.image)
    source.close()
    return images


def test_the_mesh_covers_the_performer_and_nothing_else(
    stage: Config, solved: Path, shot: Shot, tmp_path: Path
) -> None:
    assert overlay(stage, solved, tmp_path, progress=lambda _: None) == 2 * FRAMES
    for section in stage.cameras:
        camera = shot.cameras[section.id]
        for number, plain in enumerate(_frames(section.source.removeprefix("file:"))):
            drawn = cv2.imread(str(tmp_path / section.id / f"{number:06d}.png"))
            changed = (drawn != plain).any(axis=-1)
            if number == FRAMES - 1:
                assert not changed.any()
                continue
            pixels, _ = project(camera, shot.vertices(number))
            seen = np.zeros(changed.shape, np.uint8)
            inside = np.rint(pixels).astype(int)
            inside = inside[(inside >= 0).all(axis=1) & (inside < [160, 120]).all(axis=1)]
            seen[inside[:, 1], inside[:, 0]] = 1
            seen = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
            assert not (changed & ~cv2.dilate(seen, np.ones((3, 3), np.uint8)).astype(bool)).any()
            assert changed[inside[:, 1], inside[:, 0]].mean() > 0.95  # every vertex lies on the body


def test_the_skeleton_runs_through_the_joints(stage: Config, solved: Path, shot: Shot, tmp_path: Path) -> None:
    overlay(stage, solved, tmp_path, style="skeleton", every=2, progress=lambda _: None)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["000000.png", "000002.png", "000004.png"]
    plain = _frames(stage.cameras[0].source.removeprefix("file:"))[2]
    changed = (cv2.imread(str(tmp_path / "a" / "000002.png")) != plain).any(axis=-1)
    _, heads = forward(shot.performer.rest.joints, shot.frame_poses.at(2))
    pixels, _ = project(shot.cameras["a"], heads[0, 1:])
    columns, rows = np.rint(pixels).astype(int).T
    assert changed[rows, columns].all()
    assert changed.mean() < 0.1


def test_one_video_per_camera_or_one_of_all(stage: Config, solved: Path, tmp_path: Path) -> None:
    overlay(stage, solved, tmp_path / "each", as_video=True, progress=lambda _: None)
    assert len(_frames(str(tmp_path / "each" / "b.mp4"))) == FRAMES
    assert overlay(stage, solved, tmp_path / "all.mp4", progress=lambda _: None) == 2 * FRAMES
    together = _frames(str(tmp_path / "all.mp4"))
    assert len(together) == FRAMES
    assert together[0].shape == (480, 1280, 3)


def test_times_without_a_solution_stay_as_they_are(stage: Config, shot: Shot, tmp_path: Path) -> None:
    late = dataclasses.replace(_result(shot), capture_ns=shot.frame_ns + 10_000_000_000)
    late.save(tmp_path / "late.npz")
    overlay(stage, tmp_path / "late.npz", tmp_path / "out", progress=lambda _: None)
    plain = _frames(stage.cameras[0].source.removeprefix("file:"))[0]
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "out" / "a" / "000000.png")), plain)


def test_a_missing_result_and_a_place_that_cannot_be_written_are_refused(
    stage: Config, solved: Path, tmp_path: Path
) -> None:
    with pytest.raises(ResultFileError, match="none"):
        overlay(stage, tmp_path / "none.npz", tmp_path / "out")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ResultFileError, match="cannot be written"):
        overlay(stage, solved, tmp_path / "file" / "out", progress=lambda _: None)
