"""A shot becomes a recording: one H.264 video per camera, calibration, stage.toml and ground truth."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.stream import VideoStream

from stage.cameras.calibration import save_calibration
from stage.errors import SourceError
from stage.synthetic.scene import render
from stage.synthetic.shot import Shot
from stage.synthetic.truth import truth_of

ENCODER = "libx264"


class VideoWriter:
    """Writes images as H.264 into an MP4; a context manager."""

    def __init__(self, path: Path, width: int, height: int, rate: int, crf: int = 23) -> None:
        """Open the file.

        Args:
            path: The .mp4.
            width: Pixels, even.
            height: Pixels, even.
            rate: Frames per second.
            crf: Quality, lower is better and larger.

        Raises:
            SourceError: It cannot be written, or this FFmpeg cannot encode H.264.
        """
        if ENCODER not in av.codecs_available:
            raise SourceError(f"cannot write {path}: this FFmpeg has no {ENCODER}; install the PyAV wheel of PyPI")
        try:
            self._container = av.open(str(path), "w")
        except OSError as error:
            raise SourceError(f"cannot write {path}: {error.strerror}") from error
        self._stream = cast(VideoStream, self._container.add_stream(ENCODER, rate=rate))
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        # A key frame per second, so that players can go anywhere at once.
        self._stream.options = {"crf": str(crf), "preset": "slow", "g": str(rate), "threads": "1"}

    def write(self, image: np.ndarray) -> None:
        """Add one image (H, W, 3) uint8, blue green red."""
        self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))

    def __enter__(self) -> VideoWriter:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Finish the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()


def record(
    shot: Shot,
    folder: Path,
    *,
    name: str,
    actor: str = "performer",
    loop: bool = False,
    crf: int = 23,
    progress: Callable[[str], None] = print,
) -> None:
    """Render a shot into a folder that `stage live` and `stage solve` can play.

    Args:
        shot: What to render.
        folder: Made when missing; files in it are replaced.
        name: The stage's name.
        actor: The actor's id in stage.toml.
        loop: The videos begin again when they end.
        crf: Quality of the videos, lower is better and larger.
        progress: Told once a second how far it is.

    Raises:
        SourceError: A video cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_calibration(folder / "calibration.toml", shot.cameras.values())
    (folder / "stage.toml").write_text(_stage_toml(shot, name, actor, loop), encoding="utf-8")
    if len(shot.head_cameras) > 0:
        (folder / "face.toml").write_text(_face_toml(shot, name, actor, loop), encoding="utf-8")
    truth_of(shot).save(folder / "truth.npz")
    with contextlib.ExitStack() as stack:
        writers = {
            camera_id: stack.enter_context(
                VideoWriter(folder / f"{camera_id}.mp4", *shot.size_of(camera_id), shot.rate_of(camera_id), crf)
            )
            for camera_id in shot.camera_ids
        }
        told = time.monotonic()
        for frame in range(shot.frame_count):
            _film(shot, frame, writers)
            if time.monotonic() - told > 1.0:
                told = time.monotonic()
                progress(f"{folder.name}: frame {frame + 1} of {shot.frame_count}")


def _film(shot: Shot, frame: int, writers: dict[str, VideoWriter]) -> None:
    """One frame of the room's cameras, and those that cameras on the head take until the next."""
    scene = shot.scene(frame)
    for camera in shot.cameras.values():
        writers[camera.id].write(render(scene, camera, shot.noise_seed(camera.id, frame)))
    for camera in shot.head_cameras.values():
        first, last = (number * camera.rate // shot.rate for number in (frame, frame + 1))
        for own in range(first, last):
            writers[camera.id].write(shot.picture(camera.id, own))


def _stage_toml(shot: Shot, name: str, actor: str, loop: bool) -> str:
    cameras = "\n".join(_camera_toml(camera_id, loop) for camera_id in shot.cameras)
    faces = "".join(f"\n{_face_camera_toml(camera_id, actor, loop)}" for camera_id in shot.head_cameras)
    return f"""# A synthetic performer, rendered by stage.synthetic; truth.npz holds what really happened.
[stage]
name = "{name}"
rate = {shot.rate}
calibration = "calibration.toml"

{cameras}{faces}
{_economy_toml(len(shot.cameras), len(shot.head_cameras))}{_ends_toml(actor)}"""


def _economy_toml(bodies: int, faces: int) -> str:
    """Body, hands and face together on two processor cores: cameras rest in turn, the face comes with the body."""
    if bodies < 4 or faces == 0:
        return ""
    return f"""# For two processor cores; without these lines every frame of every camera is read.
[body]
views = {bodies // 2}

[face]
rate = 30

"""


def _face_toml(shot: Shot, name: str, actor: str, loop: bool) -> str:
    rate = max(camera.rate for camera in shot.head_cameras.values())
    cameras = "\n".join(_face_camera_toml(camera_id, actor, loop) for camera_id in shot.head_cameras)
    return f"""# The face alone, from the camera on the performer's head; no calibration is needed.
[stage]
name = "{name}-face"
rate = {rate}

{cameras}
{_ends_toml(actor)}"""


def _camera_toml(camera_id: str, loop: bool) -> str:
    return f'[[cameras]]\nid = "{camera_id}"\nsource = "file:{camera_id}.mp4"\nloop = {str(loop).lower()}\n'


def _face_camera_toml(camera_id: str, actor: str, loop: bool) -> str:
    return f'{_camera_toml(camera_id, loop)}face_of = "{actor}"\nmount = "head"\n'


def _ends_toml(actor: str) -> str:
    return f"""[[actors]]
id = "{actor}"

[[outputs]]
kind = "vmc"
host = "127.0.0.1"
port = 39539
actor = "{actor}"
"""
