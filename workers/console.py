"""The console worker: what the bus says -> the page in the browser, and what the operator clicks -> commands.

It is lossy: heartbeats, events and states always, performances, meshes and frame notes only while a
browser shows the page; at other times nobody even sends them.
"""

from __future__ import annotations

import time
from collections import Counter

from protocols.bus import Subscriber
from protocols.messages import Performance
from stage.console.desk import ConsoleDesk
from stage.console.keeper import PageKeeper
from stage.readers import readers
from stage.surfaces import CONTROL, EXECUTORS, MESH, RECEIVE, replays
from workers.worker import Worker, run

_REPORTS = ("heartbeat.", "event.", "output.", "recorder", "player", "reply.")
_IDLE_PERIOD_S = 0.1
_HEARD_AFTER_S = 0.5
"""How long others may need to connect to a worker that has just started; news wait so long."""


class ConsoleWorker(Worker):
    """Serves the page."""

    kind = "console"

    def setup(self) -> None:
        """Subscribe to what everybody says of themselves; the page is opened by the first step."""
        captures = [f"capture.{camera.id}" for camera in self.config.cameras]
        others = (*EXECUTORS, RECEIVE, CONTROL, self.name)
        names = [*captures, *readers(self.config), *others]
        self._picture_topics = {name: ["frame."] for name in captures} | {"solve": ["performance.", "mesh.", "face."]}
        if replays(self.config):
            self._picture_topics[MESH] = ["mesh."]
            names.append(MESH)
        self._reports = self.subscribe({name: _REPORTS for name in names})
        self._pictures: Subscriber | None = None
        self._pictures_before: Counter[str] = Counter()
        self._desk = ConsoleDesk(self.config)
        self._keeper = PageKeeper(self.config, self.run_dir, wish=self._desk.orders.wish)
        self._heard_s = time.monotonic() + _HEARD_AFTER_S

    def step(self) -> None:
        """Take what has come, show it, and rest for the remainder of the period."""
        began_s = time.monotonic()
        self._desk.page = self._keeper.open()
        for message in self._reports.drain_all():
            self._desk.take(message.record)
        for command in self._desk.orders.commands():
            self.publisher.send(f"command.{self.name}", command)
        self._hear_pictures(self._desk.attended)
        with self._desk.together():
            self._show()
            self._desk.refresh(self.clock.now_ns())
        period_s = _IDLE_PERIOD_S if self._pictures is None else self._desk.period_s
        time.sleep(max(0.0, began_s + period_s - time.monotonic()))

    def report(self) -> None:
        """Say what is new, how many browsers look, and what they missed; states skipped on purpose are no drops."""
        while self._keeper.news and time.monotonic() >= self._heard_s:
            self.event(*self._keeper.news.popleft())
        page = self._desk.page
        self.state = "waiting" if page is None else "running"
        if page is not None:
            self.facts |= {"page": page.url, "browsers": str(page.clients)}
            self.counters["refused"] = page.refused
        counts = self._pictures_before + Counter(self._pictures.counters if self._pictures else {})
        self.counters |= Counter(gaps=counts["gaps"], decode_errors=counts["decode_errors"], skipped=counts["drops"])
        self.counters |= self._desk.thumbnails.counters

    def teardown(self) -> None:
        """Close the page and what it shows, as far as there are any."""
        if hasattr(self, "_keeper"):
            self._keeper.close()
            self._desk.close()
            self._hear_pictures(False)

    def _show(self) -> None:
        for message in self._pictures.drain() if self._pictures is not None else ():
            self._desk.take(message.record)
            if isinstance(message.record, Performance):
                self.mark(self.clock.now_ns() - message.record.capture_ns)

    def _hear_pictures(self, attended: bool) -> None:
        if attended and self._pictures is None:
            self._pictures = Subscriber(self.run_dir, self._picture_topics)
        elif not attended and self._pictures is not None:
            self._pictures_before += Counter(self._pictures.counters)
            self._pictures.close()
            self._pictures = None


if __name__ == "__main__":
    run(ConsoleWorker)
