"""The mesh worker of a replay: `performance.<actor>`, `face.<actor>` -> `mesh.<actor>`, for the page.

A solver makes meshes as it solves; where nobody solves, this does, as often as the page shows them. It is lossy and
stands back behind everybody else.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from protocols.arrays import to_bytes
from protocols.messages import FacePerformance, MeshNote, Performance
from protocols.takefile import TakeReader
from stage.errors import BodyModelError
from stage.surfaces import MESH, SOLVE
from workers.worker import Worker, run

if TYPE_CHECKING:
    from stage.replay.flesh import Flesh

_WAIT_MS = 100


class MeshWorker(Worker):
    """Skins the actors of a take."""

    kind = MESH

    def prepare(self) -> None:
        """Import what skins."""
        from stage.replay.flesh import Flesh

        self._flesh: Flesh = Flesh(TakeReader(Path(self.config.replay.take)))

    def setup(self) -> None:
        """Listen to performances."""
        self._solved = self.subscribe({SOLVE: ["performance.", "face."]})
        self._period_s = 1.0 / self.config.console.mesh_rate
        self._next_s = 0.0

    def step(self) -> None:
        """Skin the newest performance of everybody."""
        if (rest_s := self._next_s - time.monotonic()) > 0:
            time.sleep(min(rest_s, _WAIT_MS / 1e3))
            return
        if not self._solved.socket.poll(_WAIT_MS):
            return
        now_ns = self.clock.now_ns()
        for message in self._solved.drain():
            record = message.record
            if isinstance(record, FacePerformance):
                self._flesh.face(record, now_ns)
            elif isinstance(record, Performance):
                self._next_s = time.monotonic() + self._period_s
                self._skin(record, now_ns)

    def _skin(self, performance: Performance, now_ns: int) -> None:
        try:
            vertices = self._flesh.vertices(performance, now_ns)
        except BodyModelError as error:
            self.finish(f"the page shows skeletons only: {error}")
            return
        note = MeshNote(performance.actor, performance.number, performance.capture_ns, to_bytes(vertices))
        self.publisher.send(f"mesh.{performance.actor}", note)
        self.mark(now_ns - performance.capture_ns)
        while self._flesh.notes:
            self.event("info", self._flesh.notes.pop())


if __name__ == "__main__":
    run(MeshWorker)
