from __future__ import annotations

from typing import Any

import pytest

from protocols.histogram import Histogram
from protocols.messages import Event, Heartbeat
from protocols.playback import PlayerState
from protocols.show import OutputState, RecorderState
from stage.config import ActorSection, CameraSection, Config, LatencySection, RecordSection, TimecodeSection
from stage.mqtt.watch import StageWatch
from stage.timecode import TimecodeClock


class Watched:
    """A watch with a clock, and a stage of one camera."""

    def __init__(self, folder: str = "takes", **timecode: Any) -> None:
        self.now_s = 0.0
        config = Config(
            cameras=(CameraSection(id="left", source="device:0"),),
            actors=(ActorSection(id="anna"),),
            latency=LatencySection(solve_ms=5.0),
            record=RecordSection(folder=folder),
        )
        section = TimecodeSection(rate="25", **timecode)
        self.watch = StageWatch(config, TimecodeClock(section, 0), lambda: self.now_s)
        self.histogram = Histogram()

    def news(self) -> Any:
        return self.watch.news(round(self.now_s * 1e9))

    def beat(self, worker: str = "capture.left", state: str = "running", items: int = 1, solve_ms: float = 0.0) -> None:
        legs = {}
        if solve_ms:
            self.histogram.record(round(solve_ms * 1e6))
            legs = {"solve": self.histogram.to_bytes()}
        at_ns = round(self.now_s * 1e9)
        self.watch.take(Heartbeat(worker, 1, at_ns, state, 29.97, 4.0, 1, {"items": items}, legs, {}))


def test_a_camera_at_once_when_its_state_changes_and_else_once_a_second() -> None:
    watched = Watched()
    assert watched.news().cameras["left"].state == "starting"
    watched.now_s = 0.3
    watched.beat()
    report = watched.news().cameras["left"]
    assert (report.state, report.frames, report.rate_hz, report.age_ms) == ("running", 1, 29.97, 4.0)
    watched.now_s = 0.6
    watched.beat(items=2)
    assert watched.news().cameras == {}
    watched.now_s = 1.1
    watched.beat(items=3)
    assert watched.news().cameras["left"].frames == 3
    watched.now_s = 2.2
    assert watched.news().cameras == {}  # nothing new
    watched.now_s = 3.2
    silent = watched.news()
    assert (silent.cameras["left"].state, silent.cameras["left"].rate_hz) == ("silent", 0.0)
    assert [alarm.about for alarm in silent.alarms.alarms] == ["worker/capture.left"]


def test_latency_of_all_workers_with_its_budget() -> None:
    watched = Watched()
    news = watched.news()
    told = []
    for second in range(1, 4):
        watched.now_s = float(second)
        watched.beat("solve", solve_ms=20.0)
        news = watched.news()
        told += news.alarms.alarms if news.alarms is not None else []
    latency = news.latencies["solve"]
    assert (latency.budget_ms, latency.over, latency.count) == (5.0, True, 3)
    assert latency.p99_ms == pytest.approx(20.0, rel=0.06)
    assert [alarm.about for alarm in told] == ["latency/solve"]
    watched.now_s = 3.5
    assert watched.news().latencies == {}


def test_old_latency_is_forgotten() -> None:
    watched = Watched()
    news = watched.news()
    for second in range(1, 20):
        watched.now_s = float(second)
        watched.beat("solve", solve_ms=20.0 if second < 3 else 0.0)
        news = watched.news()
    assert news.latencies == {}


def test_states_and_events_are_told_once() -> None:
    watched = Watched()
    watched.watch.take(OutputState("engine", "vmc", "broadcast", 1, True, "", 0.0, "udp", float("nan"), 5, 0, "away"))
    watched.watch.take(RecorderState(1, False, "scene", 1, 0, "", 0, 0, -1))
    for kind in ("info", "warning", "error"):
        watched.watch.take(Event("solve", 1, kind, f"an {kind}"))
    watched.watch.take("something else")
    news = watched.news()
    assert news.outputs["engine"].fault == "away" and news.outputs["engine"].rate_hz == 0.0
    assert news.recorder.slate == "scene"
    assert [(event.kind, event.worker) for event in news.events] == [("warning", "solve"), ("error", "solve")]
    assert "output/engine" in [alarm.about for alarm in news.alarms.alarms]
    again = watched.news()
    assert (again.outputs, again.recorder, again.events, again.alarms) == ({}, None, (), None)


def test_events_are_bounded() -> None:
    watched = Watched()
    for number in range(10_000):
        watched.watch.take(Event("solve", number, "error", "again"))
    assert len(watched.news().events) <= 100


def test_timecode_once_a_second() -> None:
    watched = Watched(zone="utc")
    watched.now_s = 3661.04
    assert watched.news().timecode.text == "01:01:01:01"
    assert watched.news().timecode is None


def test_a_timecode_machine_that_says_nothing_is_an_alarm() -> None:
    news = Watched(source="network").news()
    assert news.timecode is None
    assert "timecode" in [alarm.about for alarm in news.alarms.alarms]


def test_no_folder_of_this_machine_is_told() -> None:
    watched = Watched(folder="/disk/takes")
    fault = "/disk/takes: no space left; see /disk/takes/scene_001.mcap"
    told = "takes: no space left; see scene_001.mcap"
    watched.watch.take(Event("record", 1, "warning", fault))
    watched.watch.take(OutputState("a", "vmc", "broadcast", 1, True, "", 0.0, "x", 0.0, 0, 0, fault))
    watched.watch.take(RecorderState(1, False, "scene", 1, 0, "", 0, 0, -1, fault))
    news = watched.news()
    assert [event.text for event in news.events] == [told]
    assert news.outputs["a"].fault == told and news.recorder.fault == told
    assert {alarm.text for alarm in news.alarms.alarms} >= {told}


def test_a_player_at_once_when_it_changes_and_else_once_a_second() -> None:
    watched = Watched()
    take = ("scene_001", "", "performances")

    def told(position_s: float, *, playing: bool = True) -> Any:
        watched.watch.take(PlayerState(1, *take, playing, position_s, 10.0, 0.0, 10.0, 1.0, False, "10:00:02:12"))
        return watched.news().player

    watched.now_s = 0.1
    assert told(1.0).position_s == 1.0
    watched.now_s = 0.3
    assert told(1.2) is None
    watched.now_s = 1.4
    assert told(2.2).position_s == 2.2
    watched.now_s = 1.5
    assert told(2.3, playing=False).playing is False
    watched.now_s = 3.0
    assert told(2.3, playing=False) is None
