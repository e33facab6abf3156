from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stage.cameras.calibration import camera_for, load_calibration, save_calibration
from stage.cameras.camera import DISTORTION_LENGTHS, Camera
from stage.config import CameraSection
from stage.errors import CalibrationError
from tests.shared_data import shared_data

K = [[900.0, 0.0, 640.0], [0.0, 905.0, 350.0], [0.0, 0.0, 1.0]]

CALIBRATION = """format = "stage-calibration"
version = 1
[cameras.left]
size = [1280, 720]
matrix = [[900, 0, 640], [0, 905, 350], [0, 0, 1]]
distortion = []
rotation = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
translation = [0.0, 1.5, 3.0]
"""


def cameras(seed: int) -> list[Camera]:
    rng = np.random.default_rng(seed)
    made = []
    for number, coefficients in enumerate(DISTORTION_LENGTHS):
        R, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        R *= np.sign(np.linalg.det(R))
        name = f'cam "{number}" \\ ü'
        made.append(Camera(name, 1280, 720, np.array(K), rng.normal(size=coefficients), R, rng.normal(size=3)))
    return made


@pytest.mark.parametrize("seed", range(5))
def test_what_is_saved_is_loaded_bit_for_bit(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "calibration.toml"
    before = cameras(seed)
    save_calibration(path, before)
    after = load_calibration(path)
    assert list(after) == [camera.id for camera in before]
    for camera in before:
        loaded = after[camera.id]
        assert (loaded.id, loaded.width, loaded.height) == (camera.id, 1280, 720)
        for name in ("K", "distortion", "R_camera_world", "t_camera_world"):
            assert (getattr(loaded, name) == getattr(camera, name)).all()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("version = 1", "version = 9", "version 9"),
        ("translation = [0.0, 1.5, 3.0]", "", "missing translation"),
        ("distortion", "distortions", "unknown distortions"),
        ("[1280, 720]", "[1280]", "size must be"),
        ("[1280, 720]", "[1280.5, 720]", "size must be"),
        ("[[900, 0, 640]", "[[0, 0, 640]", "singular"),
        ("[[900, 0, 640]", "[[nan, 0, 640]", "not finite"),
        ("[0, 1, 0]]", "[0, 2, 0]]", "no rotation"),
        ("1.5, 3.0]", "1.5, 3000.0]", "millimetres"),
        ("[cameras.left]", "[cameras.left", "is not TOML"),
        ("stage-calibration", "something-else", "no calibrated camera found"),
        ("1.5, 3.0]", "1.5, 'x']", "not made of numbers"),
    ],
)
def test_a_bad_file_is_refused_with_its_name(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in CALIBRATION
    path = tmp_path / "calibration.toml"
    path.write_text(CALIBRATION.replace(old, new))
    with pytest.raises(CalibrationError, match=words) as caught:
        load_calibration(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="no such calibration file"):
        load_calibration(tmp_path / "none.toml")
    with pytest.raises(CalibrationError, match=r"intri\.yml is missing"):
        load_calibration(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(content=st.binary(max_size=300), suffix=st.sampled_from([".toml", ".yml"]))
def test_any_bytes_are_a_calibration_or_a_calibration_error(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"intri{suffix}"
    for name in ("intri", "extri"):
        (tmp_path / f"{name}{suffix}").write_bytes(content)
    with pytest.raises(CalibrationError):
        load_calibration(path)


def test_a_camera_is_found_by_its_name_in_the_file_and_scaled(tmp_path: Path) -> None:
    path = tmp_path / "calibration.toml"
    path.write_text(CALIBRATION)
    loaded = load_calibration(path)
    section = CameraSection(id="cam1", source="device:0", calibration_id="left")
    camera = camera_for(section, loaded, (640, 360))
    assert (camera.id, camera.width, camera.height) == ("cam1", 640, 360)
    assert camera.K[0, 0] == pytest.approx(450.0)
    with pytest.raises(CalibrationError, match=r"'cam1'.* 640x480 .* 1280x720"):
        camera_for(section, loaded, (640, 480))


def test_a_camera_the_file_lacks_is_refused_with_a_hint(tmp_path: Path) -> None:
    path = tmp_path / "calibration.toml"
    path.write_text(CALIBRATION)
    with pytest.raises(CalibrationError, match=r"has no camera 'lefty', it has left; .* perhaps"):
        camera_for(CameraSection(id="lefty", source="device:0"), load_calibration(path), (1280, 720))


def test_real_video_of_another_size_than_its_calibration_is_scaled_as_it_was() -> None:
    # Two of these videos are 8 pixels narrower than their calibration: scaled evenly, with 7 black rows at both ends.
    loaded = load_calibration(shared_data("pose2sim_balancing/Calib_scene.toml"))
    section = CameraSection(id="cam01", source="file:cam01.mp4", calibration_id="int_cam01_img")
    before = loaded["int_cam01_img"]
    after = camera_for(section, loaded, (1080, 1920))
    scale = 1080 / 1088
    assert after.K[0, 0] == pytest.approx(scale * before.K[0, 0])
    assert after.K[1, 2] + 0.5 == pytest.approx(scale * (before.K[1, 2] + 0.5) + (1920 - scale * 1920) / 2)
