"""The solve worker in a process of its own: landmarks in, performances, meshes, predictions and credit out."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import pytest

from protocols.arrays import from_bytes, to_bytes
from protocols.bus import Message, Publisher, Subscriber
from protocols.clock import ClockFile, StageClock, write_clock
from protocols.external import ExternalBones, ExternalFace
from protocols.messages import (
    CameraLandmarks,
    Event,
    FacePerformance,
    Heartbeat,
    MeshNote,
    Performance,
    Prediction,
    Solved,
)
from protocols.show import Calibrate, CommandReply
from stage.cameras.calibration import save_calibration
from stage.config import ActorSection, AnyInputSection, BodySection, CameraSection, Config, StageSection
from tests.body_model import body_model
from tests.stage.inputs.sections import input_section
from tests.stage.outputs.performers import random_pose
from tests.stage.solving.synthetic_views import Actress, ring_of_cameras, seen
from tests.stage.solving.test_external_bones import humanoid

T = TypeVar("T")
RATE = 30.0
PATIENCE_S = 60.0


class Bench:
    """A run dir with a solve worker, and the landmarks worker's place taken by the test."""

    def __init__(self, folder: Path, *, cameras: int = 3, inputs: tuple[AnyInputSection, ...] = ()) -> None:
        self.cameras = ring_of_cameras(cameras)
        save_calibration(folder / "calibration.toml", self.cameras)
        sections = tuple(
            CameraSection(id=camera.id, source="device:0", calibration=str(folder / "calibration.toml"))
            for camera in self.cameras
        )
        self.profile = folder / "anna"
        config = Config(
            stage=StageSection(rate=RATE),
            cameras=sections,
            actors=(ActorSection(id="anna", profile=str(self.profile)),),
            body=BodySection(shape_seconds=0.5),
            inputs=inputs,
        )
        self.clock = StageClock.start()
        (folder / "config.json").write_bytes(msgspec.json.encode(config))
        write_clock(folder, ClockFile(offset_ns=self.clock.offset_ns, epoch_ns=0, loop_period_ns=0, fast=False))
        self.landmarks = Publisher(folder, "landmarks", self.clock)
        self.receive = Publisher(folder, "receive", self.clock)
        self.console = Publisher(folder, "console", self.clock)
        self.results = Subscriber(folder, {"solve": [""]})
        self.process = subprocess.Popen([sys.executable, "-m", "workers.solve", "--run-dir", folder, "--name", "solve"])

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        for end in (self.landmarks, self.receive, self.console, self.results):
            end.close()

    def send(self, views: list[CameraLandmarks]) -> None:
        for view in views:
            self.landmarks.send(f"landmarks.{view.camera}", view)

    def until(self, wanted: Callable[[Message], bool], between: Callable[[], object]) -> Message:
        """The first message that is wanted; `between` is done thirty times a second meanwhile."""
        begin = time.monotonic()
        while time.monotonic() - begin < PATIENCE_S:
            assert self.process.poll() is None
            between()
            limit = time.monotonic() + 1.0 / RATE
            while (left := limit - time.monotonic()) > 0:
                message = self.results.receive(int(left * 1000) + 1)
                if message is not None and wanted(message):
                    return message
        raise AssertionError("the solve worker does not say what is expected")

    def play(self, actress: Actress, until: int) -> list[Message]:
        """Play landmarks in real time until that many framesets are solved; everything that came back."""
        messages: list[Message] = []
        begin = time.monotonic()
        while sum(isinstance(m.record, Solved) for m in messages) < until:
            assert time.monotonic() - begin < PATIENCE_S, "the solve worker does not answer"
            assert self.process.poll() is None
            now_ns = self.clock.now_ns()
            seconds = time.monotonic() - begin
            self.send([seen(camera, now_ns, [actress.landmarks(seconds)]) for camera in self.cameras])
            limit = time.monotonic() + 1.0 / RATE
            while (left := limit - time.monotonic()) > 0:
                message = self.results.receive(int(left * 1000) + 1)
                if message is not None:
                    messages.append(message)
        return messages


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def of(messages: list[Message], kind: type[T]) -> list[T]:
    return [message.record for message in messages if isinstance(message.record, kind)]


@pytest.mark.timeout(180)
def test_landmarks_become_performances_meshes_predictions_and_a_profile(bench):
    actress = Actress(body_model())
    messages = bench.play(actress, until=45)
    performances = of(messages, Performance)
    assert len(performances) >= 40
    last = performances[-1]
    assert last.actor == "anna"
    assert last.state == "tracking"
    trace = last.trace
    assert 0 < trace.capture_ns <= trace.landmarks_end_ns <= trace.solve_begin_ns <= trace.solve_end_ns
    assert np.all(np.isfinite(from_bytes(last.joints, (53, 3))))
    meshes = of(messages, MeshNote)
    assert {m.number for m in meshes} <= {p.number for p in performances}
    vertices = from_bytes(meshes[-1].vertices, (13718, 3))
    assert -0.1 < vertices[:, 2].min() < 0.1
    assert set(of(messages, Prediction)[-1].cameras) == {camera.id for camera in bench.cameras}
    assert (bench.profile / "body.toml").exists()
    assert any("body shape" in event.text for event in of(messages, Event))
    beats = of(messages, Heartbeat)
    assert beats[-1].counters["framesets_solved"] <= beats[-1].counters["framesets_seen"]


