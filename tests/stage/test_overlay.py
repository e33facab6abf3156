from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest

from protocols.messages import FaceLandmarks
from protocols.names import ARKIT_SHAPES, RIG_BONES
from stage.bodies.body import body_cache_path, load_body
from stage.cameras.geometry import project
from stage.cameras.sources.file import FileSource
from stage.config import Config, load
from stage.errors import ResultFileError
from stage.offline import Result
from stage.overlay import overlay
from stage.overlay._body import SolvedBody
from stage.overlay._face_camera import draw_landmarks
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


def _with_face(shot: Shot, state: str = "tracking", confidence: float = 1.0, **shapes: float) -> Result:
    result, values = _result(shot), np.zeros((FRAMES, 52), np.float32)
    for name, value in shapes.items():
        values[:, ARKIT_SHAPES.index(name)] = value
    return dataclasses.replace(
        result,
        state=np.array(["tracking"] * FRAMES),
        face_capture_ns=result.capture_ns,
        face_shapes=values,
        face_confidence=np.full((FRAMES, 52), confidence, np.float32),
        face_head=np.tile(np.array([0, 0, 0, 1], np.float32), (FRAMES, 1)),
        face_gaze=np.zeros((FRAMES, 2, 2), np.float32),
        face_state=np.array([state] * FRAMES),
    )


def _close_up(shot: Shot, result: Result, style: Literal["mesh", "skeleton"]) -> np.ndarray:
    _, heads = forward(shot.performer.rest.joints, shot.frame_poses.at(0))
    x, y, z = heads[0, RIG_BONES.index("head")].tolist()
    camera = camera_looking("close", (x, y - 0.6, z + 0.05), (x, y, z + 0.05), 240.0, (), (240, 240))
    return SolvedBody(result, style, 1e9).draw(np.full((240, 240, 3), 90, np.uint8), camera, 0)


def _changed(one: np.ndarray, other: np.ndarray) -> float:
    return float((one != other).any(axis=-1).mean())


@pytest.mark.parametrize("style", ["mesh", "skeleton"])
def test_a_face_is_drawn_where_there_is_one(shot: Shot, style: Literal["mesh", "skeleton"]) -> None:
    without, netted = _close_up(shot, _result(shot), style), _close_up(shot, _with_face(shot), style)
    assert _changed(without, netted) > 0.05
    absent = _close_up(shot, _with_face(shot, state="absent"), style)
    np.testing.assert_array_equal(absent, without)


def test_an_open_mouth_moves_the_mesh_and_confidence_its_colour(shot: Shot) -> None:
    rest, wide = (_close_up(shot, _with_face(shot, JawOpen=value), "mesh") for value in (0.0, 1.0))
    assert _changed(rest[:150], wide[:150]) < _changed(rest[150:], wide[150:])
    sure, unsure = (_close_up(shot, _with_face(shot, confidence=value), "skeleton") for value in (1.0, 0.0))
    assert sure[..., 1].mean() > unsure[..., 1].mean() and sure[..., 2].mean() < unsure[..., 2].mean()


def test_grey_pictures_are_drawn_on_in_colour(shot: Shot) -> None:
    drawn = SolvedBody(_with_face(shot), "skeleton", 1e9).draw(np.zeros((120, 160), np.uint8), shot.cameras["a"], 0)
    assert drawn.shape == (120, 160, 3) and drawn.any()


def test_a_result_without_bodies_leaves_body_cameras_as_they_are(shot: Shot) -> None:
    nobody = Result.of(RIG_BONES, [], [], np.zeros(load_body().shape_count))
    image = np.zeros((120, 160, 3), np.uint8)
    assert SolvedBody(nobody, "mesh", 1e9).draw(image, shot.cameras["a"], 0) is image


def test_landmarks_of_a_face_camera_are_drawn_where_they_are() -> None:
    random = np.random.default_rng(1)
    points = np.concatenate([random.uniform(20.0, 80.0, (468, 2)), np.zeros((468, 1))], axis=1)
    eyes = random.uniform(100.0, 110.0, (2, 76, 2))
    face = FaceLandmarks(-1, "anna", points.astype("<f4").tobytes(), eyes.astype("<f4").tobytes(), 1.0)
    image = np.zeros((140, 140, 3), np.uint8)
    draw_landmarks(image, face)
    columns, rows = np.rint(points[:, :2]).astype(int).T
    assert image[rows, columns].any(axis=-1).all()
    assert image[98:112, 98:112].any() and not image[:15].any() and not image[:, 130:].any()
