"""A camera that films a synthetic performer: `source = "synthetic:demo/cam1"`, or its face, "synthetic:demo/face".

Frames are rendered when they are read (about 20 ms of one core for 640 x 480, without motion blur), so
no file is needed. Like a recording it has an end, can be looped and can seek.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from stage.cameras.camera import Camera
from stage.cameras.sources.source import Frame, Image, SourceInfo, frame_buffer
from stage.errors import SourceError
from stage.synthetic.demo import demo_shot
from stage.synthetic.shot import Shot, frame_times_ns

SHOTS: dict[str, Callable[[], Shot]] = {"demo": demo_shot}
"""The built-in shots by name."""

_NS = 1_000_000_000


def synthetic_camera(name: str) -> Camera:
    """The exact calibration of `SHOT/CAMERA`, for a stage.toml that names no calibration file.

    Raises:
        SourceError: There is no such shot or camera, or the camera rides on the performer's head.
    """
    shot, camera_id = _find(name)
    if camera_id in shot.head_cameras:
        raise SourceError(
            f'"synthetic:{name}" rides on the performer\'s head; bind it with face_of, it films no volume'
        )
    return shot.cameras[camera_id]


class SyntheticSource:
    """One camera of a built-in shot."""

    def __init__(self, name: str) -> None:
        """Name it: `SHOT/CAMERA`, such as "demo/cam1"."""
        self._name = name
        self._shot: Shot | None = None
        self._camera_id = ""
        self._next = 0
        self._frame_ns = np.zeros(0, np.int64)

    def open(self) -> SourceInfo:
        """Prepare performer and motion.

        Raises:
            SourceError: There is no such shot or camera.
        """
        shot, self._camera_id = _find(self._name)
        self._shot = dataclasses.replace(shot, exposure_s=0.0)
        self._next = 0
        width, height = self._shot.size_of(self._camera_id)
        rate = self._shot.rate_of(self._camera_id)
        count = len(self._shot.poses) * rate // self._shot.grid_hz
        self._frame_ns = frame_times_ns(count, rate)
        return SourceInfo(
            width=width,
            height=height,
            rate_requested=0.0,
            rate_achieved=float(rate),
            duration_ns=count * _NS // rate,
            description="synthetic performer, rendered",
        )

    def read(self, out: Image | None = None) -> Frame | None:
        """Render the next frame; None after the last.

        Raises:
            SourceError: The source is not open, or `out` has the wrong shape.
        """
        if self._shot is None:
            raise SourceError(f"synthetic:{self._name} is not open")
        if self._next >= len(self._frame_ns):
            return None
        width, height = self._shot.size_of(self._camera_id)
        image = frame_buffer(out, height, width)
        number = self._next
        image[...] = self._shot.picture(self._camera_id, number)
        self._next += 1
        return Frame(image, int(self._frame_ns[number]), None, number)

    def seek(self, position_ns: int) -> None:
        """Make the first frame at or after this time the next one."""
        if self._shot is None:
            raise SourceError(f"synthetic:{self._name} is not open")
        self._next = int((self._frame_ns < position_ns).sum())

    def close(self) -> None:
        """Let go of the shot."""
        self._shot = None


def _find(name: str) -> tuple[Shot, str]:
    shot_name, _, camera_id = name.partition("/")
    if shot_name not in SHOTS:
        raise SourceError(f'no synthetic shot "{shot_name}"; known: {", ".join(SHOTS)} (as in "synthetic:demo/cam1")')
    shot = SHOTS[shot_name]()
    if camera_id not in shot.camera_ids:
        raise SourceError(
            f'the synthetic shot "{shot_name}" has no camera "{camera_id}", it has {", ".join(shot.camera_ids)}'
        )
    return shot, camera_id
