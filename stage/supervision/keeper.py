"""Keeps one worker of the stage alive.

    start --> heartbeats --> dies, or falls silent and is killed --> back-off --> start
                                       |
                                       +--> a spare is there: it takes over, the next one is prepared

A worker that keeps dying of the same cause says so once and is tried again every few seconds,
for a camera may be plugged in later; the rest of the stage goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from protocols.messages import Event, Heartbeat
from stage.errors import SupervisionError
from stage.supervision.backoff import FIRST_DELAY_S, BackOff
from stage.supervision.plan import WorkerPlan
from stage.supervision.process import WorkerProcess
from stage.supervision.spare import Spare

Say = Callable[[str, str, str], None]
"""Tells the operator: kind ("info", "warning", "error"), worker, text."""

SILENCE_S = 2.0
"""A worker that has been up and then is not heard for this long hangs."""
MAX_PATIENCE = 4.0
"""On an overloaded machine a worker may be silent so many times longer: a restart would add to the load."""
STOP_GRACE_S = 3.0
FATAL_RESTARTS = 2
_KNOWN_LINES = 500


def patience() -> float:
    """How much longer than usual everything may take: processes that want to run, per core, at least 1."""
    return min(max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)), MAX_PATIENCE)


class Keeper:
    """One worker: its process, its spare and its restarts."""

    def __init__(self, plan: WorkerPlan, run_dir: Path, say: Say) -> None:
        """Nothing is started before `start`."""
        self.plan = plan
        self.up = asyncio.Event()
        """Set when the worker has come up for the first time."""
        self.refusal = ""
        """Why it refuses to start, or dies again and again of starting, as long as it has never come up."""
        self.restarts = 0
        self.heartbeat: Heartbeat | None = None
        """The last one of the process that is active now."""
        self.active: WorkerProcess | None = None
        self.spare = Spare(plan, run_dir, self._show)
        self._run_dir = run_dir
        self._say = say
        self._tasks: list[asyncio.Task[None]] = []
        self._backoff = BackOff()
        self._last_sign_s = 0.0
        self._died_s = 0.0
        self._known: set[str] = set()
        self._fresh: set[str] = set()

    def start(self) -> None:
        """Start the worker."""
        self._tasks.append(asyncio.create_task(self._keep()))

    def start_spare(self) -> None:
        """Start to keep a standby, if the plan wants one."""
        if self.plan.spare:
            self._tasks.append(asyncio.create_task(self.spare.keep()))

    async def stop(self) -> None:
        """End the worker, its spare and everything they started."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        processes = [process for process in (self.active, self.spare.process) if process is not None]
        await asyncio.gather(*(process.stop(STOP_GRACE_S) for process in processes))

    def hear(self, heartbeat: Heartbeat) -> None:
        """Take a heartbeat; one of an earlier process is ignored."""
        if self.active is None or heartbeat.pid != self.active.pid:
            return
        now_s = time.monotonic()
        if self._starting and heartbeat.state != "starting":
            if self.restarts:
                self._say("info", self.plan.name, f"back after {now_s - self._died_s:.2f} s")
            self.up.set()
            self.refusal = ""
        self.heartbeat = heartbeat
        self._last_sign_s = now_s

    def tell(self, event: Event) -> None:
        """Pass on an event of the worker; an error that an earlier process had too is not news."""
        if event.kind == "error":
            self._show(event.text, event.kind)
        else:
            self._say(event.kind, self.plan.name, event.text)

    def kill(self) -> None:
        """End its processes without asking."""
        for process in (self.active, self.spare.process):
            if process is not None:
                process.send(signal.SIGKILL)

    def check(self) -> None:
        """Kill the process when it hangs; it is then started again."""
        for task in self._tasks:
            if task.done():
                task.result()  # ends only by a defect of ours, which must not stay hidden
        if self.active is None:
            return
        silent_s = time.monotonic() - self._last_sign_s
        if silent_s > (self.plan.start_limit_s if self._starting else SILENCE_S) * patience():
            self._say("error", self.plan.name, f"silent for {silent_s:.1f} s, killed")
            self._last_sign_s = time.monotonic()
            self.active.send(signal.SIGKILL)

    def excuse(self, duration_s: float) -> None:
        """Do not count this time as silence: the supervisor itself did not listen."""
        self._last_sign_s += duration_s

    @property
    def down(self) -> bool:
        """Whether it has been started and has no living process now."""
        return bool(self._tasks) and self.active is None

    @property
    def finished(self) -> bool:
        """Whether its source has ended."""
        return self.heartbeat is not None and self.heartbeat.state == "finished"

    @property
    def _starting(self) -> bool:
        return self.heartbeat is None or self.heartbeat.state == "starting"

    async def _keep(self) -> None:
        while True:
            started_s = time.monotonic()
            try:
                process = self.spare.take() or await WorkerProcess.spawn(self.plan, self._run_dir, self._show)
            except SupervisionError as error:
                self._show(str(error), "error")
                await asyncio.sleep(max(self._backoff.after(0.0), FIRST_DELAY_S))
                continue
            self.active = process
            self._last_sign_s = time.monotonic()
            await process.wait()
            self._died_s = time.monotonic()
            self.active = None
            delay_s = self._backoff.after(self._died_s - started_s)
            self._bury(process, delay_s)
            self.heartbeat = None
            await asyncio.sleep(delay_s)
            self.restarts += 1

    def _bury(self, process: WorkerProcess, delay_s: float) -> None:
        """Say why it died; the same refusal to start again and again is said once."""
        came_up = not self._starting
        reason = process.epitaph
        if not self.up.is_set() and (process.refused or self.restarts >= FATAL_RESTARTS):
            self.refusal = reason
        again = "its spare takes over" if self.spare.ready else f"again in {delay_s:g} s"
        if reason in self._fresh:  # the worker has said it itself, as an event
            self._say("error", self.plan.name, f"stopped ({again})")
        elif came_up or reason not in self._known:
            self._say("error", self.plan.name, f"{reason} ({again})")
        if len(self._known) > _KNOWN_LINES:
            self._known.clear()
        self._known |= self._fresh | {reason}
        self._fresh.clear()

    def _show(self, line: str, kind: str = "info") -> None:
        """Show a line of the worker unless an earlier process has said it."""
        if line in self._known:
            return
        if len(self._fresh) < _KNOWN_LINES:
            self._fresh.add(line)
        self._say(kind, self.plan.name, line)
