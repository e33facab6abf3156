"""One operating-system process of a worker, from spawn to reaped.

Every worker leads a session of its own, so that a Ctrl-C in the terminal reaches only the supervisor
and a kill reaches whatever the worker itself has started.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from stage.errors import SupervisionError
from stage.supervision.plan import WorkerPlan
from stage.supervision.relay import LineRelay

ERROR_PREFIX = "stage: error: "
"""How a worker ends its stderr when it refuses to go on; the exit status is then 2."""

REFUSED_STATUS = 2
PARENT_VARIABLE = "STAGE_SUPERVISOR_PID"
"""Tells a worker who its supervisor is; `workers._process` dies when that is no longer its parent."""

_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Warning)\b")
"""The line of a traceback that names the exception; its text may go on over further lines."""
_STANDBY_LINE = "standby"
_CHUNK_BYTES = 1 << 16
_PACKAGE_ROOT = Path(__file__).resolve().parents[2]


class WorkerProcess:
    """A running worker, or a standby that waits for its promotion."""

    def __init__(self, plan: WorkerPlan, process: asyncio.subprocess.Process, show: Callable[[str], None]) -> None:
        """Use `spawn`."""
        self.plan = plan
        self.prepared = asyncio.Event()
        """Set when a standby has loaded everything and waits."""
        self._process = process
        self._show = show
        self._errors = LineRelay(self._on_error_line)
        self._refusal = ""
        self._relays = [
            asyncio.create_task(self._relay(process.stderr, self._errors)),
            asyncio.create_task(self._relay(process.stdout, LineRelay(self._on_output_line))),
        ]

    @classmethod
    async def spawn(
        cls, plan: WorkerPlan, run_dir: Path, show: Callable[[str], None], *, standby: bool = False
    ) -> WorkerProcess:
        """Start the worker; `show` gets what it writes, line by line and bounded.

        Raises:
            SupervisionError: The system has no room for another process.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", plan.module, "--run-dir", str(run_dir), "--name", plan.name),
                *(("--standby",) if standby else ()),
                stdin=asyncio.subprocess.PIPE if standby else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
                env=worker_environment(plan.environment),
            )
        except OSError as error:
            raise SupervisionError(
                f"cannot be started ({error.strerror}); look at the limits on processes and open files (ulimit -a)"
            ) from error
        _stand_back(process.pid, plan.niceness)
        return cls(plan, process, show)

    @property
    def pid(self) -> int:
        """Process id, which is also that of its group."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not been reaped yet."""
        return self._process.returncode is None

    @property
    def refused(self) -> str:
        """The sentence with which it refused to go on, "" when it ended otherwise or still runs."""
        return self._refusal if self._process.returncode == REFUSED_STATUS else ""

    @property
    def epitaph(self) -> str:
        """Why it ended, in a few words."""
        if self.refused:
            return self.refused
        code = self._process.returncode or 0
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        last_words = [line for line in self._errors.tail if _EXCEPTION.match(line)] or list(self._errors.tail)
        return f"{how}: {last_words[-1]}" if last_words and code > 0 else how

    async def wait(self) -> None:
        """Wait until it has ended and everything it wrote has been handed on."""
        await self._process.wait()
        # A grandchild may hold the pipes open; what it writes is not waited for.
        _, unfinished = await asyncio.wait(self._relays, timeout=0.5)
        for task in unfinished:
            task.cancel()

    def promote(self) -> None:
        """Let a standby take over."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._process.stdin.write(b"go\n")

    def send(self, number: signal.Signals) -> None:
        """Signal the worker and what it has started; nothing happens when it is gone."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    async def stop(self, grace_s: float) -> None:
        """Ask it to end, and after `grace_s` seconds make it."""
        self.send(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), grace_s)
        except TimeoutError:
            self.send(signal.SIGKILL)
        await self.wait()

    async def _relay(self, stream: asyncio.StreamReader | None, relay: LineRelay) -> None:
        assert stream is not None
        while chunk := await stream.read(_CHUNK_BYTES):
            relay.feed(chunk)
        relay.close()

    def _on_error_line(self, line: str) -> None:
        if line.startswith(ERROR_PREFIX):
            self._refusal = line.removeprefix(ERROR_PREFIX)
        else:
            self._show(line)

    def _on_output_line(self, line: str) -> None:
        if line == _STANDBY_LINE:
            self.prepared.set()
        else:
            self._show(line)


def _stand_back(pid: int, niceness: int) -> None:
    """Lower the priority of a process that has just been started, and of whatever threads it will have.

    Where the system schedules by session, as most desktops do, that of its session counts.
    """
    if niceness:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, niceness)
        with contextlib.suppress(OSError):
            Path(f"/proc/{pid}/autogroup").write_text(str(niceness))


def worker_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The supervisor's environment, these variables, and our own packages first on the path."""
    paths = [str(_PACKAGE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        **variables,
        "PYTHONPATH": os.pathsep.join(paths),
        PARENT_VARIABLE: str(os.getpid()),
    }
