"""What the operator sees: a live table in a terminal, plain lines everywhere else.

Messages scroll by above the table. Without a terminal (a service, a pipe, a log file) the same
messages are lines, with one line of numbers every few seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from stage.config import LatencySection
from stage.harmless import harmless
from stage.supervision.report import FACE_LEGS, LegReport, Report, WorkerReport
from stage.surfaces import REPLAY, rests

PLAIN_PERIOD_S = 5.0
TABLE_PERIOD_S = 1.0

_STYLES = {"info": "", "warning": "yellow", "error": "red"}
_GOOD_STATES = ("running", "standby", "finished")


class Display(Protocol):
    """Where the supervisor shows what happens."""

    def say(self, kind: str, worker: str, text: str) -> None:
        """Show one message; `kind` is "info", "warning" or "error", `worker` may be ""."""

    def show(self, report: Callable[[], Report]) -> None:
        """Offer the numbers; `report` is called when it is time to show them."""

    def close(self) -> None:
        """Leave the terminal as it was."""


def open_display(budgets: LatencySection) -> Display:
    """The table if standard output is a terminal, lines if not."""
    console = Console(highlight=False, markup=False)
    return TableDisplay(console, budgets) if console.is_terminal else PlainDisplay(console)


class PlainDisplay:
    """One line per message, and one line of numbers every few seconds."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        """Print to `console`; `clock` returns seconds."""
        self._console = console
        self._clock = clock
        self._next_s = clock() + PLAIN_PERIOD_S

    def say(self, kind: str, worker: str, text: str) -> None:
        """Show one message."""
        self._console.print(_message(kind, worker, text).plain, soft_wrap=True)

    def show(self, report: Callable[[], Report]) -> None:
        """Print the numbers if it is time."""
        if self._clock() >= self._next_s:
            self._next_s = self._clock() + PLAIN_PERIOD_S
            self._console.print(numbers_line(report()), soft_wrap=True)

    def close(self) -> None:
        """Nothing is held."""


class TableDisplay:
    """The live table of a terminal."""

    def __init__(self, console: Console, budgets: LatencySection, clock: Callable[[], float] = time.monotonic) -> None:
        """Take over the bottom of the terminal until `close`."""
        self._budgets = budgets
        self._clock = clock
        self._next_s = 0.0
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
        self._live.start()

    def say(self, kind: str, worker: str, text: str) -> None:
        """Show one message above the table."""
        self._live.console.print(_message(kind, worker, text), soft_wrap=True)

    def show(self, report: Callable[[], Report]) -> None:
        """Draw the table anew if it is time."""
        if self._clock() >= self._next_s:
            self._next_s = self._clock() + TABLE_PERIOD_S
            self._live.update(tables(report(), self._budgets), refresh=True)

    def close(self) -> None:
        """Leave the last table standing."""
        self._live.stop()


def numbers_line(report: Report) -> str:
    """The state of a stage in one line."""
    framesets = report.framesets
    if report.seconds == 0.0:
        missing = [name for name, worker in report.workers.items() if worker.state in ("starting", "down")]
        return f"starting: waiting for {', '.join(missing) or 'spares'}"
    told = {leg: values for leg, values in report.recent_legs.items() if leg not in FACE_LEGS[:-1]}
    parts = [
        f"{report.seconds:.0f} s",
        *_played(report),
        *_rates(report),
        *([f"{100.0 * framesets.solved_fraction:.1f} % solved"] if framesets.captured > 0 else []),
        *(f"{leg} {values.p50_ms:.1f}/{values.p99_ms:.1f}" for leg, values in told.items()),
    ]
    if told:
        parts[-1] += " ms (p50/p99)"
    down = [name for name, worker in report.workers.items() if worker.state == "down"]
    parts += [f"restarts {report.restarts}, gaps {report.gaps}, drops {report.drops}"]
    parts += [f"down: {', '.join(down)}"] if down else []
    return "  ".join(parts)


def tables(report: Report, budgets: LatencySection) -> Group:
    """The state of a stage in two tables."""
    framesets = report.framesets
    headline = Text.assemble(
        (report.stage, "bold"),
        f"  {report.seconds:.0f} s  {'  '.join(_rates(report))}  "
        f"{100.0 * framesets.solved_fraction:.1f} % of {framesets.captured} solved  "
        f"late {framesets.incomplete}  too old {framesets.dropped_age}",
    )
    if played := _played(report):
        headline = Group(Text("  ".join(played), style="bold"), headline)
    return Group(headline, _leg_table(report, budgets), _worker_table(report.workers))


def _played(report: Report) -> list[str]:
    """Where a replay is; nothing of a live stage."""
    replay = report.workers.get(REPLAY)
    if replay is None or "position" not in replay.facts:
        return []
    return [" ".join(filter(None, (replay.facts["position"], replay.facts["timecode"])))]


def _rates(report: Report) -> list[str]:
    """Framesets and faces per second, each where there are any; framesets where there are neither."""
    faces = report.face_rate_hz > 0.0
    bodies = report.framesets.captured > 0 or not faces
    texts = [f"{report.rate_hz:.1f} framesets/s"] if bodies else []
    return [*texts, f"{report.face_rate_hz:.1f} faces/s"] if faces else texts


def _leg_table(report: Report, budgets: LatencySection) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("leg [ms]")
    for title in ("p50", "p99", "p50 all", "p99 all", "budget"):
        table.add_column(title, justify="right", min_width=7)
    for leg, whole in report.legs.items():
        recent = report.recent_legs.get(leg)
        budget_ms = getattr(budgets, f"{leg}_ms", None)
        table.add_row(
            leg,
            f"{recent.p50_ms:.1f}" if recent else "",
            _over_budget(recent, budget_ms) if recent else "",
            f"{whole.p50_ms:.1f}",
            _over_budget(whole, budget_ms),
            f"{budget_ms:g}" if budget_ms else "",
        )
    return table


def _over_budget(leg: LegReport, budget_ms: float | None) -> Text:
    return Text(f"{leg.p99_ms:.1f}", style="bold red" if budget_ms and leg.p99_ms > budget_ms else "")


def _worker_table(workers: dict[str, WorkerReport]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("worker")
    table.add_column("state", min_width=8)
    for title in ("rate", "age ms", "CPU %", "MB", "gaps", "drops", "restarts"):
        table.add_column(title, justify="right", min_width=6)
    for name, worker in workers.items():
        table.add_row(
            name,
            Text(worker.state, style="" if worker.state in _GOOD_STATES or rests(name, worker.state) else "bold red"),
            f"{worker.rate_hz:.1f}" if worker.rate_hz else "",
            f"{worker.age_ms:.1f}" if worker.age_ms >= 0.0 else "",
            f"{worker.cpu_percent:.0f}",
            f"{worker.memory.last_mb:.0f}" if worker.memory else "",
            *(str(count) if count else "" for count in (worker.gaps, worker.drops, worker.restarts)),
        )
    return table


def _message(kind: str, worker: str, text: str) -> Text:
    prefix = f"{worker}: " if worker else ""
    mark = f"stage: {kind}: " if kind != "info" else ""
    return Text(harmless(f"{mark}{prefix}{text}"), style=_STYLES.get(kind, ""))
