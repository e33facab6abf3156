"""Enrolment on exact faces, without networks."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from stage import cli
from stage.cameras.camera import Camera
from stage.cameras.sources import Frame
from stage.config import ActorSection, CameraSection, Config, load
from stage.enroll import enroll
from stage.enroll._clip import Clip, SeenFace, face_sharpness, watch
from stage.enroll._enroll import _stage_of
from stage.enroll._face import Anatomy, FaceMeasure, measure_clip, measure_photos
from stage.enroll._report import BodyMeasure, body_advice, face_advice, face_lines
from stage.errors import EnrollError
from stage.faces.head_pose import ASSUMED_FOCAL
from stage.faces.identity_map import IdentityMap
from stage.faces.profile import FaceProfile
from stage.networks.reader import LandmarkReader
from stage.offline import Pictures
from tests.body_model import body_model
from tests.stage.faces.exact_face import HEIGHT, WIDTH, LipGap, coefficients, face_model, facing, seen

INTERVAL_NS = 33_333_333
SHAPE = np.zeros(20)


@functools.cache
def anatomy() -> Anatomy:
    return Anatomy(face_model(), IdentityMap(body_model(), face_model()), LipGap(), SHAPE)


def identity(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 1.0, len(face_model().identity_basis))


def turned(yaw: float, pitch: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    R, t = facing()
    return R @ Rotation.from_euler("zx", [yaw, pitch]).as_matrix(), t


def clip_of(who: np.ndarray, *, rest_frames: int = 75, restless: bool = False) -> list[SeenFace]:
    """Two and a half seconds at rest, then a talking head that turns."""
    model, faces = face_model(), []
    points = model.neutral(SHAPE, who)
    for number in range(rest_frames + 60):
        moves = number >= rest_frames
        opened = 0.5 * (1.0 + np.sin(number)) if moves or restless else 0.0
        pose = turned(0.4 * np.sin(number / 10), 0.2 * np.cos(number / 7)) if moves else facing()
        shown = points + model.expression(coefficients(JawOpen=opened))
        frame = seen(shown, pose, number * INTERVAL_NS, noise_px=0.2)
        faces.append(SeenFace(frame, frame.faces[0], 0.2))
    return faces


def apart_mm(first: np.ndarray, second: np.ndarray) -> float:
    """Between the faces of two identities."""
    faces = np.tensordot(np.stack([first, second]), face_model().identity_basis, 1)
    faces -= faces.mean(axis=1, keepdims=True)
    return float(np.linalg.norm(faces[0] - faces[1], axis=1).mean() * 1e3)


def test_the_same_face_is_the_same_identity_whatever_else_it_does() -> None:
    first, again = (measure_clip(clip_of(identity()), {}, anatomy(), 2.0) for _ in range(2))
    np.testing.assert_array_equal(first.profile.identity, again.profile.identity)
    quiet = measure_clip(clip_of(identity())[:75], {}, anatomy(), 2.0)
    other = measure_clip(clip_of(identity(2))[:75], {}, anatomy(), 2.0)
    within = apart_mm(first.profile.identity, quiet.profile.identity)
    assert within < 0.7 * apart_mm(quiet.profile.identity, other.profile.identity)
    assert (quiet.directions, first.directions > 2) == (1, True)
    assert 1.9 < first.rest_s < 2.1


def test_rest_is_the_calmest_stretch_not_the_talking_one() -> None:
    who = identity(2)
    still = measure_clip(clip_of(who), {}, anatomy(), 2.0)
    talking = measure_clip(clip_of(who, restless=True), {}, anatomy(), 2.0)
    assert still.unrest < 0.5 * talking.unrest
    quiet = measure_clip(clip_of(who)[:75], {}, anatomy(), 2.0)
    points = slice(0, 468 * 3)
    np.testing.assert_allclose(still.profile.neutral[points], quiet.profile.neutral[points], atol=0.01)


def test_two_calibrated_cameras_tell_a_large_head() -> None:
    K = np.array(
        [
            [ASSUMED_FOCAL * WIDTH, 0.0, 0.5 * (WIDTH - 1)],
            [0.0, ASSUMED_FOCAL * WIDTH, 0.5 * (HEIGHT - 1)],
            [0.0, 0.0, 1.0],
        ]
    )
    R, t = facing()
    aside = Rotation.from_euler("y", 0.5).as_matrix()
    cameras = {
        name: Camera(name, WIDTH, HEIGHT, K, np.zeros(0), turn @ R, t)
        for name, turn in (("a", np.eye(3)), ("b", aside))
    }
    sizes = []
    for growth in (1.0, 1.08):
        points = growth * face_model().neutral(SHAPE, 0.0 * identity())
        faces = []
        for number in range(75):
            for camera in cameras.values():
                pose = (camera.R_camera_world, camera.t_camera_world)
                frame = seen(points, pose, number * INTERVAL_NS, camera=camera.id, noise_px=0.1)
                faces.append(SeenFace(frame, frame.faces[0], 0.2))
        sizes.append(measure_clip(faces, cameras, anatomy(), 2.0).profile.log_size)
    assert sizes[1] - sizes[0] == pytest.approx(np.log(1.08), rel=0.3)


def test_too_few_or_interrupted_views_are_refused() -> None:
    faces = clip_of(identity())
    with pytest.raises(EnrollError, match=r"seen in 5 pictures"):
        measure_clip(faces[:5], {}, anatomy(), 2.0)
    with pytest.raises(EnrollError, match=r"2 s on end"):
        measure_clip(faces[:30], {}, anatomy(), 2.0)


def test_photos_from_several_sides_do_and_none_from_the_front_is_refused() -> None:
    who, model = identity(3), face_model()
    points = model.neutral(SHAPE, who)

    def photo(number: int, yaw: float) -> SeenFace:
        frame = seen(points, turned(yaw), number, camera=f"{number}.jpg")
        return SeenFace(frame, frame.faces[0], 0.2)

    photos = [photo(number, yaw) for number, yaw in enumerate((0.0, 0.4, -0.4, 0.7))]
    measure = measure_photos(photos, anatomy())
    filmed = measure_clip(clip_of(who)[:75], {}, anatomy(), 2.0)
    stranger = measure_clip(clip_of(identity(4))[:75], {}, anatomy(), 2.0)
    own = apart_mm(measure.profile.identity, filmed.profile.identity)
    assert own < 0.5 * apart_mm(measure.profile.identity, stranger.profile.identity)
    assert measure.rest_s == 0.0
    with pytest.raises(EnrollError, match="from the front"):
        measure_photos([photo(0, 0.7), photo(1, -0.8)], anatomy())


def test_blur_lowers_the_sharpness_whatever_the_size() -> None:
    random = np.random.default_rng(0)
    image = cv2.resize(random.integers(0, 255, (40, 40), np.uint8), (400, 400), interpolation=cv2.INTER_CUBIC)
    corners = np.array([[20.0, 20.0], [380.0, 380.0]])
    blurred = np.asarray(cv2.GaussianBlur(image, (0, 0), 12.0))
    assert face_sharpness(image, corners) > 3.0 * face_sharpness(blurred, corners)
    assert face_sharpness(np.zeros((20, 20, 3), np.uint8), corners) == 0.0  # beyond the picture


def measure(**changes: float) -> FaceMeasure:
    plain = FaceMeasure(FaceProfile(np.zeros(60), np.zeros(1)), 100, 100, 5, 200.0, 0.2, 0.002, 2.0, 0.0005, 0.001)
    return plain._replace(**changes)


def test_a_good_face_needs_no_advice() -> None:
    assert list(face_advice(measure())) == []
    assert "0.5 mm" in " ".join(face_lines(measure()))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"unrest": 0.05}, "rest"),
        ({"directions": 1}, "turn the head"),
        ({"size_px": 40.0}, "nearer"),
        ({"sharpness": 0.01}, "blurred"),
        ({"misfit_m": 0.02}, "mask"),
        ({"spread_m": 0.004}, "different faces"),
        ({"rest_s": 0.0, "used": 1}, "photos"),
    ],
)
def test_each_weakness_has_its_advice(changes: dict[str, float], word: str) -> None:
    (line,) = face_advice(measure(**changes))
    assert word in line


def test_a_body_seen_badly_is_told_so() -> None:
    clip = Clip("alice", framesets=100, tracked=50)
    clip.frames["left"], clip.crowded["left"] = 100, 60
    lines = list(body_advice(BodyMeasure(SHAPE, 1.7, 0.01, 6), clip, 1, False))
    assert [any(word in line for line in lines) for word in ("poses", "out of view", "height_m", "others")] == [
        True
    ] * 4
    good = Clip("alice", framesets=100, tracked=100)
    assert list(body_advice(BodyMeasure(SHAPE, 1.7, 0.01, 24), good, 4, False)) == []


def stage_with(*cameras: CameraSection) -> Config:
    actors = (ActorSection(id="alice", profile="/kept/alice"), ActorSection(id="bob", profile="/kept/bob"))
    return Config(cameras=cameras, actors=actors)


def test_only_cameras_that_concern_the_actor_take_part() -> None:
    config = stage_with(
        CameraSection(id="wide", source="file:a"),
        CameraSection(id="hers", source="file:b", face_of="alice"),
        CameraSection(id="his", source="file:c", face_of="bob"),
    )
    stage, is_new = _stage_of(config, "alice", Path("/stage"))
    assert ([camera.id for camera in stage.cameras], is_new) == (["wide", "hers"], False)
    assert stage.actors == (config.actors[0],)
    stage, is_new = _stage_of(config, "carol", Path("/stage"))
    assert (stage.actors[0].profile, is_new) == ("/stage/actors/carol", True)


@pytest.mark.parametrize("name", ["", "../alice", "a/b", ".hidden", "a b"])
def test_a_name_that_is_no_folder_is_refused(name: str) -> None:
    with pytest.raises(EnrollError, match="no name"):
        _stage_of(stage_with(), name, Path("/stage"))


def test_a_stage_whose_cameras_all_film_others_is_refused(tmp_path: Path) -> None:
    config = stage_with(CameraSection(id="his", source="file:c", face_of="bob"))
    with pytest.raises(EnrollError, match="bound to other"):
        enroll(config, "alice", tmp_path, report=lambda _: None)


def test_live_and_recorded_cameras_do_not_mix(tmp_path: Path) -> None:
    config = stage_with(CameraSection(id="a", source="device:0"), CameraSection(id="b", source="file:b"))
    with pytest.raises(EnrollError, match="live"):
        enroll(config, "alice", tmp_path, report=lambda _: None)


def test_a_photo_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    face_model()  # skips without the body model
    (tmp_path / "note.txt").write_text("no picture")
    (tmp_path / "face.mp4").write_bytes(b"")
    (tmp_path / "stage.toml").write_text('[[cameras]]\nid = "f"\nsource = "file:face.mp4"\nface_of = "actor"\n')
    assert load(tmp_path / "stage.toml").face_cameras[0].id == "f"
    arguments = ["enroll", "actor", str(tmp_path / "stage.toml"), "--photos", str(tmp_path / "note.txt")]
    assert cli.run(arguments) == 2
    assert "no picture that can be read" in capsys.readouterr().err
    assert not (tmp_path / "actors").exists()


def test_photos_and_seconds_exclude_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["enroll", "a", str(tmp_path / "x.toml"), "--photos", "a.png", "--seconds", "3"]) == 2
    assert "exclude" in capsys.readouterr().err


class _NobodyThere(LandmarkReader):
    """Reads pictures and sees nothing."""


def test_watching_nobody_counts_the_frames_and_finds_no_face() -> None:
    image = np.zeros((12, 16, 3), np.uint8)
    ticks = [Pictures(number * INTERVAL_NS, {"a": Frame(image, 0, None, number)}) for number in range(4)]
    clip = watch("alice", ticks, _NobodyThere(), None)
    assert (clip.frames["a"], clip.faces, clip.framesets) == (4, [], 0)
    assert clip.seconds == pytest.approx(0.1, abs=1e-6)
    assert dataclasses.asdict(clip)["actor"] == "alice"
