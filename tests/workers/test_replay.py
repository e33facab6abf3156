"""The replay worker as a process: a take on the bus as if live, moved by commands."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from protocols.bus import Message, Publisher, Subscriber
from protocols.messages import Event, FacePerformance, Heartbeat, Performance, Record
from protocols.playback import PlayerState, SetPlayback
from protocols.show import Calibrate, Command, CommandReply, TimecodeSync
from stage.config import ActorSection, Config, ReplaySection, TimecodeSection
from stage.timecode import TimecodeClock
from tests.run_folder import prepare
from tests.stage.replay.takes import ACTOR, BODY_MS, MS, performed, write_take

ROOT = Path(__file__).resolve().parents[2]
COUNT = 60
SENT = performed(COUNT)
BODIES = [one.record for one in SENT if isinstance(one.record, Performance)]
Kind = TypeVar("Kind", bound=Record)


class Stage:
    """A run folder with a take and a console, and the replay worker under test."""

    def __init__(self, folder: Path, **options: Any) -> None:
        take = write_take(folder / "scene_001.mcap", SENT)
        config = Config(
            actors=(ActorSection(id=ACTOR),),
            timecode=TimecodeSection(rate="30", source="network"),
            replay=ReplaySection(take=str(take), **options),
        )
        self.clock = prepare(folder, config)
        self.console = Publisher(folder, "console", self.clock)
        topics = {
            "solve": ["performance.", "face.", "timecode"],
            "replay": ["reply.", "player", "heartbeat.", "event."],
        }
        self.ear = Subscriber(folder, topics, queue_length=2_000)
        self.timecode = TimecodeClock(config.timecode, 0)
        self._count = 0
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workers.replay", "--run-dir", str(folder), "--name", "replay"],
            cwd=ROOT,
            env=dict(os.environ),
        )

    def hear(self) -> Message:
        """The next message of the worker; the timecode is followed."""
        message = self.ear.receive(20_000)
        assert message is not None
        if isinstance(message.record, TimecodeSync):
            assert self.timecode.sync(message.record)
        return message

    def next(self, kind: type[Kind]) -> Kind:
        """The next record of a kind."""
        while not isinstance(record := self.hear().record, kind):
            pass
        return record

    def order(self, kind: type[Command] = SetPlayback, **wishes: Any) -> CommandReply:
        self._count += 1
        command = kind(str(self._count), "console", **wishes)
        self.console.send("command.console", command)
        while (reply := self.next(CommandReply)).id != command.id:
            pass
        return reply

    def ready(self) -> None:
        """Waits until the worker hears the console."""
        deadline_s = time.monotonic() + 20.0
        while True:
            self.console.send("command.console", SetPlayback("hello", "console"))
            until_s = time.monotonic() + 0.1
            while time.monotonic() < until_s:
                message = self.ear.receive(50)
                if message is not None and isinstance(message.record, CommandReply):
                    return
            assert time.monotonic() < deadline_s

    def shown(self, message: Message) -> Performance:
        """The recorded performance that a message shows; its times must be as of now, its timecode as it was."""
        record = message.record
        assert isinstance(record, Performance)
        was = BODIES[record.number]
        assert (record.root, record.rotations, record.state) == (was.root, was.rotations, was.state)
        assert 0 < message.sent_ns - record.capture_ns < 500 * MS
        legs = record.trace.solve_end_ns - record.trace.capture_ns
        assert legs == was.trace.solve_end_ns - was.trace.capture_ns
        return was

    def close(self) -> None:
        self.process.terminate()
        assert self.process.wait(10.0) == 0
        self.console.close()
        self.ear.close()


@pytest.fixture
def stage(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    made = Stage(tmp_path, **getattr(request, "param", {}))
    yield made
    made.close()


def test_a_take_is_played_and_ends(stage: Stage) -> None:
    sent: list[Message] = []
    states: list[PlayerState] = []
    while True:
        message = stage.hear()
        if isinstance(message.record, Performance | FacePerformance):
            sent.append(message)
        elif isinstance(message.record, PlayerState):
            states.append(message.record)
        elif isinstance(message.record, Heartbeat) and message.record.state == "finished":
            break
    bodies = [message for message in sent if isinstance(message.record, Performance)]
    for message in bodies:
        was = stage.shown(message)
        assert isinstance(message.record, Performance)
        # All of a line have the same timecode then and now, also those that were told before it.
        assert stage.timecode.at(message.record.capture_ns) is not None
        assert message.record.number == was.number
    # What was sent before somebody listened is lost, as live.
    assert [message.record.number for message in bodies][-40:] == list(range(COUNT - 40, COUNT))  # type: ignore[attr-defined]
    last = bodies[-1].record
    assert isinstance(last, Performance)
    label = stage.timecode.at(last.capture_ns)
    assert label is not None and label.text == "22:13:21:28"  # 59 x 33 ms after 22:13:20
    assert any(state.playing for state in states) and not states[-1].playing
    assert states[-1].seconds == pytest.approx((COUNT - 1) * BODY_MS / 1e3, abs=0.05)


@pytest.mark.parametrize("stage", [{"paused": True}], indirect=True)
def test_it_obeys(stage: Stage) -> None:
    stage.ready()
    while not isinstance((message := stage.hear()).record, Performance):
        pass
    assert stage.shown(message) == BODIES[0], "standing at the beginning"
    assert stage.order(position_s=1.0).facts["timecode"] == "22:13:21:00"
    while not isinstance((message := stage.hear()).record, Performance) or stage.shown(message) == BODIES[0]:
        pass
    assert stage.shown(message) == BODIES[30]
    now = stage.timecode.at(message.record.capture_ns)  # type: ignore[attr-defined]
    assert now is not None and now.text == "22:13:20:29"  # 30 x 33 ms
    assert stage.order(step=-2).ok
    while not isinstance((message := stage.hear()).record, Performance) or stage.shown(message) == BODIES[30]:
        pass
    assert stage.shown(message) == BODIES[28]
    state = stage.next(PlayerState)
    assert (state.playing, state.runs) == (False, 2)
    assert state.position_s == pytest.approx(28 * BODY_MS / 1e3)
    assert not stage.order(speed=0.0).ok
    assert not stage.order(Calibrate, actor=ACTOR).ok
    assert stage.order(playing=True, speed=4.0).ok
    assert stage.next(FacePerformance).capture_ns > 0
    while stage.next(PlayerState).playing:
        pass
    assert "ended" in stage.order(speed=1.0).text, "somebody has moved it, so it stays"
    assert not [message for message in stage.ear.drain_all() if isinstance(message.record, Event)]
