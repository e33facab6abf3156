"""Where the time goes: the heartbeats of all workers merged into one account of the stage.

Workers send histograms and counts since their start. Adding them gives the whole stage; the
difference to an older copy gives a window of time: the last ten seconds for the operator's eye, or
everything since warm-up for the record. A restarted worker counts from zero again and its history
is kept, so nothing that happened disappears from the sums.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from protocols.errors import DecodeError
from protocols.histogram import Histogram
from protocols.messages import Event, Heartbeat
from stage.supervision.history import MemoryTrend, WorkerHistory, add_legs
from stage.supervision.report import FACE_LEGS, LEGS, SPARE_SUFFIX, FramesetReport, LegReport, Report, WorkerReport

WINDOW_S = 10
"""Length of the sliding window, in seconds."""
WARM_UP_S = 5.0
"""After the first performance, before the legs of the record and the rate are counted."""
SOLVE_WORKER = "solve"
REPLAY_WORKER = "replay"
"""Brings the performances where nobody solves."""
BROADCAST_WORKER = "broadcast"
CAPTURE_PREFIX = "capture."
_EVENTS_KEPT = 50

Legs = dict[str, Histogram]


@dataclass(frozen=True)
class ProcessSample:
    """What the operating system says about one process."""

    resident_bytes: int
    cpu_percent: float


@dataclass(frozen=True)
class _Baseline:
    """The stage when it had warmed up."""

    legs: Legs
    at_ns: int
    """Stage time of the solve worker's heartbeat."""
    solved: int
    faces: int
    faces_at_ns: int
    """Of the broadcast worker's heartbeat."""


