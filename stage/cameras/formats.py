"""Calibration files of other programs.

* Pose2Sim and Anipose (TOML): one table per camera with `size`, `matrix`, `distortions`, `rotation`
  (Rodrigues vector, world to camera) and `translation`; the table `metadata` is no camera.
* Caliscope (`camera_array.toml`): tables `cameras.N`, `rotation` as a matrix or a Rodrigues vector;
  a camera marked `ignore`, or without a place, is left out.
* OpenCV YAML pairs, as EasyMocap writes them: `intri.yml` with `names`, `K_<name>`, `dist_<name>` and
  sometimes `W_<name>`, `H_<name>`; `extri.yml` with `Rot_<name>` (matrix) or `R_<name>` (Rodrigues
  vector) and `T_<name>`.

All three use OpenCV's model and axes and map world to camera, so nothing but layout differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from stage.cameras.camera import Array, Camera
from stage.errors import CalibrationError

OPENCV_PAIR = ("intri.yml", "extri.yml")


def looks_like_pose2sim(document: Mapping[str, Any]) -> bool:
    """Whether a TOML document has cameras as Pose2Sim and Anipose write them."""
    return any(isinstance(table, dict) and "matrix" in table for table in document.values())


def looks_like_caliscope(document: Mapping[str, Any]) -> bool:
    """Whether a TOML document has cameras as Caliscope writes them."""
    cameras = document.get("cameras")
    return isinstance(cameras, dict) and any(isinstance(c, dict) and "distortions" in c for c in cameras.values())


def from_pose2sim(document: Mapping[str, Any]) -> dict[str, Camera]:
    """The cameras of a Pose2Sim or Anipose file, by the name of their table.

    Raises:
        CalibrationError: A camera that cannot be used.
    """
    tables = {key: table for key, table in document.items() if isinstance(table, dict) and "matrix" in table}
    return {key: _camera(key, table) for key, table in tables.items()}


def from_caliscope(document: Mapping[str, Any]) -> dict[str, Camera]:
    """The cameras of a Caliscope file, by their number.

    Raises:
        CalibrationError: A camera that cannot be used.
    """
    cameras = document["cameras"]
    return {
        key: _camera(key, table)
        for key, table in cameras.items()
        if isinstance(table, dict) and not table.get("ignore", False) and table.get("translation") is not None
    }


def from_opencv_yaml(folder: Path) -> dict[str, Camera]:
    """The cameras of an `intri.yml` / `extri.yml` pair; without a stated size they fit any (0 x 0).

    Raises:
        CalibrationError: A file or an entry is missing, or a camera cannot be used.
    """
    intri, extri = (_OpenCvFile(folder / name) for name in OPENCV_PAIR)
    names = intri.names() or extri.names()
    if not names:
        raise CalibrationError(f"{intri.path} names no cameras (entry `names`)")
    return {name: _opencv_camera(name, intri, extri) for name in names}


def rotation_matrix(camera: str, value: ArrayLike) -> Array:
    """A rotation (3, 3) from a matrix or a Rodrigues vector (3,).

    Raises:
        CalibrationError: It is neither.
    """
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise CalibrationError(f"camera {camera!r}: rotation is not made of numbers") from None
    if array.shape == (3, 3):
        return array
    if array.size != 3 or not np.isfinite(array).all():
        raise CalibrationError(f"camera {camera!r}: rotation is neither a 3x3 matrix nor a vector of 3")
    x, y, z = array.ravel()
    angle = float(np.linalg.norm(array))
    W = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    if angle < 1e-12:
        return np.eye(3) + W
    return np.eye(3) + np.sin(angle) / angle * W + (1 - np.cos(angle)) / angle**2 * W @ W


def _camera(name: str, table: Mapping[str, Any]) -> Camera:
    missing = [key for key in ("size", "matrix", "distortions", "rotation", "translation") if table.get(key) is None]
    if missing:
        raise CalibrationError(f"camera {name!r} lacks {', '.join(missing)}")
    if table.get("fisheye", False):
        raise CalibrationError(f"camera {name!r} uses the fisheye model; calibrate with the standard lens model")
    width, height = image_size(name, table["size"])
    R = rotation_matrix(name, table["rotation"])
    return Camera(name, width, height, table["matrix"], table["distortions"], R, table["translation"])


def image_size(camera: str, value: Any) -> tuple[int, int]:
    """(width, height) from a file's pair of numbers, which some programs write as floats.

    Raises:
        CalibrationError: It is no pair of positive whole numbers.
    """
    pair = list(value) if isinstance(value, list | tuple) else []
    if len(pair) != 2 or not all(isinstance(n, int | float) and n >= 1 and n == int(n) for n in pair):
        raise CalibrationError(f"camera {camera!r}: size must be [width, height] in pixels, not {value!r}")
    return int(pair[0]), int(pair[1])


class _OpenCvFile:
    """Entries of one file written by OpenCV's FileStorage."""

    def __init__(self, path: Path) -> None:
        import cv2

        self.path = path
        if not path.is_file():
            raise CalibrationError(f"{path} is missing; OpenCV calibrations are a pair, {' and '.join(OPENCV_PAIR)}")
        try:
            self._storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
            opened = self._storage.isOpened()
        except (cv2.error, SystemError):
            opened = False
        if not opened:
            raise CalibrationError(f"{path} is not a file written by OpenCV's FileStorage")

    def names(self) -> list[str]:
        node = self._storage.getNode("names")
        return [node.at(i).string() for i in range(node.size())] if node.isSeq() else []

    def matrix(self, key: str) -> np.ndarray | None:
        node = self._storage.getNode(key)
        return None if node.empty() else node.mat()

    def number(self, key: str) -> int:
        node = self._storage.getNode(key)
        return int(node.real()) if node.isInt() or node.isReal() else 0


def _opencv_camera(name: str, intri: _OpenCvFile, extri: _OpenCvFile) -> Camera:
    def entry(file: _OpenCvFile, *keys: str) -> np.ndarray:
        for key in keys:
            value = file.matrix(key)
            if value is not None:
                return value
        raise CalibrationError(f"{file.path}: camera {name!r} has no entry {' or '.join(keys)}")

    K, distortion = entry(intri, f"K_{name}"), entry(intri, f"dist_{name}", f"D_{name}")
    R = rotation_matrix(name, entry(extri, f"Rot_{name}", f"R_{name}"))
    width, height = intri.number(f"W_{name}"), intri.number(f"H_{name}")
    return Camera(name, width, height, K, distortion, R, entry(extri, f"T_{name}"))
