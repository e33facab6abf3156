"""What the workers say about themselves, gathered: rates, losses, restarts, states, events."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from protocols.messages import Event, Heartbeat, Performance

SILENT_S = 1.5
"""A worker whose last heartbeat is older is shown as silent."""

EVENTS = 5
_LOSSES = ("gap", "drop")
_ERRORS = ("error",)


@dataclass
class WorkerStatus:
    """One worker, as of its last heartbeat."""

    name: str
    heartbeat: Heartbeat
    heard_s: float
    """When that was, on the clock of the status."""
    restarts: int = 0

    @property
    def lost(self) -> int:
        """Items that never came to be, by any counter that means so."""
        return _sum_of(self.heartbeat.counters, _LOSSES)

    @property
    def errors(self) -> int:
        """Errors that were counted instead of stopping the show."""
        return _sum_of(self.heartbeat.counters, _ERRORS)


@dataclass
class ActorStatus:
    """One actor, as of the last performance."""

    name: str
    state: str
    confidence: float
    """Mean over the bones, in [0, 1]."""
    cameras: tuple[str, ...]
    heard_s: float


class StageStatus:
    """The newest word of everybody, bounded."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Know nothing yet; `clock` returns seconds."""
        self._clock = clock
        self.workers: dict[str, WorkerStatus] = {}
        self.actors: dict[str, ActorStatus] = {}
        self.events: deque[Event] = deque(maxlen=EVENTS)

    def take_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Note a heartbeat; one from another process than before means that the worker was started again."""
        known = self.workers.get(heartbeat.worker)
        if known is None:
            self.workers[heartbeat.worker] = WorkerStatus(heartbeat.worker, heartbeat, self._clock())
            return
        known.restarts += heartbeat.pid != known.heartbeat.pid
        known.heartbeat, known.heard_s = heartbeat, self._clock()

    def take_event(self, event: Event) -> None:
        """Note an event; the oldest is forgotten."""
        self.events.append(event)

    def take_performance(self, performance: Performance, confidence: float) -> None:
        """Note how an actor fares; `confidence` is the mean over the bones."""
        self.actors[performance.actor] = ActorStatus(
            performance.actor, performance.state, confidence, performance.cameras, self._clock()
        )

    def alive(self, worker: str) -> bool:
        """Whether a worker has been heard of lately."""
        known = self.workers.get(worker)
        return known is not None and self._clock() - known.heard_s < SILENT_S

    def state_of(self, worker: str) -> str:
        """The state that a worker gives, or "silent"."""
        return self.workers[worker].heartbeat.state if self.alive(worker) else "silent"


def _sum_of(counters: dict[str, int], words: tuple[str, ...]) -> int:
    return sum(count for name, count in counters.items() if any(word in name for word in words))