class LatencyBoard:
    """The account of one stage. Safe to read from other threads."""

    def __init__(
        self,
        stage_name: str,
        workers: Iterable[str],
        clock: Callable[[], float] = time.monotonic,
        *,
        face_cameras: Iterable[str] = (),
    ) -> None:
        """Know the workers from the start, heard of or not.

        Args:
            stage_name: What the stage is called.
            workers: Their names.
            clock: Returns seconds.
            face_cameras: Cameras whose frames are no part of framesets.
        """
        self._stage_name = stage_name
        self._face_captures = {f"{CAPTURE_PREFIX}{camera}" for camera in face_cameras}
        self._clock = clock
        self._lock = threading.Lock()
        self._histories = {name: WorkerHistory() for name in workers}
        self._solver = SOLVE_WORKER if SOLVE_WORKER in self._histories else REPLAY_WORKER
        self._down: set[str] = set()
        self._restarts: Counter[str] = Counter()
        self._samples: dict[str, ProcessSample] = {}
        self._others: dict[str, MemoryTrend] = {}
        self._events: deque[str] = deque(maxlen=_EVENTS_KEPT)
        self._snapshots: deque[Legs] = deque([{}], maxlen=WINDOW_S + 1)
        self._began_s = self._ended_s = math.inf
        self._first_leg_s: float | None = None
        self._baseline: _Baseline | None = None

    def begin(self, in_s: float = 0.0) -> None:
        """The show begins, in so many seconds."""
        with self._lock:
            self._began_s = self._clock() + in_s
            for history in self._histories.values():
                history.begin(self._began_s)
            self._others = {name: MemoryTrend(self._began_s) for name in self._others}

    def end(self) -> None:
        """The show is over; what still comes are last words."""
        with self._lock:
            self._ended_s = self._clock()

    def take(self, heartbeat: Heartbeat) -> None:
        """Take a heartbeat; one of an unknown worker or with a broken histogram is ignored."""
        with self._lock:
            history = self._histories.get(heartbeat.worker)
            if history is not None:
                try:
                    history.take(heartbeat, self._clock(), self._began_s)
                except DecodeError as error:
                    self._events.append(f"{heartbeat.worker}: heartbeat not understood: {error}")

    def note(self, event: Event) -> None:
        """Keep a warning or an error for the report."""
        if event.kind != "info":
            with self._lock:
                self._events.append(f"{event.worker}: {event.text}")

    def supervise(self, restarts: Mapping[str, int], down: Iterable[str], samples: Mapping[str, ProcessSample]) -> None:
        """Take what the supervisor knows: restarts, workers without a process, sizes of all processes."""
        with self._lock:
            self._restarts = Counter(restarts)
            self._down = set(down)
            self._samples = dict(samples)
            now_s = self._clock()
            self._others = {name: trend for name, trend in self._others.items() if name in samples}
            for name in samples.keys() - self._histories.keys():
                self._others.setdefault(name, MemoryTrend(max(now_s, self._began_s))).add(
                    now_s, samples[name].resident_bytes
                )

    def tick(self) -> None:
        """Move the window on; to be called once a second."""
        with self._lock:
            now_s, legs = self._clock(), self._legs()
            self._snapshots.append(legs)
            if self._first_leg_s is None and any(histogram.count for histogram in legs.values()):
                self._first_leg_s = now_s
            if self._baseline is None and self._first_leg_s is not None and now_s - self._first_leg_s >= WARM_UP_S:
                solved = self._framesets()["framesets_solved"]
                self._baseline = _Baseline(
                    legs, self._heard_ns(self._solver), solved, _faces(legs), self._heard_ns(BROADCAST_WORKER)
                )

    def histograms(self) -> Legs:
        """Every leg since the start."""
        with self._lock:
            return self._legs()

    def report(self) -> Report:
        """The stage now."""
        with self._lock:
            legs = self._legs()
            counts = self._framesets()
            seen, solved = counts["framesets_seen"], counts["framesets_solved"]
            captures = [name for name in self._histories if name.startswith(CAPTURE_PREFIX)]
            captured = max(seen, *(self._items(name) for name in captures if name not in self._face_captures), 0)
            workers = {name: self._worker(name) for name in self._histories} | self._other_processes()
            return Report(
                stage=self._stage_name,
                seconds=max(0.0, min(self._clock(), self._ended_s) - self._began_s),
                rate_hz=self._rate_hz(solved),
                face_rate_hz=self._face_rate_hz(_faces(legs)),
                framesets=FramesetReport(
                    captured=captured,
                    seen=seen,
                    solved=solved,
                    solved_fraction=solved / captured if captured else 0.0,
                    dropped_age=counts["framesets_dropped_age"],
                    incomplete=counts["incomplete"],
                ),
                legs=_leg_reports(legs, self._baseline.legs if self._baseline else {}),
                recent_legs=_leg_reports(legs, self._snapshots[0]),
                workers=workers,
                restarts=self._restarts.total(),
                gaps=sum(worker.gaps for worker in workers.values()),
                drops=sum(worker.drops for worker in workers.values()),
                events=tuple(self._events),
            )

    def _legs(self) -> Legs:
        return add_legs(*(history.legs for history in self._histories.values()))

    def _framesets(self) -> Counter[str]:
        return self._histories[self._solver].counters if self._solver in self._histories else Counter()

    def _items(self, name: str) -> int:
        return self._histories[name].counters["items"]

    def _heard_ns(self, name: str) -> int:
        """Stage time of a worker's last heartbeat; 0 before."""
        history = self._histories.get(name)
        return history.last.at_ns if history and history.last else 0

    def _rate_hz(self, solved: int) -> float:
        """By the times of the heartbeats that brought the counts, not by that of the question."""
        at_ns = self._heard_ns(self._solver)
        if self._baseline is not None and at_ns > self._baseline.at_ns > 0:
            return (solved - self._baseline.solved) / (at_ns - self._baseline.at_ns) * 1e9
        solver = self._histories.get(self._solver)
        return solver.last.rate_hz if solver and solver.last else 0.0

    def _face_rate_hz(self, faces: int) -> float:
        """Likewise; 0 before warm-up is over."""
        at_ns = self._heard_ns(BROADCAST_WORKER)
        if self._baseline is None or not at_ns > self._baseline.faces_at_ns > 0:
            return 0.0
        return (faces - self._baseline.faces) / (at_ns - self._baseline.faces_at_ns) * 1e9

    def _worker(self, name: str) -> WorkerReport:
        history, sample = self._histories[name], self._samples.get(name)
        last, counters = history.last, history.counters
        return WorkerReport(
            state="down" if name in self._down else last.state if last else "starting",
            rate_hz=last.rate_hz if last and name not in self._down else 0.0,
            age_ms=last.age_ms if last else -1.0,
            cpu_percent=sample.cpu_percent if sample else 0.0,
            restarts=self._restarts[name],
            gaps=_sum_of(counters, "gap"),
            drops=_sum_of(counters, "drop"),
            memory=history.memory.report() if last else None,
            counters=dict(counters),
            facts=last.facts if last else {},
        )

    def _other_processes(self) -> dict[str, WorkerReport]:
        return {
            name: WorkerReport(
                state="standby" if name.endswith(SPARE_SUFFIX) else "running",
                rate_hz=0.0,
                age_ms=-1.0,
                cpu_percent=self._samples[name].cpu_percent,
                restarts=0,
                gaps=0,
                drops=0,
                memory=trend.report(),
                counters={},
                facts={},
            )
            for name, trend in self._others.items()
        }


def _faces(legs: Legs) -> int:
    """Faces of face cameras that have been sent."""
    return legs[FACE_LEGS[-1]].count if FACE_LEGS[-1] in legs else 0


def _leg_reports(legs: Legs, earlier: Legs) -> dict[str, LegReport]:
    """Percentiles of what came after `earlier`, legs in the order of a frame's way; empty ones left out."""
    order = [*LEGS, *FACE_LEGS, *sorted(legs.keys() - {*LEGS, *FACE_LEGS})]
    reports = {}
    for leg in order:
        if leg not in legs:
            continue
        histogram = legs[leg].since(earlier[leg]) if leg in earlier else legs[leg]
        p50, p99 = histogram.percentile(50.0), histogram.percentile(99.0)
        if not math.isnan(p50):
            reports[leg] = LegReport(count=histogram.count, p50_ms=p50 / 1e6, p99_ms=p99 / 1e6)
    return reports


def _sum_of(counters: Mapping[str, int], word: str) -> int:
    """Sum of the counters that have the word in their name."""
    return sum(count for name, count in counters.items() if word in name)
