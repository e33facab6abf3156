"""The supervisor: starts a stage's processes, keeps them alive, shows what they do, and ends them all.

    1. run dir, config.json, clock.json
    2. solve, landmarks, broadcast, console          wait until the vital ones are up
    3. spares of solve and landmarks                 wait until they are prepared
    4. the captures; their common epoch begins       the show
    5. Ctrl-C, SIGTERM, the time is over, or every recording has ended: SIGTERM to the
       sources, then to the others, SIGKILL to those that do not follow

The sources come last, so that nothing is captured before somebody looks, and the spares before
them, so that their loading takes no processor time from the show. One loop, ten times a second,
listens to heartbeats and events, looks for workers that hang, and offers the numbers to the display.
The supervisor itself computes nothing and imports nothing large.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from protocols.bus import Subscriber
from protocols.clock import ClockFile, StageClock, write_clock
from protocols.messages import Event, Heartbeat
from protocols.ring import remove_stale_rings
from stage.config import Config
from stage.errors import SupervisionError
from stage.latency import LatencyBoard
from stage.supervision.display import Display
from stage.supervision.facts import FactTeller
from stage.supervision.gauge import ProcessGauge
from stage.supervision.keeper import Keeper
from stage.supervision.keys import typed_keys
from stage.supervision.loop_period import ask_loop_period_ns
from stage.supervision.plan import WorkerPlan
from stage.supervision.process import REFUSED_STATUS
from stage.supervision.report import SPARE_SUFFIX
from stage.supervision.run_dir import open_run_dir
from stage.supervision.surroundings import heard_signals, served_metrics
from stage.supervision.voice import KEYS, Voice
from stage.supervision.waiting import all_within
from stage.surfaces import RECORD

TICK_S = 0.1
READY_LIMIT_S = 900.0
"""The show begins without vital workers that are not up after this long: they may have to download."""
SPARES_LIMIT_S = 60.0
"""The show begins without spares that are not prepared after this long."""
EPOCH_LEAD_S = 1.5
"""From the start of the captures to the first frame of recordings: they all have to be there."""
DRAIN_S = 1.0
"""After every recording has ended, the time for the last framesets to come out."""
_LATE_TICK_S = 1.0


class Supervisor:
    """One stage from start to end; used once."""

    def __init__(self, config: Config, plans: Sequence[WorkerPlan], display: Display, *, fast: bool = False) -> None:
        """Prepare to run these workers.

        Args:
            config: What the workers get to read.
            plans: The workers in start order.
            display: Where messages and numbers go.
            fast: Goes to the workers in clock.json.
        """
        face_cameras = [camera.id for camera in config.face_cameras]
        self.board = LatencyBoard(config.stage.name, [plan.name for plan in plans], face_cameras=face_cameras)
        self._config = config
        self._plans = plans
        self._display = display
        self._fast = fast
        self._clock = StageClock.start()
        self._keepers: dict[str, Keeper] = {}
        self._facts = FactTeller(self._say)
        self._gauge = ProcessGauge()
        self._stop = asyncio.Event()
        self._show_from_s: float | None = None
        self._finished_s: float | None = None
        self._next_second_s = 0.0
        self._voice: Voice | None = None

    async def run(self, seconds: float | None = None) -> int:
        """Start everything, keep it alive until it is over, end everything.

        Returns:
            Exit status: 0, or 2 when the stage was impossible.

        Raises:
            SupervisionError: No run dir can be made.
        """
        names = [plan.name for plan in self._plans]
        remove_stale_rings()
        try:
            with (
                open_run_dir(self._config, names) as run_dir,
                heard_signals(self._on_signal),
                served_metrics(self._config.metrics, self.board, self._say),
            ):
                self._keepers = {plan.name: Keeper(plan, run_dir, self._say) for plan in self._plans}
                topics = {name: ["heartbeat.", "event."] for name in names}
                topics |= {RECORD: [*topics[RECORD], "reply.", "recorder"]} if RECORD in topics else {}
                with Subscriber(run_dir, topics) as subscriber, self._speaking(run_dir):
                    return await self._live(run_dir, subscriber, seconds)
        finally:
            remove_stale_rings()
            self._display.close()

    async def _live(self, run_dir: Path, subscriber: Subscriber, seconds: float | None) -> int:
        starting = asyncio.create_task(self._start(run_dir))
        impossible = ""
        try:
            while not self._over(seconds):
                await self._tick(subscriber)
                if starting.done():
                    starting.result()
        except SupervisionError as error:
            impossible = str(error)
        finally:
            self.board.end()
            starting.cancel()
            await asyncio.wait([starting])
            await self._end(subscriber)
        if impossible:
            self._say("error", "", impossible)
        return REFUSED_STATUS if impossible else 0

    async def _start(self, run_dir: Path) -> None:
        """Start the workers in order; the sources when everybody else is up, or has had its time."""
        sinks = [keeper for keeper in self._keepers.values() if not keeper.plan.source]
        sources = [keeper for keeper in self._keepers.values() if keeper.plan.source]
        self._write_clock(run_dir, 0)
        for keeper in sinks:
            keeper.start()
        loop_period_ns = await ask_loop_period_ns(self._config, run_dir)
        await all_within(READY_LIMIT_S, [keeper.up.wait() for keeper in sinks if keeper.plan.vital_group])
        for keeper in sinks:
            keeper.start_spare()
        await all_within(SPARES_LIMIT_S, [keeper.spare.settled.wait() for keeper in sinks if keeper.plan.spare])
        self._write_clock(run_dir, loop_period_ns)
        for keeper in sources:
            keeper.start()
        self._show_from_s = time.monotonic() + EPOCH_LEAD_S
        self.board.begin(in_s=EPOCH_LEAD_S)

    async def _end(self, subscriber: Subscriber) -> None:
        """Stop the sources, then everybody else, listening to their last words."""
        for is_source in (True, False):
            keepers = [keeper for keeper in self._keepers.values() if keeper.plan.source == is_source]
            stopping = asyncio.gather(*(keeper.stop() for keeper in keepers))
            while not stopping.done():
                await asyncio.wait([stopping], timeout=TICK_S)
                self._listen(subscriber)
            stopping.result()

    async def _tick(self, subscriber: Subscriber) -> None:
        asleep_s = time.monotonic()
        await asyncio.sleep(TICK_S)
        now_s = time.monotonic()
        self._listen(subscriber)
        for keeper in self._keepers.values():
            if now_s - asleep_s > _LATE_TICK_S:
                keeper.excuse(now_s - asleep_s)
            keeper.check()
        self._refuse_the_impossible()
        if now_s >= self._next_second_s:
            self._next_second_s = now_s + 1.0
            self._measure()
            self.board.tick()
            if self._voice is not None:
                self._voice.look(self.board.report().recent_legs, self._config.latency)
        self._display.show(self.board.report)

    def _listen(self, subscriber: Subscriber) -> None:
        for message in subscriber.drain_all():
            record = message.record
            if isinstance(record, Heartbeat) and record.worker in self._keepers:
                self._keepers[record.worker].hear(record)
                self.board.take(record)
                self._facts.hear(record)
            elif isinstance(record, Event) and record.worker in self._keepers:
                voice, self._voice = self._voice, None  # the bus has it already
                self._keepers[record.worker].tell(record)
                self._voice = voice
            elif self._voice is not None:
                self._voice.hear(record)

    def _measure(self) -> None:
        pids = {"supervisor": os.getpid()}
        for name, keeper in self._keepers.items():
            if keeper.active is not None:
                pids[name] = keeper.active.pid
            if keeper.spare.process is not None:
                pids[name + SPARE_SUFFIX] = keeper.spare.process.pid
        self.board.supervise(
            restarts={name: keeper.restarts for name, keeper in self._keepers.items()},
            down=[name for name, keeper in self._keepers.items() if keeper.down],
            samples=self._gauge.measure(pids),
        )

    def _over(self, seconds: float | None) -> bool:
        now_s = time.monotonic()
        sources = [keeper for keeper in self._keepers.values() if keeper.plan.source]
        if not sources or not all(keeper.finished for keeper in sources):
            self._finished_s = None
        elif self._finished_s is None:
            self._finished_s = now_s
        drained = self._finished_s is not None and now_s - self._finished_s >= DRAIN_S
        timed_out = seconds is not None and self._show_from_s is not None and now_s - self._show_from_s >= seconds
        return self._stop.is_set() or drained or timed_out

    def _refuse_the_impossible(self) -> None:
        """End a stage of which a vital part refuses to start at all.

        Raises:
            SupervisionError: With the first reason.
        """
        for group in {plan.vital_group for plan in self._plans} - {""}:
            keepers = [keeper for keeper in self._keepers.values() if keeper.plan.vital_group == group]
            if all(keeper.refusal for keeper in keepers):
                what = "no camera can be used" if group == "capture" else f"there is no stage without {group}"
                raise SupervisionError(f"{what}: {keepers[0].refusal}")

    def _say(self, kind: str, worker: str, text: str) -> None:
        self._display.say(kind, worker, text)
        if self._voice is not None:
            self._voice.event(kind, worker, text)
        self.board.note(Event(worker, self._clock.now_ns(), kind, text))

    def _write_clock(self, run_dir: Path, loop_period_ns: int) -> None:
        epoch_ns = self._clock.now_ns() + int(EPOCH_LEAD_S * 1e9)
        write_clock(run_dir, ClockFile(self._clock.offset_ns, epoch_ns, loop_period_ns, self._fast))

    def _on_signal(self) -> None:
        if self._stop.is_set():
            for keeper in self._keepers.values():
                keeper.kill()
        self._stop.set()

    @contextlib.contextmanager
    def _speaking(self, run_dir: Path) -> Iterator[None]:
        """Tell the bus what the operator is told, and listen to keys if there is a recorder to obey them."""
        self._voice = Voice(run_dir, self._clock, self._say)
        try:
            with contextlib.ExitStack() as stack:
                if self._config.record.enabled and stack.enter_context(typed_keys(self._voice.key)):
                    self._say("info", "", KEYS)
                yield
        finally:
            voice, self._voice = self._voice, None
            if voice is not None:
                voice.close()
