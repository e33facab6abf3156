"""A broadcast worker in a process, and those who speak to it and hear it, in this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from protocols.bus import Publisher, Subscriber
from protocols.messages import Event, Heartbeat, Performance, Trace
from protocols.show import CommandReply, OutputState, SetOutput
from stage.config import ActorSection, AnyOutputSection, Config
from tests.run_folder import prepare
from tests.stage.outputs.faces import any_face, face_performance
from tests.stage.outputs.performers import random_pose

ROOT = Path(__file__).resolve().parents[2]
MS = 1_000_000


class BroadcastStage:
    """A run folder with a clock, a solve worker to speak for, and the broadcast worker under test."""

    def __init__(self, run_dir: Path, outputs: tuple[AnyOutputSection, ...]) -> None:
        self.run_dir = run_dir
        config = Config(actors=(ActorSection(id="anna"), ActorSection(id="ben")), outputs=outputs)
        self.clock = prepare(run_dir, config)
        self.solve = Publisher(run_dir, "solve", self.clock)
        self.console = Publisher(run_dir, "console", self.clock)
        self._news = Subscriber(run_dir, {"broadcast": ["reply.", "output."]})
        self.replies: list[CommandReply] = []
        self.heard: list[OutputState] = []
        self._asked = 0
        self.process = self.start()

    def start(self) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workers.broadcast", "--run-dir", str(self.run_dir), "--name", "broadcast"],
            cwd=ROOT,
            env=dict(os.environ),
            text=True,
            stderr=subprocess.PIPE,
        )
        return self.process

    def perform(
        self, number: int, actor: str = "anna", state: str = "tracking", *, with_face: bool = False
    ) -> Performance:
        """One performance onto the bus, solved just now from frames of 40 ms ago."""
        now_ns = self.clock.now_ns()
        capture_ns, published_ns, begin_ns, end_ns, solve_ns = (now_ns - ms * MS for ms in (40, 35, 33, 15, 10))
        trace = Trace(capture_ns, published_ns, begin_ns, end_ns, solve_ns, now_ns)
        performance = random_pose(
            number, actor=actor, number=number, state=state, capture_ns=capture_ns, trace=trace
        ).performance
        performance = replace(performance, face=any_face()) if with_face else performance
        self.solve.send(f"performance.{actor}", performance)
        return performance

    def connect(self) -> None:
        """Waits until commands reach the worker and its replies come back."""
        deadline_s = time.monotonic() + 20.0
        number = 0
        while not self.replies:
            self.console.send("command.console", SetOutput(f"hello-{number}", "console", "hello", enabled=True))
            number += 1
            self.listen(20)
            assert time.monotonic() < deadline_s
        while self.replies[-1].id != f"hello-{number - 1}":
            self.listen(20)
            assert time.monotonic() < deadline_s
        self.replies.clear()

    def ask(self, output: str, **wishes: Any) -> CommandReply:
        """Gives a command; its reply, which must be the only one."""
        self._asked += 1
        self.console.send("command.console", SetOutput(f"ask-{self._asked}", "console", output, **wishes))
        deadline_s = time.monotonic() + 20.0
        while not self.replies:
            self.listen(50)
            assert time.monotonic() < deadline_s
        reply = self.replies.pop(0)
        assert (reply.id, reply.surface, reply.worker) == (f"ask-{self._asked}", "console", "broadcast")
        return reply

    def state(self, output: str) -> OutputState:
        """The next state of an output that comes."""
        self.listen(0)
        begin, deadline_s = len(self.heard), time.monotonic() + 20.0
        while not (found := [state for state in self.heard[begin:] if state.id == output]):
            self.listen(50)
            assert time.monotonic() < deadline_s
        return found[0]

    def listen(self, timeout_ms: int) -> None:
        """Takes in the replies and states that have come, waits for one if there are none."""
        self._news.socket.poll(timeout_ms)
        for message in self._news.drain_all():
            if isinstance(message.record, CommandReply):
                self.replies.append(message.record)
            elif isinstance(message.record, OutputState):
                self.heard.append(message.record)

    def make_a_face(self, number: int, actor: str = "anna") -> None:
        """One face of a face camera onto the bus, solved just now from a frame of 12 ms ago."""
        now_ns = self.clock.now_ns()
        capture_ns, published_ns, begin_ns, end_ns, solve_ns = (now_ns - ms * MS for ms in (12, 10, 9, 4, 3))
        trace = Trace(capture_ns, published_ns, begin_ns, end_ns, solve_ns, now_ns)
        record = face_performance(any_face(), number, actor=actor, capture_ns=capture_ns, trace=trace)
        self.solve.send(f"face.{actor}", record)

    def heartbeat(self, ready: Callable[[Heartbeat], bool], events: list[Event] | None = None) -> Heartbeat:
        """The first heartbeat that fulfils a condition."""
        deadline_s = time.monotonic() + 20.0
        with Subscriber(self.run_dir, {"broadcast": ["heartbeat.", "event."]}) as subscriber:
            while time.monotonic() < deadline_s:
                message = subscriber.receive(100)
                record = message.record if message is not None else None
                if isinstance(record, Event) and events is not None:
                    events.append(record)
                if isinstance(record, Heartbeat) and ready(record):
                    return record
        raise AssertionError("no such heartbeat")

    def stop(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        _, complaints = self.process.communicate(timeout=20)
        return complaints

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.solve.close()
        self.console.close()
        self._news.close()
