"""Calibration files: which cameras stand where.

The stage's own form is TOML:

    format = "stage-calibration"
    version = 1

    [cameras.left]
    size = [1920, 1080]                  # the images that `matrix` belongs to, pixels
    matrix = [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]
    distortion = [k1, k2, p1, p2, k3]    # OpenCV's order; 0, 4, 5, 8, 12 or 14 numbers
    rotation = [[...], [...], [...]]     # R_camera_world: x_camera = rotation x_world + translation
    translation = [x, y, z]              # metres, OpenCV's axes (x right, y down, z forward)

World: Z up, metres, origin on the floor; the centre of the top-left pixel is (0, 0). Files of
Pose2Sim, Anipose, Caliscope and OpenCV YAML pairs are read too, see `stage.cameras.formats`.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stage.cameras import formats
from stage.cameras.camera import Camera
from stage.config import CameraSection
from stage.errors import CalibrationError

FORMAT = "stage-calibration"
VERSION = 1

FARTHEST_M = 500.0
"""Cameras further than this from the origin mean a file in millimetres, not metres."""

_KEYS = {"size", "matrix", "distortion", "rotation", "translation"}


def load_calibration(path: Path | str) -> dict[str, Camera]:
    """Read a calibration file of any known form.

    Args:
        path: A TOML file, either file of an OpenCV pair, or a folder that holds such a pair.

    Returns:
        The cameras by name, in the order of the file. A width and height of 0 mean that the file
        does not state the image size (OpenCV pairs).

    Raises:
        CalibrationError: The file is missing, of no known form, or has a camera that cannot be used.
    """
    path = Path(path)
    try:
        cameras = _load(path)
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {error}" if str(path) not in str(error) else str(error)) from None
    for camera in cameras.values():
        distance = float(np.linalg.norm(camera.center_world))
        if distance > FARTHEST_M:
            raise CalibrationError(
                f"{path}: camera {camera.id!r} stands {distance:.0f} m from the origin; "
                "translations must be in metres (is the file in millimetres?)"
            )
    return cameras


def save_calibration(path: Path | str, cameras: Iterable[Camera]) -> None:
    """Write the stage's own form; reading it back gives the same numbers, bit for bit."""
    lines = [f'format = "{FORMAT}"', f"version = {VERSION}"]
    for camera in cameras:
        values = {
            "size": [camera.width, camera.height],
            "matrix": camera.K.tolist(),
            "distortion": camera.distortion.tolist(),
            "rotation": camera.R_camera_world.tolist(),
            "translation": camera.t_camera_world.tolist(),
        }
        lines += ["", f"[cameras.{_quoted(camera.id)}]", *[f"{key} = {value}" for key, value in values.items()]]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def camera_for(section: CameraSection, calibrations: Mapping[str, Camera], size: tuple[int, int]) -> Camera:
    """The calibration of one configured camera, at the size of its images.

    Args:
        section: The camera's part of stage.toml.
        calibrations: What `load_calibration` gave.
        size: Width and height that the source delivers, pixels.

    Returns:
        The camera under the id of the stage.

    Raises:
        CalibrationError: The file lacks this camera, or it is for images of another aspect.
    """
    name = section.calibration_id or section.id
    camera = calibrations.get(name)
    if camera is None:
        known = ", ".join(calibrations) or "none"
        near = difflib.get_close_matches(name, calibrations, n=1, cutoff=0.3)
        hint = f'; set calibration_id, perhaps to "{near[0]}"' if near else "; set calibration_id to one of them"
        raise CalibrationError(f"camera {section.id!r}: the calibration has no camera {name!r}, it has {known}{hint}")
    own = Camera(
        section.id,
        camera.width,
        camera.height,
        camera.K,
        camera.distortion,
        camera.R_camera_world,
        camera.t_camera_world,
    )
    return own.scaled_to(*size)


def _load(path: Path) -> dict[str, Camera]:
    if path.is_dir() or path.suffix.lower() in (".yml", ".yaml"):
        return formats.from_opencv_yaml(path if path.is_dir() else path.parent)
    document = _toml(path)
    if document.get("format") == FORMAT:
        return _from_stage(document)
    for matches, read in (
        (formats.looks_like_caliscope, formats.from_caliscope),
        (formats.looks_like_pose2sim, formats.from_pose2sim),
    ):
        if matches(document):
            cameras = read(document)
            if cameras:
                return cameras
    raise CalibrationError(
        "no calibrated camera found; known forms: the stage's own TOML, Pose2Sim or Anipose TOML, "
        "Caliscope camera_array.toml, OpenCV intri.yml and extri.yml"
    )


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CalibrationError("no such calibration file") from None
    except OSError as error:
        raise CalibrationError(f"cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CalibrationError(f"is not TOML ({error})") from None


def _from_stage(document: Mapping[str, Any]) -> dict[str, Camera]:
    if document.get("version") != VERSION:
        raise CalibrationError(f"calibration version {document.get('version')!r}; this program reads {VERSION}")
    tables = document.get("cameras")
    if not isinstance(tables, dict) or not tables:
        raise CalibrationError("has no [cameras.NAME] tables")
    return {name: _stage_camera(name, table) for name, table in tables.items()}


def _stage_camera(name: str, table: Any) -> Camera:
    keys = set(table) if isinstance(table, dict) else set()
    if keys != _KEYS:
        missing, unknown = ", ".join(sorted(_KEYS - keys)) or "nothing", ", ".join(sorted(keys - _KEYS)) or "nothing"
        raise CalibrationError(f"camera {name!r}: missing {missing}, unknown {unknown}")
    width, height = formats.image_size(name, table["size"])
    R = formats.rotation_matrix(name, table["rotation"])
    return Camera(name, width, height, table["matrix"], table["distortion"], R, table["translation"])


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
