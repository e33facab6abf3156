"""Frames of all cameras that belong to one tick.

Frames are put together by capture time. A frameset is complete when every camera has delivered, and is given out
as it is when its deadline has passed: a late camera is left out and counted, never waited for. What arrives after
its frameset was given out is counted late and dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from protocols.messages import CameraLandmarks

_MOST_OPEN = 8
_SILENT_NS = 500_000_000
"""A camera that has not delivered for this long is not waited for."""
_BEGINNING_NS = 2_000_000_000
_ENDED_RUN_NS = 1_000_000_000


class Frameset(NamedTuple):
    """Landmarks of one tick."""

    capture_ns: int
    """The earliest capture time among its frames."""
    views: dict[str, CameraLandmarks]
    """By camera, at least one."""


@dataclass
class _Open:
    capture_ns: int
    first_arrival_ns: int
    views: dict[str, CameraLandmarks]


class FramesetAssembler:
    """Puts framesets together and gives them out in the order of time."""

    def __init__(self, cameras: Sequence[str], tolerance_ns: int, deadline_ns: int) -> None:
        self._cameras = frozenset(cameras)
        self._tolerance_ns = tolerance_ns
        self._deadline_ns = deadline_ns
        self._open: list[_Open] = []
        self._given_ns = -1
        self._left_out: frozenset[str] = frozenset()
        self._last_ns: dict[str, int] = {}
        self._interval_ns = 0
        self._heard_ns: dict[str, int] = {}
        self._first_ns = -1
        self.counters = {"late": 0, "incomplete": 0, "strangers": 0, "overflow": 0}

    def add(self, landmarks: CameraLandmarks, now_ns: int) -> None:
        """Take the landmarks of one frame."""
        if landmarks.camera not in self._cameras:
            self.counters["strangers"] += 1
            return
        if self._given_ns - landmarks.capture_ns > _ENDED_RUN_NS:
            self._start_over()  # time has been set back: a new run
        self._heard_ns[landmarks.camera] = now_ns
        self._first_ns = now_ns if self._first_ns < 0 else self._first_ns
        self._note_interval(landmarks)
        if self._is_late(landmarks):
            self.counters["late"] += 1
            return
        self._put(landmarks, now_ns)

    def ready(self, now_ns: int) -> Frameset | None:
        """The oldest frameset that is complete or out of time."""
        if len(self._open) == 0:
            return None
        oldest = self._open[0]
        awaited = self._awaited(now_ns)
        complete = awaited <= oldest.views.keys()
        # A complete later frameset shows that the cameras missing here have gone on.
        overtaken = any(awaited <= later.views.keys() for later in self._open[1:])
        if not (complete or overtaken or now_ns - oldest.first_arrival_ns >= self._deadline_ns):
            return None
        self._open.pop(0)
        if len(oldest.views) < len(self._cameras):
            self.counters["incomplete"] += 1
        self._given_ns = oldest.capture_ns
        self._left_out = self._cameras - oldest.views.keys()
        return Frameset(oldest.capture_ns, oldest.views)

    def wait_ns(self, now_ns: int) -> int:
        """Until the oldest open frameset runs out of time; the deadline when none is open."""
        if len(self._open) == 0:
            return self._deadline_ns
        return max(0, self._open[0].first_arrival_ns + self._deadline_ns - now_ns)

    def flush(self) -> list[Frameset]:
        """All open framesets, complete or not: the sources have ended."""
        rest = [Frameset(o.capture_ns, o.views) for o in self._open]
        self._open.clear()
        return rest

    def _awaited(self, now_ns: int) -> set[str]:
        """Cameras worth waiting for: those that still deliver, and in the beginning those that may yet begin."""
        beginning = now_ns - self._first_ns < _BEGINNING_NS
        return {
            camera
            for camera in self._cameras
            if (beginning if camera not in self._heard_ns else now_ns - self._heard_ns[camera] < _SILENT_NS)
        }

    def _start_over(self) -> None:
        self.counters["overflow"] += sum(len(o.views) for o in self._open)
        self._open.clear()
        self._last_ns.clear()
        self._given_ns = -1

    def _note_interval(self, landmarks: CameraLandmarks) -> None:
        """The shortest usual time between frames of one camera; follows a change of rate within some frames."""
        since_ns = landmarks.capture_ns - self._last_ns.get(landmarks.camera, landmarks.capture_ns)
        self._last_ns[landmarks.camera] = landmarks.capture_ns
        if since_ns > 0:
            step_ns = since_ns - self._interval_ns
            self._interval_ns += step_ns if self._interval_ns == 0 else step_ns // (4 if step_ns < 0 else 64)

    @property
    def _apart_ns(self) -> int:
        """How far frames of one frameset may be apart: never so far that a camera's next frame is as near."""
        return min(self._tolerance_ns, self._interval_ns // 2) if self._interval_ns > 0 else self._tolerance_ns

    def _is_late(self, landmarks: CameraLandmarks) -> bool:
        """Whether its frameset has been given out: an older one, or the last one, which went without it."""
        if self._given_ns < 0:
            return False
        after_ns = landmarks.capture_ns - self._given_ns
        return after_ns <= 0 or (landmarks.camera in self._left_out and after_ns <= self._apart_ns)

    def _put(self, landmarks: CameraLandmarks, now_ns: int) -> None:
        """Into the open frameset nearest in time that still lacks this camera, else into a new one."""
        near = [
            o
            for o in self._open
            if abs(o.capture_ns - landmarks.capture_ns) <= self._apart_ns and landmarks.camera not in o.views
        ]
        if len(near) > 0:
            place = min(near, key=lambda o: abs(o.capture_ns - landmarks.capture_ns))
            place.views[landmarks.camera] = landmarks
            place.capture_ns = min(place.capture_ns, landmarks.capture_ns)
        else:
            self._open.append(_Open(landmarks.capture_ns, now_ns, {landmarks.camera: landmarks}))
        self._open.sort(key=lambda o: o.capture_ns)
        if len(self._open) > _MOST_OPEN:
            self.counters["overflow"] += len(self._open.pop(0).views)
