"""What all workers have in common: a worker is source -> step -> sink, in a process of its own.

A subclass says what to do; the base class says when:

1. `prepare()`   slow things without side effects: imports, models. A standby does only this.
2. (standby)     prints "standby" and blocks until the supervisor writes "go"; EOF ends it.
3. `setup()`     opens sockets, rings, sources.
4. `step()`      again and again; one unit of work, back within about 100 ms.
5. `teardown()`  once, on the way out, however that came about; also after a `setup` that failed. Then all is closed
                 that was opened through `opened` or `subscribe`, the last first.

Between steps the base class sends a heartbeat every quarter second, from the same thread on purpose:
a step that hangs silences it, and the supervisor then replaces the worker. SIGTERM ends the loop
after the current step. SIGINT is ignored: Ctrl-C is for the supervisor, who stops everything in order.
A `StageError` becomes one line on stderr, an error event and exit status 2.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar, NoReturn

import msgspec

from protocols.bus import QUEUE_LENGTH, Message, Publisher, Subscriber
from protocols.clock import StageClock, read_clock
from protocols.errors import ProtocolError
from protocols.histogram import Histogram
from protocols.messages import Event, Heartbeat
from protocols.show import Command, CommandReply
from stage.command_book import OBEYED_S
from stage.config import Config
from stage.errors import StageError
from workers._process import die_with_parent, resident_bytes

HEARTBEAT_S = 0.25
_IDLE_S = 0.05
_RATE_WINDOW = 5
"""Heartbeats between the two counts of which the rate is the difference: about a second."""


class Worker:
    """Base of all workers; a subclass sets `kind` and implements `step`, the other hooks as needed."""

    kind: ClassVar[str]
    publisher: Publisher
    """Bound at `ipc://RUN_DIR/NAME.ipc`; there from the start, in a standby from its promotion on."""

    def __init__(self, run_dir: Path, name: str) -> None:
        """Read what the supervisor left in the run dir: config.json and clock.json."""
        self.run_dir = run_dir
        self.name = name
        self.config = msgspec.json.decode((run_dir / "config.json").read_bytes(), type=Config)
        self.timing = read_clock(run_dir)
        """clock.json: common epoch and loop period of all files, and whether to play fast."""
        self.clock: StageClock = self.timing.clock
        self.state = "starting"
        self.counters: Counter[str] = Counter()
        self.legs: dict[str, Histogram] = {}
        self.facts: dict[str, str] = {}
        self.opened = ExitStack()
        """What `setup` opens and nobody closes earlier."""
        self._age_ms = -1.0
        self._stopping = False
        self._counts: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], maxlen=_RATE_WINDOW)

    def prepare(self) -> None:
        """Import and load what is slow; no sockets, no rings. Also called in a standby."""

    def setup(self) -> None:
        """Open sockets, rings and sources; `publisher` is there."""

    def step(self) -> None:
        """Do one unit of work, or wait for it, and return within about 100 ms."""
        raise NotImplementedError

    def teardown(self) -> None:
        """End what `setup` began, as far as it came; what is in `opened` is still open."""

    def report(self) -> None:
        """Bring `counters`, `facts` and `legs` up to date; called before every heartbeat."""

    def subscribe(self, publishers: Mapping[str, Sequence[str]], queue_length: int = QUEUE_LENGTH) -> Subscriber:
        """Listen to other workers until the end: per worker, the topic prefixes wanted from it."""
        subscriber = Subscriber(self.run_dir, publishers, queue_length)
        self.opened.callback(subscriber.close)
        return subscriber

    def mark(self, age_ns: int) -> None:
        """Count one finished item that was `age_ns` old when it was taken up."""
        self.counters["items"] += 1
        self._age_ms = age_ns / 1e6

    def time_leg(self, leg: str, duration_ns: int) -> None:
        """Add one duration to the histogram of a latency leg."""
        if leg not in self.legs:
            self.legs[leg] = Histogram()
        self.legs[leg].record(duration_ns)

    def event(self, kind: str, text: str) -> None:
        """Tell the operator; `kind` is "info", "warning" or "error"."""
        text = text.encode(errors="replace").decode()  # names of files need not be text
        self.publisher.send(f"event.{self.name}", Event(self.name, self.clock.now_ns(), kind, text))

    def commanded(self, subscriber: Subscriber) -> Iterator[Message]:
        """What has come by a subscription to commands, without those that come too late to be obeyed.

        A worker that was held up finds them all at once, when whoever gave them has long been told that it came to
        nothing.
        """
        now_ns = self.clock.now_ns()
        for message in subscriber.drain_all():
            if isinstance(message.record, Command) and now_ns - message.sent_ns > OBEYED_S * 1e9:
                self.counters["commands late"] += 1
            else:
                yield message

    def reply(self, command: Command, ok: bool, text: str, facts: dict[str, str] | None = None) -> None:
        """Say what became of a command, exactly once; `text` is for people: what was done, or why not."""
        answer = CommandReply(command.id, command.surface, self.name, ok, text, facts or {})
        self.publisher.send(f"reply.{self.name}", answer)

    def finish(self, text: str) -> None:
        """Say that the source has ended: no more steps, only heartbeats until the stage stops."""
        self.state = "finished"
        self.event("info", text)

    def live(self, standby: bool) -> None:
        """Go through the life of a worker, from `prepare` to `teardown`."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._on_sigterm)
        die_with_parent()
        try:
            if not standby:
                self._open_bus()
            self.prepare()
            if standby:
                self._await_promotion()
                self._open_bus()
            self._set_up_and_loop()
        except (StageError, ProtocolError) as error:
            if hasattr(self, "publisher"):
                self.event("error", str(error))
            raise
        finally:
            if hasattr(self, "publisher"):
                self.publisher.close()

    def _set_up_and_loop(self) -> None:
        with self.opened:
            try:
                self.setup()
                self._loop()
            finally:
                self._stopping = True
                self.teardown()

    def _loop(self) -> None:
        # What is alive now stays: the collector need not walk through models at every pass.
        gc.collect()
        gc.freeze()
        if self.state == "starting":
            self.state = "running"
        next_beat = 0.0
        while not self._stopping:
            if self.state == "finished":
                time.sleep(_IDLE_S)
            else:
                self.step()
            if (now := time.monotonic()) >= next_beat:
                next_beat = now + HEARTBEAT_S
                self._beat(now)
        self._beat(time.monotonic())

    def _open_bus(self) -> None:
        self.publisher = Publisher(self.run_dir, self.name, self.clock)

    def _await_promotion(self) -> None:
        print("standby", flush=True)
        if not sys.stdin.readline():
            raise SystemExit(0)

    def _beat(self, now: float) -> None:
        self.report()
        then, items_then = self._counts[0]
        self._counts.append((now, self.counters["items"]))
        heartbeat = Heartbeat(
            worker=self.name,
            pid=os.getpid(),
            at_ns=self.clock.now_ns(),
            state=self.state,
            rate_hz=(self.counters["items"] - items_then) / max(now - then, 1e-3),
            age_ms=self._age_ms,
            resident_bytes=resident_bytes(),
            counters=dict(self.counters),
            legs={leg: histogram.to_bytes() for leg, histogram in self.legs.items()},
            facts=self.facts,
        )
        self.publisher.send(f"heartbeat.{self.name}", heartbeat)

    def _on_sigterm(self, _signal: int, _frame: object) -> None:
        # Before the loop there may be nothing that looks at the flag: a long import, a blocking read.
        stopping_already, self._stopping = self._stopping, True
        if self.state in ("starting", "standby") and not stopping_already:
            raise SystemExit(0)


def run(worker_class: type[Worker]) -> NoReturn:
    """Be the worker that the command line names; the main function of every worker module."""
    parser = argparse.ArgumentParser(prog=f"python -m workers.{worker_class.kind}")
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--standby", action="store_true")
    arguments = parser.parse_args()
    try:
        worker_class(arguments.run_dir, arguments.name).live(arguments.standby)
    except (StageError, ProtocolError) as error:
        print(f"stage: error: {error}", file=sys.stderr, flush=True)
        sys.exit(2)
    sys.exit(0)