@pytest.mark.timeout(180)
def test_what_does_not_fit_or_comes_too_late_is_counted_and_the_rest_goes_on(bench):
    actress = Actress(body_model())
    bench.play(actress, until=3)
    now_ns = bench.clock.now_ns()
    portrait = seen(bench.cameras[0], now_ns, [])
    bench.send([msgspec.structs.replace(portrait, width=480, height=640)])
    messages = bench.play(actress, until=15)
    refusals = [event.text for event in of(messages, Event) if event.kind == "error"]
    assert len(refusals) == 1
    assert "480" in refusals[0] and "640" in refusals[0]
    assert {len(p.cameras) for p in of(messages, Performance)[-5:]} == {2}


BODY_PARTS = ("hips", "spine", "head", "arms", "fingers", "legs")


@pytest.mark.timeout(180)
def test_other_performers_make_a_stage_without_cameras(tmp_path):
    phone = input_section("livelink", id="phone")
    suit = input_section("vmc", id="suit", take=BODY_PARTS)
    bench = Bench(tmp_path, cameras=0, inputs=(phone, suit))
    other = random_pose(2, body_model().mean_joints).performance
    shapes, gaze = to_bytes(np.full(52, 0.5)), to_bytes(np.zeros((2, 2)))
    numbers = iter(range(1_000_000))

    def perform() -> None:
        now_ns, number = bench.clock.now_ns(), next(numbers)
        face = ExternalFace("phone", "anna", number, now_ns, True, shapes, b"", gaze)
        bones = msgspec.structs.replace(humanoid(other), input="suit", number=number, capture_ns=now_ns)
        assert isinstance(bones, ExternalBones)
        bench.receive.send("external.anna", face)
        bench.receive.send("external.anna", bones)

    try:
        message = bench.until(lambda m: isinstance(m.record, Performance) and m.record.number >= 10, perform)
        performance = message.record
        assert isinstance(performance, Performance)
        assert message.topic == "performance.anna" and performance.state == "tracking"
        assert np.allclose(
            from_bytes(performance.joints, (53, 3))[1:], from_bytes(other.joints, (53, 3))[1:], atol=1e-3
        )
        assert performance.face is not None and from_bytes(performance.face.shapes, (52,))[17] == pytest.approx(0.5)
        face = bench.until(lambda m: isinstance(m.record, FacePerformance), perform).record
        assert isinstance(face, FacePerformance)
        trace = face.trace
        assert 0 < trace.capture_ns <= trace.published_ns <= trace.solve_begin_ns <= trace.solve_end_ns
        assert trace.solve_end_ns - trace.capture_ns < 1_000_000_000
        mesh = bench.until(lambda m: isinstance(m.record, MeshNote), perform).record
        assert isinstance(mesh, MeshNote) and mesh.actor == "anna"
        bench.until(lambda m: isinstance(m.record, Performance) and m.record.state == "absent", lambda: None)
    finally:
        bench.close()


@pytest.mark.timeout(180)
def test_an_actor_is_calibrated_on_command_and_the_old_profile_is_kept_aside(bench):
    actress = Actress(body_model())
    bench.play(actress, until=30)
    assert (bench.profile / "body.toml").exists()
    begin = time.monotonic()

    def show() -> None:
        now_ns, seconds = bench.clock.now_ns(), time.monotonic() - begin
        bench.send([seen(camera, now_ns, [actress.landmarks(seconds)]) for camera in bench.cameras])

    bench.console.send("command.console", Calibrate("1", "console", "anya"))
    reply = bench.until(lambda m: isinstance(m.record, CommandReply), show).record
    assert isinstance(reply, CommandReply)
    assert (reply.id, reply.surface, reply.worker, reply.ok) == ("1", "console", "solve", False)
    assert '"anna"' in reply.text
    bench.console.send("command.console", Calibrate("2", "console", "anna"))
    reply = bench.until(lambda m: isinstance(m.record, CommandReply), show).record
    assert isinstance(reply, CommandReply) and reply.ok and "0.5 s of movement" in reply.text
    bench.until(lambda m: isinstance(m.record, Event) and "body shape estimated, kept" in m.record.text, show)
    assert (bench.profile / "body.toml").exists() and (bench.profile / "body-1.toml").exists()
