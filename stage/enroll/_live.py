"""Framesets of cameras that are there now, as `stage.offline.Recordings` gives those of recordings."""

from __future__ import annotations

import time
from collections.abc import Iterator

from stage.cameras.sources import Frame, Source, open_source
from stage.config import Config
from stage.errors import SourceError
from stage.offline import Pictures

_REACH_S = 10.0
"""How long a camera may take to deliver its first picture."""


class LiveCameras:
    """The newest frames of all cameras, as fast as somebody asks for them.

    Use as a context manager; iterate `pictures()`.

    Raises:
        SourceError: A camera cannot be opened, or delivers nothing.
    """

    def __init__(self, config: Config) -> None:
        self._sources: dict[str, Source] = {}
        self._first: dict[str, Frame] = {}
        try:
            for section in config.cameras:
                source = open_source(section, config.stage.rate)
                self._sources[section.id] = source
                source.open()
            for camera, source in self._sources.items():
                self._first[camera] = _first_frame(camera, source)
        except Exception:
            self.close()
            raise

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """Width and height of each camera's pictures."""
        return {camera: (f.image.shape[1], f.image.shape[0]) for camera, f in self._first.items()}

    @property
    def warnings(self) -> list[str]:
        """Nothing that the reading itself does not tell."""
        return []

    def pictures(self) -> Iterator[Pictures]:
        """Framesets of what is new; a camera without a new frame is left out of one."""
        begin_ns = max(frame.capture_ns or 0 for frame in self._first.values())
        while True:
            frames = {camera: frame for camera, source in self._sources.items() if (frame := source.read()) is not None}
            if len(frames) > 0:
                yield Pictures(min(frame.capture_ns or 0 for frame in frames.values()) - begin_ns, frames)

    def __enter__(self) -> LiveCameras:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all."""
        self.close()

    def close(self) -> None:
        """Let go of the cameras."""
        for source in self._sources.values():
            source.close()


def _first_frame(camera: str, source: Source) -> Frame:
    until_s = time.monotonic() + _REACH_S
    while time.monotonic() < until_s:
        frame = source.read()
        if frame is not None:
            return frame
    raise SourceError(f"camera {camera!r} delivers no pictures; look at its cable, or try `stage doctor`")
