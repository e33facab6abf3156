from __future__ import annotations

import csv
import dataclasses
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest

from stage.cameras.calibration import load_calibration
from stage.cameras.camera import Camera
from stage.cameras.geometry import project
from stage.errors import CalibrationError
from tests.shared_data import shared_data

K = np.array([[900.0, 0.0, 640.0], [0.0, 905.0, 350.0], [0.0, 0.0, 1.0]])
LENS = np.array([-0.1, 0.02, 0.001, -0.002, 0.01])
RVEC = np.array([1.2, -0.4, 0.3])
T = np.array([0.1, 0.2, 3.0])
R, _ = cv2.Rodrigues(RVEC)

CAMERA = f"""size = [1280.0, 720.0]
matrix = {K.tolist()}
distortions = {LENS.tolist()}
translation = {T.tolist()}
"""


def assert_is_the_camera(camera: Camera, size: tuple[int, int] = (1280, 720)) -> None:
    assert (camera.width, camera.height) == size
    np.testing.assert_array_equal(camera.K, K)
    np.testing.assert_array_equal(camera.distortion, LENS)
    np.testing.assert_allclose(camera.R_camera_world, R, atol=1e-12)
    np.testing.assert_array_equal(camera.t_camera_world, T)


def test_pose2sim(tmp_path: Path) -> None:
    path = tmp_path / "Calib.toml"
    path.write_text(
        f"[cam1]\nname = 'cam1'\nrotation = {RVEC.tolist()}\nfisheye = false\n{CAMERA}[metadata]\nerror = 0\n"
    )
    loaded = load_calibration(path)
    assert list(loaded) == ["cam1"]
    assert_is_the_camera(loaded["cam1"])


@pytest.mark.parametrize("rotation", [R.tolist(), RVEC.tolist()])
def test_caliscope_leaves_out_what_is_not_placed(tmp_path: Path, rotation: object) -> None:
    path = tmp_path / "camera_array.toml"
    unplaced = CAMERA.replace(f"translation = {T.tolist()}\n", "")
    path.write_text(
        f"[cameras.0]\ncam_id = 0\nignore = false\nrotation = {rotation}\n{CAMERA}"
        f"[cameras.1]\nignore = true\nrotation = {rotation}\n{CAMERA}[cameras.2]\n{unplaced}"
    )
    loaded = load_calibration(path)
    assert list(loaded) == ["0"]
    assert_is_the_camera(loaded["0"])


@pytest.mark.parametrize("as_matrix", [True, False])
@pytest.mark.parametrize("sized", [True, False])
def test_opencv_pair_by_folder_or_by_either_file(tmp_path: Path, as_matrix: bool, sized: bool) -> None:
    intri = cv2.FileStorage(str(tmp_path / "intri.yml"), cv2.FILE_STORAGE_WRITE)
    extri = cv2.FileStorage(str(tmp_path / "extri.yml"), cv2.FILE_STORAGE_WRITE)
    for file in (intri, extri):
        file.startWriteStruct("names", cv2.FileNode_SEQ)
        file.write("", "01")
        file.endWriteStruct()
    intri.write("K_01", K)
    intri.write("dist_01", LENS.reshape(1, 5))
    if sized:
        intri.write("W_01", 1280)
        intri.write("H_01", 720)
    if as_matrix:
        extri.write("Rot_01", R)
    extri.write("R_01", RVEC.reshape(3, 1))
    extri.write("T_01", T.reshape(3, 1))
    intri.release()
    extri.release()
    for path in (tmp_path, tmp_path / "intri.yml", tmp_path / "extri.yml"):
        assert_is_the_camera(load_calibration(path)["01"], (1280, 720) if sized else (0, 0))
    (tmp_path / "extri.yml").unlink()
    with pytest.raises(CalibrationError, match=r"extri\.yml is missing"):
        load_calibration(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("fisheye = false", "fisheye = true", "fisheye"),
        ("size = [1280.0, 720.0]", "", "lacks size"),
        ("rotation = [", "rotation = [5.0, ", "neither a 3x3 matrix nor a vector"),
        ("rotation = [", "rotation = ['a', ", "not made of numbers"),
    ],
)
def test_what_cannot_be_imported_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "Calib.toml"
    text = f"[cam1]\nrotation = {RVEC.tolist()}\nfisheye = false\n{CAMERA}"
    path.write_text(text.replace(old, new))
    with pytest.raises(CalibrationError, match=words) as caught:
        load_calibration(path)
    assert "'cam1'" in str(caught.value)


def test_real_pose2sim_calibration_sees_the_performer_in_every_view() -> None:
    folder = shared_data("pose2sim_balancing")
    joints = np.load(folder / "reference_joints.npz")["xyz"]
    for camera in load_calibration(folder / "Calib_scene.toml").values():
        pixels, depth = project(camera, joints)
        assert (depth > 1.0).all() and (depth < 10.0).all()
        assert ((pixels > 0) & (pixels < (camera.width, camera.height))).all()


def test_real_caliscope_calibration_reprojects_its_board() -> None:
    # A hand-held board before cameras that are not genlocked: a pixel or two remain of its motion.
    folder = shared_data("caliscope_charuco")
    cameras = load_calibration(folder / "camera_array.toml")
    board = folder / "calibration" / "extrinsic" / "CHARUCO"
    points = {
        (row["sync_index"], row["keypoint_id"]): [float(row[axis]) for axis in ("x_coord", "y_coord", "z_coord")]
        for row in table(board / "xyz_CHARUCO.csv")
    }
    seen: dict[str, list[tuple[list[float], list[float]]]] = defaultdict(list)
    for row in table(board / "xy_CHARUCO.csv"):
        place = points.get((row["sync_index"], row["keypoint_id"]))
        if place is not None:
            seen[row["cam_id"]].append((place, [float(row["img_loc_x"]), float(row["img_loc_y"])]))
    assert set(seen) == set(cameras)
    errors, errors_without_lens = [], []
    for name, pairs in seen.items():
        world, pixels = np.array([p for p, _ in pairs]), np.array([p for _, p in pairs])
        projected, depth = project(cameras[name], world)
        assert (depth > 0).all()
        errors.append(np.linalg.norm(projected - pixels, axis=1))
        plain, _ = project(dataclasses.replace(cameras[name], distortion=np.zeros(0)), world)
        errors_without_lens.append(np.linalg.norm(plain - pixels, axis=1))
    assert max(error.mean() for error in errors) < 1.8
    assert np.concatenate(errors).mean() < 1.4
    # One of the lenses is bent so much that leaving it out shows.
    assert max(error.mean() for error in errors_without_lens) > 4.0


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))
