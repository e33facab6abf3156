"""The supervisor on the bus: what it tells the operator, so that takes have it, and the keys of its terminal.

event.supervisor     workers that died or hung and came back, latencies over their budget
command.supervisor   r: start or stop a take; m: mark
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from protocols.bus import Publisher
from protocols.clock import StageClock
from protocols.messages import Event, Record
from protocols.show import Command, CommandReply, Mark, RecorderState, StartRecording, StopRecording
from stage.command_book import CommandBook
from stage.config import LatencySection
from stage.supervision.report import LegReport
from stage.surfaces import SUPERVISOR

KEYS = "keys: r begins and ends a take, m puts a mark into it"
OVER_S, WITHIN_S = 3, 5
"""A latency is an alarm after so many looks over its budget, one a second, and none after so many within."""


class Voice:
    """Speaks for the supervisor."""

    def __init__(self, run_dir: Path, clock: StageClock, say: Callable[[str, str, str], None]) -> None:
        """Opens its socket.

        Args:
            run_dir: The stage's run folder.
            clock: Stage time.
            say: Tells the operator what became of a key: kind, worker, text.

        Raises:
            BusError: The socket cannot be bound.
        """
        self._publisher = Publisher(run_dir, SUPERVISOR, clock)
        self._clock = clock
        self._say = say
        self._book = CommandBook(SUPERVISOR)
        self._recording = False
        self._looks: dict[str, int] = {}
        """Per leg, looks in a row over its budget, or within it (below 0)."""
        self._late: set[str] = set()

    def event(self, kind: str, worker: str, text: str) -> None:
        """Publishes what the operator was told."""
        text = text.encode(errors="replace").decode()
        self._publisher.send(f"event.{SUPERVISOR}", Event(worker or SUPERVISOR, self._clock.now_ns(), kind, text))

    def key(self, key: str) -> None:
        """Somebody has typed a key."""
        match key.lower():
            case "r":
                self._order(StopRecording if self._recording else StartRecording)
            case "m":
                self._order(Mark)
            case _:
                pass

    def hear(self, record: Record) -> None:
        """A record of the recorder."""
        if isinstance(record, RecorderState):
            self._recording = record.recording
        elif isinstance(record, CommandReply):
            self._book.take(record)

    def look(self, recent: Mapping[str, LegReport], budgets: LatencySection) -> None:
        """Publishes latencies that have gone over their budgets, and back; to be called once a second."""
        self._book.expire()
        for leg, report in recent.items():
            budget_ms = getattr(budgets, f"{leg}_ms", None)
            if budget_ms is None:
                continue
            looks = self._looks.get(leg, 0)
            over = report.p99_ms > budget_ms
            looks = self._looks[leg] = max(looks, 0) + 1 if over else min(looks, 0) - 1
            if looks == OVER_S and leg not in self._late:
                self._late.add(leg)
                text = f"latency over budget: {leg} p99 {report.p99_ms:.0f} ms, budget {budget_ms:g} ms"
                self.event("warning", "", text)
            elif looks == -WITHIN_S and leg in self._late:
                self._late.remove(leg)
                self.event("info", "", f"latency within budget again: {leg} p99 {report.p99_ms:.0f} ms")

    def close(self) -> None:
        """Closes the socket."""
        self._publisher.close()

    def _order(self, make: Callable[[str, str], Command]) -> None:
        command = make(self._book.new_id(), SUPERVISOR)
        if self._book.enter(command, lambda reply: self._told(command, reply)):
            self._publisher.send(f"command.{SUPERVISOR}", command)

    def _told(self, command: Command, reply: CommandReply) -> None:
        if not reply.ok or isinstance(command, Mark):  # begin and end of a take are events
            self._say("info" if reply.ok else "warning", reply.worker, reply.text)
