"""What the workers say about themselves, gathered: rates, losses, restarts, states, events."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from protocols.arrays import from_bytes
from protocols.messages import Event, Face, Heartbeat, Performance
from protocols.names import ARKIT_SHAPES
from protocols.playback import PlayerState
from protocols.show import OutputState, RecorderState

SILENT_S = 1.5
"""A worker whose last heartbeat is older is shown as silent."""

SHOW_SILENT_S = 3.0
"""Likewise the recorder and outputs, who speak once a second."""

EVENTS = 5
SHAPES = 5
"""Of a face, the strongest."""
FACE_STREAM_S = 0.3
"""While a face camera's stream is no older, the face that comes with the body is not looked at."""
State = TypeVar("State", OutputState, PlayerState, RecorderState)

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
    hands: tuple[float, float] = (0.0, 0.0)
    """Likewise over the fingers of the left and the right hand."""


@dataclass
class FaceStatus:
    """One actor's face, as of the last that came."""

    actor: str
    face: Face
    heard_s: float
    streamed_s: float
    """When one of a face camera came last; minus infinity when none has."""

    @property
    def confidence(self) -> float:
        """Mean over the shapes, in [0, 1]."""
        return float(np.mean(from_bytes(self.face.confidence, (-1,))))

    @property
    def strongest(self) -> list[tuple[str, float, float]]:
        """Names, values and confidences of the strongest shapes, strongest first."""
        values, sure = (from_bytes(data, (len(ARKIT_SHAPES),)) for data in (self.face.shapes, self.face.confidence))
        rows = np.argsort(-values, kind="stable")[:SHAPES]
        return [(ARKIT_SHAPES[row], float(values[row]), float(sure[row])) for row in rows]


class StageStatus:
    """The newest word of everybody, bounded."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Know nothing yet; `clock` returns seconds."""
        self._clock = clock
        self.workers: dict[str, WorkerStatus] = {}
        self.actors: dict[str, ActorStatus] = {}
        self.faces: dict[str, FaceStatus] = {}
        self.events: deque[Event] = deque(maxlen=EVENTS)
        self._outputs: dict[str, tuple[OutputState, float]] = {}
        self._recorder: tuple[RecorderState, float] | None = None
        self._player: tuple[PlayerState, float] | None = None

    def take_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Note a heartbeat; one from another process than before means that the worker was started again."""
        known = self.workers.get(heartbeat.worker)
        if known is None:
            self.workers[heartbeat.worker] = WorkerStatus(heartbeat.worker, heartbeat, self._clock())
            return
        known.restarts += heartbeat.pid != known.heartbeat.pid
        known.heartbeat, known.heard_s = heartbeat, self._clock()

    def take_event(self, event: Event) -> None:
        """Note an event; the oldest is forgotten, and so is what the same worker has just said."""
        if any(event.worker == known.worker and event.text == known.text for known in list(self.events)[-1:]):
            self.events.pop()
        self.events.append(event)

    def take_output(self, state: OutputState) -> None:
        """Note what an output does."""
        self._outputs[state.id] = (state, self._clock())

    def take_recorder(self, state: RecorderState) -> None:
        """Note what the recorder does."""
        self._recorder = (state, self._clock())

    def take_player(self, state: PlayerState) -> None:
        """Note what the player of a replay does."""
        self._player = (state, self._clock())

    @property
    def player_state(self) -> PlayerState | None:
        """The player's last word; None when it is silent."""
        return self._heard(self._player)

    @property
    def recorder_state(self) -> RecorderState | None:
        """The recorder's last word; None when it is silent."""
        return self._heard(self._recorder)

    def output_of(self, name: str) -> OutputState | None:
        """An output's last word; None when it is silent."""
        return self._heard(self._outputs.get(name))

    def take_performance(
        self, performance: Performance, confidence: float, hands: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        """Note how an actor fares; `confidence` is the mean over the bones, `hands` those over the fingers."""
        self.actors[performance.actor] = ActorStatus(
            performance.actor, performance.state, confidence, performance.cameras, self._clock(), hands
        )
        known = self.faces.get(performance.actor)
        if performance.face is not None and (known is None or self._clock() - known.streamed_s > FACE_STREAM_S):
            self.faces[performance.actor] = FaceStatus(performance.actor, performance.face, self._clock(), -math.inf)

    def take_face(self, actor: str, face: Face) -> None:
        """Note the face that a face camera's stream brings."""
        self.faces[actor] = FaceStatus(actor, face, self._clock(), self._clock())

    def forget_faces(self) -> None:
        """Forget the faces that have not been heard of for a while."""
        now_s = self._clock()
        self.faces = {name: face for name, face in self.faces.items() if now_s - face.heard_s <= SILENT_S}

    def alive(self, worker: str) -> bool:
        """Whether a worker has been heard of lately."""
        known = self.workers.get(worker)
        return known is not None and self._clock() - known.heard_s < SILENT_S

    def state_of(self, worker: str) -> str:
        """The state that a worker gives, or "silent"."""
        return self.workers[worker].heartbeat.state if self.alive(worker) else "silent"

    def _heard(self, known: tuple[State, float] | None) -> State | None:
        return known[0] if known is not None and self._clock() - known[1] < SHOW_SILENT_S else None


def _sum_of(counters: dict[str, int], words: tuple[str, ...]) -> int:
    return sum(count for name, count in counters.items() if any(word in name for word in words))
