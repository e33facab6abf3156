"""solve: landmarks of all cameras -> one performance per actor and frameset.

    `landmarks.<camera>` -> framesets -> solver -> `performance.<actor>`, `mesh.<actor>`, `prediction.<actor>`
    `landmarks.<face camera>` -> at once     -> `face.<actor>`
    `external.<actor>`        -> merged; a face at once too, and where there is no camera a body
    `command.<surface>` Calibrate -> an actor is measured anew; `reply.solve` says so at once
    every call of the solver -> `step.solve`; its state, every few seconds -> `keyframe.solve`

A frameset older than `max_age_ms` is dropped and counted: late work is worth less than the next frameset. With
`fast`, nothing is dropped, and `solved` gives the sources credit for the next frames.
"""

from __future__ import annotations

import torch
from msgspec.structs import replace

from protocols.arrays import to_bytes
from protocols.bus import Message
from protocols.external import ExternalBones, ExternalFace
from protocols.messages import CameraLandmarks, FacePerformance, MeshNote, Performance, Record, Solved, Trace
from protocols.show import Calibrate, RecorderState
from stage.bodies.body import load_body
from stage.errors import CalibrationError
from stage.readers import readers
from stage.solving.assembly import make_solver
from stage.solving.framesets import Frameset, FramesetAssembler
from stage.solving.profile_keeper import ProfileKeeper
from stage.solving.step_log import StepLog
from stage.surfaces import RECEIVE, RECORD, command_topics
from workers.worker import Worker, run

_LONGEST_WAIT_MS = 50
_FAST_DEADLINE_NS = 2_000_000_000


