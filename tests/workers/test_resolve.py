"""The solve worker of a replay: performances at shifted times, what leads to a position unseen, faults told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from protocols.bus import Message, Publisher, Subscriber
from protocols.messages import CameraLandmarks, Event, MeshNote, Performance, Record
from protocols.playback import PlayerState
from protocols.solve_log import SeenFrame, SolverKeyframe, SolveStep
from stage.config import ReplaySection
from stage.replay.item import moved
from stage.resolve.compare import without_times
from tests import run_folder
from tests.body_model import body_model
from tests.stage.resolve.recorded import BEGIN_NS, config_in, show_of, write_take
from tests.stage.solving.stories import TICK_NS
from workers.resolve import ResolveWorker

TICKS = 34
SHIFT_NS = 123_456_789_000


class Bench:
    """The worker in this process, and the replay worker's place taken by the test."""

    def __init__(self, folder: Path) -> None:
        config = config_in(folder)
        heard = show_of(config, TICKS)
        self.heard = [record for _, record in heard]
        take = write_take(folder / "scene_001.mcap", config, heard)
        config = replace(config, replay=ReplaySection(take=str(take), source="landmarks"))
        self.performances = [record for record in self.heard if isinstance(record, Performance)]
        clock = run_folder.prepare(folder, config)
        self.worker = ResolveWorker(folder, "solve")
        self.worker._open_bus()
        self.worker.prepare()
        self.worker.setup()
        self.ends = [Publisher(folder, name, clock, 4096) for name in ("replay", "landmarks")]
        self.replay, self.landmarks = self.ends
        self.ear = Subscriber(folder, {"solve": [""]}, 4096)
        self._connect()

    def _connect(self) -> None:
        """Until everybody hears everybody."""
        limit_s = time.monotonic() + 10.0
        while self.worker.counters["hello"] == 0 or self.ear.receive(10) is None:
            assert time.monotonic() < limit_s
            self.player(runs=-1)
            self.landmarks.send("landmarks.nobody", CameraLandmarks("nobody", 0, 1, 1, 1, 1, 8, 8, ()))
            self.worker.step()
            self.worker.event("info", "hello")
            heard = self.worker._follower._inputs.frame(SeenFrame("nobody", 0, 1)) is not None
            self.worker.counters["hello"] = heard and self.worker._line.pace is not None

    def player(self, runs: int = 0, position_ns: int = BEGIN_NS) -> None:
        state = PlayerState(
            at_ns=position_ns + SHIFT_NS,
            take="scene_001",
            track="",
            source="landmarks",
            playing=True,
            position_s=(position_ns - BEGIN_NS) / 1e9,
            seconds=9.0,
            begin_s=0.0,
            end_s=9.0,
            speed=1.0,
            loop=False,
            timecode="",
            shift_ns=SHIFT_NS,
            runs=runs,
        )
        self.replay.send("player", state)

    def send(self, records: list[Record]) -> list[Message]:
        """Sends them, a few at a time as a player does; what is published meanwhile."""
        messages: list[Message] = []
        for number, record in enumerate(records):
            if number % 16 == 0:
                self.worker.step()
                messages += self.ear.drain_all()
            if isinstance(record, CameraLandmarks):
                self.landmarks.send(f"landmarks.{record.camera}", record)
            elif isinstance(record, SolveStep | SolverKeyframe):
                self.replay.send("step.solve" if isinstance(record, SolveStep) else "keyframe.solve", record)
        return messages

    def made(self, records: list[Record], until: int) -> list[Message]:
        """Everything that is published for some records, until so many steps have been done."""
        messages = self.send(records)
        limit_s = time.monotonic() + 20.0
        while self.worker._follower.counters["steps"] < until:
            assert time.monotonic() < limit_s
            self.worker.step()
            messages += self.ear.drain_all()
        while (message := self.ear.receive(50)) is not None:
            messages.append(message)
        return messages

    def close(self) -> None:
        self.worker.opened.close()
        for end in (*self.ends, self.ear, self.worker.publisher):
            end.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    body_model()
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def of(messages: list[Message]) -> list[Performance]:
    return [message.record for message in messages if isinstance(message.record, Performance)]


def same(one: Performance, then: Performance) -> bool:
    now = moved(then, SHIFT_NS)
    assert isinstance(now, Performance)
    return without_times(one) == without_times(now)


def test_a_take_is_solved_again_and_shown_at_its_new_times(bench: Bench):
    bench.player()
    messages = bench.made(bench.heard, TICKS)
    again = of(messages)
    assert len(again) == len(bench.performances)
    assert all(same(one, then) for one, then in zip(again, bench.performances, strict=True))
    assert all(one.trace.solve_begin_ns <= one.trace.solve_end_ns for one in again)
    meshes = [message.record for message in messages if isinstance(message.record, MeshNote)]
    assert [mesh.capture_ns for mesh in meshes] == [one.capture_ns for one in again]
    bench.worker.report()
    assert bench.worker.facts["as it was"] == f"{TICKS} of {TICKS} steps"

    # A jump back: the state before the position comes again; what leads there is not shown.
    position_ns = BEGIN_NS + 25 * TICK_NS
    back = next(i for i, r in enumerate(bench.heard) if isinstance(r, SolverKeyframe) and r.number == 16)
    bench.player(runs=1, position_ns=position_ns)
    shown = of(bench.made(bench.heard[back:], TICKS + TICKS - 16))
    assert [one.capture_ns - SHIFT_NS for one in shown] == [BEGIN_NS + n * TICK_NS for n in range(25, TICKS)]
    assert all(same(one, then) for one, then in zip(shown, bench.performances[25:], strict=True))


def test_what_is_missing_is_told(bench: Bench):
    lost = [r for r in bench.heard if not (isinstance(r, CameraLandmarks) and r.capture_ns == BEGIN_NS + 5 * TICK_NS)]
    bench.player()
    messages = bench.made(lost, TICKS)
    events = [message.record.text for message in messages if isinstance(message.record, Event)]
    assert any("is not in the take" in text for text in events)
    bench.worker.report()
    assert bench.worker.counters["missing"] == 1
    assert bench.worker.facts["as it was"] == f"{TICKS - 11} of {TICKS} steps"
    assert same(of(messages)[-1], bench.performances[-1])


def test_a_state_that_is_none_is_told_and_the_show_goes_on(bench: Bench):
    bench.player()
    messages = bench.made([SolverKeyframe(7, 0, BEGIN_NS, b"nonsense"), *bench.heard], TICKS)
    events = [message.record for message in messages if isinstance(message.record, Event)]
    assert any(event.kind == "error" and "state" in event.text for event in events)
    assert len(of(messages)) == len(bench.performances)
