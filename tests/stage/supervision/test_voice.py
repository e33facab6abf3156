from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from protocols.bus import Subscriber
from protocols.clock import StageClock
from protocols.messages import Event, Record
from protocols.show import CommandReply, Mark, StartRecording, StopRecording
from stage.config import LatencySection
from stage.supervision.report import LegReport
from stage.supervision.voice import OVER_S, WITHIN_S, Voice
from stage.surfaces import SUPERVISOR
from tests.stage.control.show import recorder_state


class Room:
    """A voice, and who hears it."""

    def __init__(self, run_dir: Path) -> None:
        self.said: list[tuple[str, str, str]] = []
        self.voice = Voice(run_dir, StageClock.start(), lambda *words: self.said.append(words))
        self.ear = Subscriber(run_dir, {SUPERVISOR: [""]})
        while self.ear.receive(20) is None:
            self.voice.event("info", "", "are you there?")
        while self.ear.receive(50) is not None:
            pass

    def heard(self) -> Record:
        message = self.ear.receive(5000)
        assert message is not None
        return message.record

    def close(self) -> None:
        self.voice.close()
        self.ear.close()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path)
    yield room
    room.close()


def test_keys_are_commands_and_what_became_of_them_is_told(room: Room) -> None:
    room.voice.key("x")
    room.voice.key("r")
    start = room.heard()
    assert isinstance(start, StartRecording) and start.surface == SUPERVISOR
    room.voice.hear(CommandReply(start.id, SUPERVISOR, "record", True, "recording scene_001"))
    room.voice.hear(recorder_state(recording=True))
    room.voice.key("M")
    mark = room.heard()
    assert isinstance(mark, Mark)
    room.voice.hear(CommandReply(mark.id, SUPERVISOR, "record", True, "mark 1"))
    room.voice.key("R")
    stop = room.heard()
    assert isinstance(stop, StopRecording)
    room.voice.hear(CommandReply(stop.id, SUPERVISOR, "record", False, "nothing is being recorded"))
    assert room.said == [("info", "record", "mark 1"), ("warning", "record", "nothing is being recorded")]


def test_what_the_operator_is_told_is_an_event(room: Room) -> None:
    room.voice.event("error", "solve", "was killed (its spare takes over)")
    event = room.heard()
    assert isinstance(event, Event)
    assert (event.worker, event.kind, event.text) == ("solve", "error", "was killed (its spare takes over)")


def test_a_latency_over_its_budget_is_an_alarm_once_and_its_end_too(room: Room) -> None:
    budgets = LatencySection(total_ms=100.0)

    def look(p99_ms: float, times: int) -> None:
        for _ in range(times):
            room.voice.look({"total": LegReport(10, 50.0, p99_ms), "odd": LegReport(1, 1, 999)}, budgets)

    look(99.0, 10)
    look(200.0, OVER_S - 1)
    look(99.0, 1)
    look(200.0, 20)
    look(99.0, WITHIN_S - 1)
    look(101.0, 1)
    look(99.0, 20)
    first, second = room.heard(), room.heard()
    assert isinstance(first, Event) and isinstance(second, Event) and room.ear.receive(50) is None
    assert first.kind == "warning" and "total p99 200 ms, budget 100 ms" in first.text
    assert second.kind == "info" and "within budget" in second.text
