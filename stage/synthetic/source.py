"""A camera that films a synthetic performer: `source = "synthetic:demo/cam1"`.

Frames are rendered when they are read (about 20 ms of one core for 640 x 480, without motion blur), so
no file is needed. Like a recording it has an end, can be looped and can seek.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from stage.cameras.camera import Camera
from stage.cameras.sources.source import Frame, Image, SourceInfo, frame_buffer
from stage.errors import SourceError
from stage.synthetic.demo import demo_shot
from stage.synthetic.shot import Shot

SHOTS: dict[str, Callable[[], Shot]] = {"demo": demo_shot}
"""The built-in shots by name."""

_NS = 1_000_000_000


def synthetic_camera(name: str) -> Camera:
    """The exact calibration of `SHOT/CAMERA`, for a stage.toml that names no calibration file.

    Raises:
        SourceError: There is no such shot or camera.
    """
    shot, camera_id = _find(name)
    return shot.cameras[camera_id]


class SyntheticSource:
    """One camera of a built-in shot."""

    def __init__(self, name: str) -> None:
        """Name it: `SHOT/CAMERA`, such as "demo/cam1"."""
        self._name = name
        self._shot: Shot | None = None
        self._camera_id = ""
        self._next = 0

    def open(self) -> SourceInfo:
        """Prepare performer and motion.

        Raises:
            SourceError: There is no such shot or camera.
        """
        shot, self._camera_id = _find(self._name)
        self._shot = dataclasses.replace(shot, exposure_s=0.0)
        self._next = 0
        camera = self._shot.cameras[self._camera_id]
        return SourceInfo(
            width=camera.width,
            height=camera.height,
            rate_requested=0.0,
            rate_achieved=float(self._shot.rate),
            duration_ns=self._shot.frame_count * _NS // self._shot.rate,
            description="synthetic performer, rendered",
        )

    def read(self, out: Image | None = None) -> Frame | None:
        """Render the next frame; None after the last.

        Raises:
            SourceError: The source is not open, or `out` has the wrong shape.
        """
        if self._shot is None:
            raise SourceError(f"synthetic:{self._name} is not open")
        if self._next >= self._shot.frame_count:
            return None
        camera = self._shot.cameras[self._camera_id]
        image = frame_buffer(out, camera.height, camera.width)
        number = self._next
        image[...] = self._shot.picture(self._camera_id, number)
        self._next += 1
        return Frame(image, int(self._shot.frame_ns[number]), None, number)

    def seek(self, position_ns: int) -> None:
        """Make the first frame at or after this time the next one."""
        if self._shot is None:
            raise SourceError(f"synthetic:{self._name} is not open")
        self._next = int((self._shot.frame_ns < position_ns).sum())

    def close(self) -> None:
        """Let go of the shot."""
        self._shot = None


def _find(name: str) -> tuple[Shot, str]:
    shot_name, _, camera_id = name.partition("/")
    if shot_name not in SHOTS:
        raise SourceError(f'no synthetic shot "{shot_name}"; known: {", ".join(SHOTS)} (as in "synthetic:demo/cam1")')
    shot = SHOTS[shot_name]()
    if camera_id not in shot.cameras:
        raise SourceError(
            f'the synthetic shot "{shot_name}" has no camera "{camera_id}", it has {", ".join(shot.cameras)}'
        )
    return shot, camera_id