class SolveWorker(Worker):
    """Solves the poses and faces of all actors."""

    kind = "solve"

    def prepare(self) -> None:
        """Load the body model and build the solver, without profiles: they may still be written."""
        torch.set_num_threads(self.config.body.solve_threads)
        self._solver = make_solver(self.config, load_body())
        self._solver.warm_up()

    def setup(self) -> None:
        """Read the profiles and listen to the landmarks, to other performers and to commands."""
        self._profiles = ProfileKeeper(self.config, self._solver)
        stage = self.config.stage
        self._assembler = FramesetAssembler(
            [camera.id for camera in self.config.body_cameras],
            tolerance_ns=round((stage.tolerance_ms or 500.0 / stage.rate) * 1e6),
            deadline_ns=_FAST_DEADLINE_NS if self.timing.fast else round(stage.deadline_ms * 1e6),
        )
        self._max_age_ns = round(stage.max_age_ms * 1e6)
        self._face_cameras = {camera.id for camera in self.config.face_cameras}
        self._interval_ns = round(1e9 / stage.rate)
        self._last_ns = 0
        self._refused: set[str] = set()
        sources = {name: ["landmarks."] for name in readers(self.config)}
        if len(self.config.inputs) > 0:
            sources[RECEIVE] = ["external."]
        self._subscriber = self.subscribe(sources)
        topics = command_topics(self.config)
        self._log: StepLog | None = None
        if self.config.record.enabled:
            self._log = StepLog(self._solver, self.publisher.send, self.clock.now_ns())
            topics[RECORD] = ["recorder"]
        self._recording = self._told_fault = False
        self._commands = self.subscribe(topics)

    def step(self) -> None:
        """Take in landmarks, solve what is complete or out of time."""
        wait_ms = min(_LONGEST_WAIT_MS, self._assembler.wait_ns(self.clock.now_ns()) // 1_000_000 + 1)
        self._subscriber.socket.poll(wait_ms)
        self._obey()
        messages = self._subscriber.drain_all()
        newest = {_stream(message.record): message for message in messages}
        for message in messages:
            if self._log is not None and self._log.is_new:
                self._log.keyframe(self.clock.now_ns(), resting=True)
            if isinstance(message.record, ExternalFace | ExternalBones):
                overtaken = newest[_stream(message.record)] is not message
                self._take_external(message, overtaken and not self.timing.fast)
            if not isinstance(message.record, CameraLandmarks):
                continue
            if message.record.camera in self._face_cameras:
                self._solve_face(message.record)
            elif self._fits(message.record):
                self._assembler.add(message.record, self.clock.now_ns())
        if len(self.config.inputs) > 0:
            self._pass_time(self.clock.now_ns())
        while (frameset := self._assembler.ready(self.clock.now_ns())) is not None:
            self.counters["framesets_seen"] += 1
            age_ns = self.clock.now_ns() - frameset.capture_ns
            if age_ns > self._max_age_ns and not self.timing.fast:
                self.counters["framesets_dropped_age"] += 1
            else:
                self._solve(frameset, age_ns)
        if self._log is not None and not self._log.is_new:
            self._keep_state(self._log)

    def report(self) -> None:
        """Bring counts and facts into the heartbeat."""
        counts = {**self._assembler.counters, **self._subscriber.counters}
        self.counters.update({key: n - self.counters[key] for key, n in counts.items()})
        self.facts = {
            "device": str(self._solver.device),
            "threads": str(torch.get_num_threads()),
            "smoothing lag": f"{self._solver.lag_s * 1e3:.0f} ms at 1 Hz",
            "shapes": self._profiles.progress,
            **self._solver.face_facts(),
        }

    def _solve(self, frameset: Frameset, age_ns: int) -> None:
        begin_ns = self.clock.now_ns()
        performances = self._solver.step(frameset)
        end_ns = self.clock.now_ns()
        for performance in performances:
            trace = replace(performance.trace, solve_begin_ns=begin_ns, solve_end_ns=end_ns)
            self.publisher.send(f"performance.{performance.actor}", replace(performance, trace=trace))
        if self._log is not None:
            self._log.bodies(frameset)
        self._publish_predictions(frameset.capture_ns)
        self.counters["framesets_solved"] += 1
        self.publisher.send("solved", Solved(frameset.capture_ns, self.counters["framesets_solved"]))
        if self.config.body.mesh:
            for performance in performances:
                self._publish_mesh(performance)
        self._keep_profiles()
        self.mark(age_ns)

    def _solve_face(self, landmarks: CameraLandmarks) -> None:
        """A frame of a face camera; it waits for nobody."""
        begin_ns = self.clock.now_ns()
        face = self._solver.step_face(landmarks)
        if face is not None:
            trace = replace(face.trace, solve_begin_ns=begin_ns, solve_end_ns=self.clock.now_ns())
            self.publisher.send(f"face.{face.actor}", replace(face, trace=trace))
        if self._log is not None:
            self._log.face(landmarks)
        if len(self.config.body_cameras) == 0:
            self.counters["frames_read"] += 1
            self.publisher.send("solved", Solved(landmarks.capture_ns, self.counters["frames_read"]))
        if face is None:
            return
        self.counters["faces_solved"] += 1
        if len(self.config.body_cameras) == 0:
            self._keep_profiles()
            self.mark(begin_ns - landmarks.capture_ns)

    def _publish_predictions(self, capture_ns: int) -> None:
        interval_ns = capture_ns - self._last_ns
        if 0 < interval_ns < 4 * self._interval_ns:
            self._interval_ns += (interval_ns - self._interval_ns) // 8
        self._last_ns = capture_ns
        for prediction in self._solver.predictions(capture_ns + self._interval_ns):
            self.publisher.send(f"prediction.{prediction.actor}", prediction)

    def _publish_mesh(self, performance: Performance) -> None:
        vertices = to_bytes(self._solver.vertices(performance.actor).cpu().numpy())
        mesh = MeshNote(performance.actor, performance.number, performance.capture_ns, vertices)
        self.publisher.send(f"mesh.{performance.actor}", mesh)

    def _take_external(self, message: Message, overtaken: bool) -> None:
        """What another performer has sent; it waits for nobody."""
        record = message.record
        assert isinstance(record, ExternalFace | ExternalBones)
        begin_ns = self.clock.now_ns()
        self.counters["external_overtaken"] += overtaken
        made = self._solver.take_external(record, overtaken=overtaken)
        self._publish_external(made, message.sent_ns, begin_ns)
        if self._log is not None:
            self._log.external(record, overtaken=overtaken)
        if len(self.config.cameras) == 0:
            self.mark(begin_ns - record.capture_ns)

    def _pass_time(self, now_ns: int) -> None:
        made = self._solver.pass_time(now_ns)
        self._publish_external(made, now_ns, now_ns)
        if self._log is not None and len(made) > 0:
            self._log.time(now_ns)

    def _publish_external(self, made: list[Performance | FacePerformance], came_ns: int, begin_ns: int) -> None:
        """Of these there were no frames and no landmarks: it came, and was there."""
        for one in made:
            trace = Trace(one.capture_ns, came_ns, came_ns, came_ns, begin_ns, self.clock.now_ns())
            if isinstance(one, FacePerformance):
                self.publisher.send(f"face.{one.actor}", replace(one, trace=trace))
                self.counters["faces_solved"] += 1
                continue
            self.publisher.send(f"performance.{one.actor}", replace(one, trace=trace))
            self.counters["bodies_taken"] += 1
            if self.config.body.mesh:
                self._publish_mesh(one)

    def _obey(self) -> None:
        for message in self.commanded(self._commands):
            if isinstance(message.record, Calibrate):
                promise = self._profiles.calibrate(message.record.actor)
                if promise.ok and self._log is not None:
                    self._log.measure(message.record.actor, self.clock.now_ns())
                self.reply(message.record, promise.ok, promise.text)
            elif isinstance(message.record, RecorderState):
                begins, self._recording = message.record.recording and not self._recording, message.record.recording
                if begins and self._log is not None:
                    self._log.want()

    def _keep_state(self, log: StepLog) -> None:
        """The solver's state for the takes, when it is due and nobody waits for a pose."""
        resting = not self._subscriber.socket.poll(0)
        log.keyframe(self.clock.now_ns(), resting=resting)
        if log.fault and not self._told_fault:
            self._told_fault = True
            self.event("warning", log.fault)

    def _keep_profiles(self) -> None:
        for news in self._profiles.keep():
            self.event(*news)

    def _fits(self, landmarks: CameraLandmarks) -> bool:
        """Whether a camera's pictures fit its calibration; said once, then only counted."""
        if landmarks.camera in self._refused:
            self.counters["uncalibrated"] += 1
            return False
        try:
            self._solver.rig.camera(landmarks.camera, landmarks.width, landmarks.height)
        except CalibrationError as error:
            self._refused.add(landmarks.camera)
            self.event("error", f"{error}; its landmarks are left out")
            return False
        except KeyError:
            return True  # a stranger: the assembler counts it
        return True


def _stream(record: Record) -> tuple[type, str]:
    """Whose record it is: a newer one of the same makes it old."""
    return type(record), getattr(record, "input", "")


if __name__ == "__main__":
    run(SolveWorker)
