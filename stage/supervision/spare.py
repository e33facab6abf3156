"""Keeps one prepared standby of a worker that is slow to start."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from stage.errors import SupervisionError
from stage.supervision.backoff import BackOff
from stage.supervision.plan import WorkerPlan
from stage.supervision.process import WorkerProcess
from stage.supervision.waiting import first_of

SETTLE_S = 1.0
"""After a promotion, how long the new active worker has the processor for itself."""


class Spare:
    """A standby process, replaced when it has been taken or has died."""

    def __init__(self, plan: WorkerPlan, run_dir: Path, show: Callable[[str], None]) -> None:
        """Nothing is started before `keep`."""
        self.process: WorkerProcess | None = None
        self.settled = asyncio.Event()
        """Set when the first standby is prepared, or has died of trying: nothing more to wait for."""
        self._plan = plan
        self._run_dir = run_dir
        self._show = show
        self._taken = asyncio.Event()
        self._backoff = BackOff()

    @property
    def ready(self) -> bool:
        """Whether there is a standby to take, prepared or still at it."""
        return self.process is not None and self.process.alive

    def take(self) -> WorkerProcess | None:
        """Promote the standby; None when there is none."""
        if self.process is None or not self.process.alive:
            return None
        taken, self.process = self.process, None
        self._taken.set()
        taken.promote()
        return taken

    async def keep(self) -> None:
        """Keep a standby there, until cancelled."""
        while True:
            started_s = time.monotonic()
            try:
                self.process = spare = await WorkerProcess.spawn(self._plan, self._run_dir, self._show, standby=True)
            except SupervisionError as error:
                self._show(f"spare: {error}")
                self.settled.set()
                await asyncio.sleep(max(self._backoff.after(0.0), SETTLE_S))
                continue
            await first_of(spare.prepared.wait(), spare.wait(), self._taken.wait())
            self.settled.set()
            await first_of(spare.wait(), self._taken.wait())
            if self._taken.is_set():
                self._taken.clear()
                await asyncio.sleep(SETTLE_S)
                continue
            self.process = None
            self._show(f"spare: {spare.epitaph}")
            await asyncio.sleep(max(self._backoff.after(time.monotonic() - started_s), SETTLE_S))
