"""Who looks at the actors in a video: the take's own cameras, or, where it has no video, one that does not exist."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from protocols.names import RIG_BONES
from protocols.takefile import TakeReader
from stage.cameras.camera import Camera
from stage.cameras.configured import calibrated_camera
from stage.cameras.sources.source import Image
from stage.cameras.sources.take import TakeSource
from stage.config import CameraSection
from stage.errors import SourceError
from stage.export._source import ExportSource
from stage.overlay._lines import draw_line
from stage.synthetic.shot import camera_looking
from stage.takes.video.message import TOPIC

PLAIN_SIZE = (1280, 720)
_PLAIN_GREY, _GRID = 238, (205.0, 205.0, 205.0)
_GRID_M = 0.5
_FACE_FOCAL, _BODY_FOCAL = 1800.0, 1000.0


class TakeView:
    """One camera of a take."""

    def __init__(self, take: TakeReader, section: CameraSection, times_ns: NDArray[np.int64]) -> None:
        """Opens its video.

        Args:
            take: The take.
            section: The camera, with its calibration on this machine.
            times_ns: (T,) recorded stage times of the frames that are wanted.

        Raises:
            SourceError: The camera has no video in the take, or it cannot be decoded.
            CalibrationError: A body camera without a usable calibration.
        """
        self.name = section.id
        self._source = TakeSource(f"{take.path}#{section.id}")
        info = self._source.open()
        self.size = info.width, info.height
        self.camera: Camera | None = None if section.face_of else calibrated_camera(section, self.size)
        """None: a camera of the face, of whose place nothing is known."""
        self.face_of = section.face_of
        self._zero_ns = take.span_ns[0]
        found = np.array([entry.log_ns for entry in take.records(TOPIC + section.id)], np.int64)
        found = np.unique(found)
        after = np.clip(np.searchsorted(found, times_ns), 1, max(1, len(found) - 1)) if len(found) > 1 else 0
        before = np.maximum(np.asarray(after) - 1, 0)
        nearer = np.where(times_ns - found[before] <= found[after] - times_ns, before, after)
        self.times_ns: NDArray[np.int64] = found[nearer]
        """(T,) when the picture nearest to each frame was taken."""

    def pictures(self) -> Iterator[Image]:
        """The picture of each frame; where one cannot be decoded, the one before it."""
        try:
            self._source.seek(int(self.times_ns[0]) - self._zero_ns)
            shown = self._source.read()
            following = self._source.read()
            for time_ns in self.times_ns.tolist():
                while following is not None and following.pts_ns + self._zero_ns <= time_ns:
                    shown, following = following, self._source.read()
                if shown is None:
                    return
                yield shown.image.copy()
        finally:
            self._source.close()


class PlainView:
    """A camera before the actors, on plain ground."""

    def __init__(self, sources: list[ExportSource]) -> None:
        """Stands where it sees all of them all the time."""
        self.name, self.face_of, self.size = "", "", PLAIN_SIZE
        self.times_ns = sources[0].times_ns
        bodies = [source.motion.joints for source in sources if len(source.motion.capture_ns)]
        if bodies:
            around = np.concatenate([joints.reshape(-1, 3) for joints in bodies])
            low, high = around.min(0), around.max(0)
            reach, focal = float(np.linalg.norm(high - low)) / 2 + 0.25, _BODY_FOCAL
        else:
            head = sources[0].rest_joints[RIG_BONES.index("head")]
            low = high = head + np.array([0.0, 0.0, 0.07])
            reach, focal = 0.2, _FACE_FOCAL
        middle = (low + high) / 2
        away = 1.6 * focal * reach / PLAIN_SIZE[1] + reach
        eye = middle + away * np.array([0.2, -0.96, 0.15])
        self.camera = camera_looking("plain", _tuple(eye), _tuple(middle), focal, (0.0,) * 5, PLAIN_SIZE)
        self._ground = self._drawn_ground(middle if bodies else None)

    def pictures(self) -> Iterator[Image]:
        """The empty ground, for each frame."""
        for _ in self.times_ns:
            yield self._ground.copy()

    def _drawn_ground(self, middle: NDArray[np.floating] | None) -> Image:
        image = np.full((*PLAIN_SIZE[::-1], 3), _PLAIN_GREY, np.uint8)
        if middle is None:
            return image
        x, y = np.round(middle[:2] / _GRID_M) * _GRID_M
        for step in np.arange(-3.0, 3.0 + _GRID_M, _GRID_M):
            for begin, end in (((step, -3.0), (step, 3.0)), ((-3.0, step), (3.0, step))):
                ends = [np.array([x + a, y + b, 0.0]) for a, b in (begin, end)]
                draw_line(image, self.camera, ends[0], ends[1], _GRID, 1)
        return image


def views(sources: list[ExportSource], cameras: tuple[CameraSection, ...]) -> list[TakeView | PlainView]:
    """The cameras of the take that have video; without any, a plain one.

    Raises:
        SourceError: A video that cannot be decoded.
        CalibrationError: A body camera without a usable calibration.
    """
    take, times_ns = sources[0].take, sources[0].times_ns
    counts = take.counts
    found: list[TakeView | PlainView] = []
    for section in cameras:
        if counts.get(TOPIC + section.id, 0) > 0:
            try:
                found.append(TakeView(take, section, times_ns))
            except SourceError as error:
                raise SourceError(f"{error}; export another range, or npz for the numbers alone") from error
    return found or [PlainView(sources)]


def _tuple(vector: NDArray[np.floating]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in vector)
    return x, y, z
