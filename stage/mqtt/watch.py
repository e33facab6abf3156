"""Follows the stage by what its workers say on the bus, and tells what is new. Pure: the bus is the worker's."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping

import msgspec
from msgspec.structs import replace

from protocols.messages import Event, Heartbeat
from protocols.mqtt_payloads import (
    AlarmReport,
    CameraReport,
    LatencyReport,
    OutputReport,
    PlayerReport,
    RecorderReport,
    TimecodeReport,
)
from protocols.playback import PlayerState
from protocols.show import OutputState, RecorderState
from stage.config import Config
from stage.discretion import Discretion
from stage.latency import CAPTURE_PREFIX, LatencyBoard
from stage.mqtt.alarms import (
    SILENCE_S,
    AlarmBook,
    failing_outputs,
    failing_recorder,
    late_legs,
    silent_workers,
    waiting_cameras,
)
from stage.mqtt.news import News
from stage.supervision.plan import plan_stage
from stage.supervision.report import Report, WorkerReport
from stage.timecode import TimecodeClock

_PERIOD_S = 1.0
_EVENTS_KEPT = 64
"""Between two looks at the news; more of them at one time is a fault that repeats itself."""


class StageWatch:
    """The newest word of every worker."""

    def __init__(self, config: Config, timecode: TimecodeClock, clock: Callable[[], float] = time.monotonic) -> None:
        """Know nothing yet.

        Args:
            config: The stage.
            timecode: Its timecode; whoever owns it lets it follow its source.
            clock: Returns seconds.
        """
        self.workers = tuple(plan.name for plan in plan_stage(config))
        """Those that should speak."""
        self._discretion = Discretion(config)
        self._budgets = config.latency
        self._timecode = timecode
        self._clock = clock
        self._board = LatencyBoard(config.stage.name, self.workers)
        self._heard_s: dict[str, float] = {}
        self._began_s = self._due_s = clock()
        self._events: deque[AlarmReport] = deque(maxlen=_EVENTS_KEPT)
        self._outputs: dict[str, OutputState] = {}
        self._changed: set[str] = set()
        self._player: PlayerState | None = None
        self._player_told: tuple[object, ...] = ()
        self._recorder: RecorderState | None = None
        self._recorder_changed = False
        self._cameras: dict[str, CameraReport] = {}
        self._alarms = AlarmBook()

    def take(self, record: object) -> None:
        """A record of the bus; others are left alone."""
        if isinstance(record, Heartbeat):
            self._board.take(record)
            self._heard_s[record.worker] = self._clock()
        elif isinstance(record, Event) and record.kind in ("warning", "error"):
            kind = "error" if record.kind == "error" else "warning"
            text = self._discretion.of(record.text)
            self._events.append(AlarmReport(record.worker, kind, text, record.at_ns))
        elif isinstance(record, OutputState):
            self._outputs[record.id] = replace(record, fault=self._discretion.of(record.fault))
            self._changed.add(record.id)
        elif isinstance(record, RecorderState):
            self._recorder = replace(record, fault=self._discretion.of(record.fault))
            self._recorder_changed = True

        elif isinstance(record, PlayerState):
            self._player = replace(record, fault=self._discretion.of(record.fault))

    def news(self, now_ns: int) -> News:
        """What is to be published now: states at once, figures once a second.

        Args:
            now_ns: Stage time.
        """
        now_s = self._clock()
        periodic = now_s >= self._due_s
        report = self._board.report()
        cameras = {
            name.removeprefix(CAPTURE_PREFIX): self._camera(name, worker, now_ns)
            for name, worker in report.workers.items()
            if name.startswith(CAPTURE_PREFIX)
        }
        latencies: dict[str, LatencyReport] = {}
        alarms = timecode = None
        if periodic:
            self._due_s += _PERIOD_S * math.ceil((now_s - self._due_s + 1e-9) / _PERIOD_S)
            self._board.tick()
            latencies = self._latencies(report)
            timecode = self._timecode_now(now_ns)
            alarms = self._alarms.update(self._wrong(cameras, latencies, now_ns), now_ns)
        return News(
            cameras=self._new_cameras(cameras, periodic),
            outputs=self._new_outputs(),
            latencies=latencies,
            recorder=self._new_recorder(),
            player=self._new_player(periodic),
            timecode=timecode,
            alarms=alarms,
            events=self._new_events(),
        )

    def _camera(self, name: str, worker: WorkerReport, now_ns: int) -> CameraReport:
        silence_s = self._silence_s(name)
        silent = silence_s is not None and silence_s > SILENCE_S
        return CameraReport(
            state="silent" if silent else worker.state,
            rate_hz=0.0 if silent else _rounded(worker.rate_hz),
            age_ms=_rounded(worker.age_ms),
            frames=worker.counters.get("items", 0),
            drops=worker.drops,
            at_ns=now_ns,
        )

    def _silence_s(self, name: str) -> float | None:
        heard_s = self._heard_s.get(name)
        return None if heard_s is None else self._clock() - heard_s

    def _new_cameras(self, cameras: Mapping[str, CameraReport], periodic: bool) -> dict[str, CameraReport]:
        new = {}
        for camera, report in cameras.items():
            before = self._cameras.get(camera)
            same_state = before is not None and before.state == report.state
            same = before is not None and replace(before, at_ns=report.at_ns) == report
            if not same_state or (periodic and not same):
                new[camera] = self._cameras[camera] = report
        return new

    def _new_outputs(self) -> dict[str, OutputReport]:
        changed, self._changed = self._changed, set()
        return {name: _output(self._outputs[name]) for name in sorted(changed)}

    def _new_recorder(self) -> RecorderReport | None:
        changed, self._recorder_changed = self._recorder_changed, False
        return _recorder(self._recorder) if changed and self._recorder is not None else None

    def _new_player(self, periodic: bool) -> PlayerReport | None:
        """At every change but that of the position, which is told once a second."""
        state = self._player
        if state is None:
            return None
        told = (state.playing, state.runs, state.speed, state.loop, state.begin_s, state.end_s, state.fault)
        told = told if state.playing else (*told, state.position_s)
        if told == self._player_told and not (periodic and state.playing):
            return None
        self._player_told = told
        return msgspec.convert(state, PlayerReport, from_attributes=True)

    def _new_events(self) -> tuple[AlarmReport, ...]:
        events = tuple(self._events)
        self._events.clear()
        return events

    def _latencies(self, report: Report) -> dict[str, LatencyReport]:
        latencies = {}
        for leg, recent in report.recent_legs.items():
            budget_ms = getattr(self._budgets, f"{leg}_ms", None)
            over = budget_ms is not None and recent.p99_ms > budget_ms
            p50_ms, p99_ms = _rounded(recent.p50_ms), _rounded(recent.p99_ms)
            latencies[leg] = LatencyReport(p50_ms, p99_ms, recent.count, budget_ms, over)
        return latencies

    def _timecode_now(self, now_ns: int) -> TimecodeReport | None:
        timecode = self._timecode.at(now_ns)
        return TimecodeReport(timecode.text, self._timecode.rate.text, now_ns) if timecode is not None else None

    def _wrong(
        self, cameras: Mapping[str, CameraReport], latencies: Mapping[str, LatencyReport], now_ns: int
    ) -> list[tuple[str, str]]:
        silences_s = {name: self._silence_s(name) for name in self.workers}
        timecode = self._timecode.fault(now_ns)
        return [
            *silent_workers(silences_s, self._clock() - self._began_s),
            *waiting_cameras({name: camera.state for name, camera in cameras.items()}),
            *failing_outputs(self._outputs.values()),
            *failing_recorder(self._recorder),
            *([("timecode", timecode)] if timecode else []),
            *late_legs(latencies),
        ]


def _output(state: OutputState) -> OutputReport:
    finite = replace(state, rate=_rounded(state.rate), rate_hz=_rounded(state.rate_hz))
    return msgspec.convert(finite, OutputReport, from_attributes=True)


def _recorder(state: RecorderState) -> RecorderReport:
    return msgspec.convert(state, RecorderReport, from_attributes=True)


def _rounded(number: float) -> float:
    """As JSON can carry it: what is not finite has no place there."""
    return round(number, 3) if math.isfinite(number) else 0.0
