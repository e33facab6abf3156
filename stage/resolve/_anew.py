"""Solves landmarks anew: framesets put together from all that was recorded, as if nothing had come late.

Frames are taken in the order of their capture. A frameset is whole once a later frame shows that no camera has one of
that moment any more; nothing is left out for being late, and no time of arrival matters.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import count

from protocols.external import ExternalBones, ExternalFace
from protocols.messages import CameraLandmarks, Record
from stage.config import Config
from stage.errors import CalibrationError
from stage.news import News
from stage.resolve._follower import Made
from stage.resolve._inputs import Input
from stage.solving.framesets import FramesetAssembler
from stage.solving.solver import Solver

_REACH_NS = 2_000_000_000
"""What was captured so long before the newest was received before it."""
_PACE_NS = 33_000_000
"""Between two looks for performers who have fallen silent."""


class Anew:
    """Drives a solver from landmarks alone."""

    def __init__(self, solver: Solver, config: Config) -> None:
        """A solver that has done nothing, made from this config."""
        self.news: list[News] = []
        self._solver, self._config = solver, config
        self._face_cameras = {camera.id for camera in config.face_cameras}
        stage = config.stage
        tolerance_ns = round((stage.tolerance_ms or 500.0 / stage.rate) * 1e6)
        cameras = [camera.id for camera in config.body_cameras]
        self._assembler = FramesetAssembler(cameras, tolerance_ns=tolerance_ns, deadline_ns=tolerance_ns)
        self._refused: set[str] = set()
        self._paced_ns = 0

    def solved(self, records: Iterable[Record]) -> Iterator[Made]:
        """What comes of records, in the order in which they were received."""
        for record in in_order(records):
            yield from self._solve(record)
        for frameset in self._assembler.flush():
            yield from self._solver.step(frameset)

    def _solve(self, record: Input) -> Iterator[Made]:
        now_ns = record.capture_ns
        while (frameset := self._assembler.ready(now_ns)) is not None:
            yield from self._solver.step(frameset)
        if isinstance(record, ExternalFace | ExternalBones):
            yield from self._solver.take_external(record)
        elif record.camera in self._face_cameras:
            face = self._solver.step_face(record)
            if face is not None:
                yield face
        elif self._fits(record):
            self._assembler.add(record, now_ns)
        if len(self._config.inputs) > 0 and abs(now_ns - self._paced_ns) >= _PACE_NS:
            self._paced_ns = now_ns
            yield from self._solver.pass_time(now_ns)

    def _fits(self, seen: CameraLandmarks) -> bool:
        """Whether a camera's pictures fit its calibration; said once."""
        if seen.camera in self._refused or seen.camera not in self._solver.rig.ids:
            return False
        try:
            self._solver.rig.camera(seen.camera, seen.width, seen.height)
        except CalibrationError as error:
            self._refused.add(seen.camera)
            self.news.append(News("error", f"{error}; its landmarks are left out"))
            return False
        return True


def in_order(records: Iterable[Record]) -> Iterator[Input]:
    """Landmarks and records of other performers by their capture, of records by their reception."""
    waiting: list[tuple[int, int, Input]] = []
    numbers, newest_ns = count(), 0
    for record in records:
        if isinstance(record, CameraLandmarks | ExternalFace | ExternalBones):
            if record.capture_ns < newest_ns - 2 * _REACH_NS:  # time was set back: a new run
                while waiting:
                    yield heapq.heappop(waiting)[2]
                newest_ns = record.capture_ns
            heapq.heappush(waiting, (record.capture_ns, next(numbers), record))
            newest_ns = max(newest_ns, record.capture_ns)
            while waiting[0][0] < newest_ns - _REACH_NS:
                yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]
