"""What the console does with each record of the bus, and when the page shows it.

    Heartbeat, Event  -> status and latency history, always: they are few, and the chart of a browser
                         that comes now begins a minute ago
    OutputState, RecorderState, PlayerState, CommandReply -> status, always; what the operator wants done comes the
                         other way, through `orders`
    Performance, MeshNote, FrameNote, FacePerformance -> scene and panel, only while a browser is there

Panel and chart are filled twice a second, thumbnails at their own rate, bodies as often as the owner asks.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import numpy as np

from protocols.arrays import from_bytes
from protocols.messages import Event, FacePerformance, FrameNote, Heartbeat, MeshNote, Performance, Record
from protocols.playback import PlayerState
from protocols.show import CommandReply, OutputState, RecorderState
from stage.config import Config
from stage.console.actors import BODY_BONES, HAND_BONES
from stage.console.history import SAMPLE_S, LatencyHistory
from stage.console.orders import Orders
from stage.console.page import ConsolePage
from stage.console.status import SILENT_S, StageStatus
from stage.console.thumbnails import Thumbnails

MAX_MESH_RATE = 30.0
"""Bodies per second that are sent, whatever the config asks for; a browser shows no more."""


class ConsoleDesk:
    """Gathers what the bus says and keeps the page up to date; does no waiting and no receiving."""

    def __init__(self, config: Config, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without a page; `clock` returns seconds."""
        self.page: ConsolePage | None = None
        """Where things are shown; the owner sets it when there is one."""
        self.orders = Orders(clock)
        """What the operator wants done."""
        self.status = StageStatus(clock)
        self.history = LatencyHistory()
        self.thumbnails = Thumbnails()
        self.period_s = 1.0 / min(config.console.mesh_rate, MAX_MESH_RATE)
        """How often bodies are to be shown while somebody looks."""
        self._clock = clock
        self._thumbnail_s = 1.0 / config.console.thumbnail_rate
        self._next_thumbnail: dict[str, float] = {}
        self._next_sample = clock()

    @property
    def attended(self) -> bool:
        """Whether a browser shows the page."""
        return self.page is not None and self.page.clients > 0

    def together(self) -> contextlib.AbstractContextManager[None]:
        """What is shown inside reaches the browsers at once, and for the price of one wake-up."""
        return self.page.together() if self.page is not None else contextlib.nullcontext()

    def take(self, record: Record) -> None:
        """Take one record of the bus; kinds that the console does not know are left alone."""
        if isinstance(record, Heartbeat):
            self.status.take_heartbeat(record)
            self.history.take(record.worker, record.legs)
        elif isinstance(record, Event):
            self.status.take_event(record)
        elif isinstance(record, CommandReply):
            self.orders.take(record)
        elif isinstance(record, OutputState):
            self.status.take_output(record)
        elif isinstance(record, RecorderState):
            self.status.take_recorder(record)
        elif isinstance(record, PlayerState):
            self.status.take_player(record)
        elif self.page is None:
            return
        elif isinstance(record, Performance):
            confidence = from_bytes(record.confidence, (-1,))
            left, right = (float(np.mean(confidence[bones])) for bones in HAND_BONES)
            self.status.take_performance(record, float(np.mean(confidence[BODY_BONES])), (left, right))
            self.page.scene.show_performance(record)
        elif isinstance(record, FacePerformance):
            self.status.take_face(record.actor, record.face)
        elif isinstance(record, MeshNote):
            self.page.scene.show_mesh(record)
        elif isinstance(record, FrameNote) and self._clock() >= self._next_thumbnail.get(record.camera, 0.0):
            self._next_thumbnail[record.camera] = self._clock() + self._thumbnail_s
            if (small := self.thumbnails.take(record)) is not None:
                self.page.scene.frusta.show_thumbnail(record.camera, small)
                self.page.panel.show_thumbnail(record.camera, small)

    def refresh(self, now_ns: int) -> None:
        """Sample the latencies and fill the panel when it is time; `now_ns` is stage time."""
        self.orders.expire()
        while self.orders.said:
            worker, kind, text = self.orders.said.popleft()
            self.status.take_event(Event(worker, now_ns, kind, text))
        now = self._clock()
        if now < self._next_sample:
            return
        self._next_sample = max(self._next_sample + SAMPLE_S, now)
        self.history.sample()
        if self.page is None or not self.attended:
            return
        for name, actor in self.status.actors.items():
            if now - actor.heard_s > SILENT_S:
                actor.state = "silent"
                self.page.scene.show_state(name, "silent")
        self.status.forget_faces()
        for name in self.status.workers:
            kind, _, camera = name.partition(".")
            if kind == "capture":
                self.page.scene.frusta.show_alive(camera, self.status.state_of(name) in ("running", "finished"))
        self.page.panel.refresh(self.status, self.history, now_ns, self.page.clients)

    def close(self) -> None:
        """Let go of the cameras' rings."""
        self.thumbnails.close()
