"""The solve worker of a stage that solves a take again live: it does what the recorded solver did, step by step.

    `landmarks.*`, `external.*`                    from the replay worker, as the recorded workers' voices
    `step.solve`, `keyframe.solve`, `player`       from "replay", see `protocols.solve_log`
    -> `performance.<actor>`, `face.<actor>`, `mesh.<actor>`     with the recorded times shifted to now

Performances are those of the take, byte for byte but for their times. What the solver could not do exactly, for want
of a state or of what a step was given, is counted and told, never passed off as the same.
"""

from __future__ import annotations

from pathlib import Path

import torch
from msgspec.structs import replace

from protocols.arrays import to_bytes
from protocols.errors import TakeError
from protocols.messages import FacePerformance, MeshNote, Performance, Trace
from protocols.show import Calibrate
from protocols.takefile import TakeReader
from stage.bodies.body import load_body
from stage.readers import readers
from stage.replay.item import Pace, moved
from stage.replay.landmark_source import LandmarkSource
from stage.resolve import Follower, Outcome, reckon_with
from stage.resolve.line import Line
from stage.solving.assembly import make_solver
from stage.surfaces import RECEIVE, REPLAY, RESOLVE, command_topics
from workers.worker import Worker, run

_WAIT_MS = 20
_LONGEST_NS = 50_000_000
"""A step of this worker; what is left then is done in the next one."""
_QUEUE_LENGTH = 8192
"""What there is to catch up with after a jump."""
_PATIENCE_NS = 1_000_000_000
"""Inputs come over other sockets than the steps that name them."""


class ResolveWorker(Worker):
    """Solves a take again while it is played."""

    kind = RESOLVE

    def prepare(self) -> None:
        """Load the body model and build the solver."""
        reckon_with(self.config.body.solve_threads)
        self._solver = make_solver(self.config, load_body())
        self._solver.warm_up()

    def setup(self) -> None:
        """Listen to the replay worker and to commands.

        Raises:
            TakeError: The take cannot be read, or says nothing of how it was solved.
        """
        self._line = Line(LandmarkSource(TakeReader(Path(self.config.replay.take))).begin_ns)
        self._follower = Follower(
            self._solver, mesh=self.config.body.mesh, patience_ns=_PATIENCE_NS, reached=self._line.update
        )
        sources = {name: ["landmarks."] for name in readers(self.config)}
        sources[REPLAY] = ["step.", "keyframe.", "player"]
        if len(self.config.inputs) > 0:
            sources[RECEIVE] = ["external."]
        self._subscriber = self.subscribe(sources, _QUEUE_LENGTH)
        self._commands = self.subscribe(command_topics(self.config))
        self._broken = ""

    def step(self) -> None:
        """Take in what has come, do the steps that can be done."""
        self._subscriber.socket.poll(0 if self._follower.ready else _WAIT_MS)
        for message in self.commanded(self._commands):
            if isinstance(message.record, Calibrate):
                self.reply(message.record, False, "a take is solved again, nobody is filmed: nothing can be measured")
        now_ns = self.clock.now_ns()
        for message in self._subscriber.drain_all():
            self._follower.add(message.record, now_ns)
        self._follow()

    def report(self) -> None:
        """How exact it is."""
        counts = {**self._follower.counters, **self._subscriber.counters}
        self.counters.update({key: n - self.counters[key] for key, n in counts.items()})
        inexact, steps = self._follower.counters["inexact"], self._follower.counters["steps"]
        self.facts = {
            "device": str(self._solver.device),
            "threads": str(torch.get_num_threads()),
            "as it was": f"{steps - inexact} of {steps} steps",
        }

    def _follow(self) -> None:
        begin_ns = first_ns = self.clock.now_ns()
        try:
            for outcome in self._follower.go_on(begin_ns):
                end_ns = self.clock.now_ns()
                self._tell()
                newest = self._follower.waiting == 0 and not self._subscriber.socket.poll(0)
                self._show(outcome, begin_ns, end_ns, anyway=self._line.standing and newest)
                begin_ns = self.clock.now_ns()
                if begin_ns - first_ns > _LONGEST_NS:
                    break
        except TakeError as error:
            self.counters["faults"] += 1
            if str(error) != self._broken:
                self._broken = str(error)
                self.event("error", self._broken)
        self._tell()

    def _tell(self) -> None:
        while self._follower.news:
            self.event(*self._follower.news.popleft())

    def _show(self, outcome: Outcome, begin_ns: int, end_ns: int, *, anyway: bool) -> None:
        pace = self._line.pace
        if pace is None:
            return
        if outcome.step.call == "bodies":
            self.counters["framesets_seen"] += 1
            self.counters["framesets_solved"] += 1
        for one in outcome.made:
            if self._line.is_due(one.capture_ns) or anyway:
                self._publish(one, outcome, pace, (begin_ns, end_ns))
            else:
                self.counters["caught_up"] += 1

    def _publish(
        self, one: Performance | FacePerformance, outcome: Outcome, pace: Pace, solved_ns: tuple[int, int]
    ) -> None:
        now = moved(one, pace.stage(one.capture_ns) - one.capture_ns)
        assert isinstance(now, Performance | FacePerformance)
        begin_ns, end_ns = solved_ns
        if one.trace.published_ns > 0:
            trace = replace(now.trace, solve_begin_ns=begin_ns, solve_end_ns=end_ns)
        else:  # another performer's: it came, and was there
            trace = Trace(now.capture_ns, begin_ns, begin_ns, begin_ns, begin_ns, end_ns)
        now = replace(now, trace=trace)
        if isinstance(now, FacePerformance):
            self.publisher.send(f"face.{now.actor}", now)
            self.counters["faces_solved"] += 1
        else:
            self.publisher.send(f"performance.{now.actor}", now)
            mesh = outcome.meshes.get(now.actor)
            if mesh is not None:
                note = MeshNote(now.actor, now.number, now.capture_ns, to_bytes(mesh))
                self.publisher.send(f"mesh.{now.actor}", note)
        self.mark(max(0, begin_ns - now.capture_ns))


if __name__ == "__main__":
    run(ResolveWorker)
