"""The solve worker in a process of its own: landmarks in, performances, meshes, predictions and credit out."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import pytest

from protocols.arrays import from_bytes
from protocols.bus import Message, Publisher, Subscriber
from protocols.clock import ClockFile, StageClock, write_clock
from protocols.messages import CameraLandmarks, Event, Heartbeat, MeshNote, Performance, Prediction, Solved
from stage.cameras.calibration import save_calibration
from stage.config import ActorSection, BodySection, CameraSection, Config, StageSection
from tests.body_model import body_model
from tests.stage.solving.synthetic_views import Actress, ring_of_cameras, seen

T = TypeVar("T")
RATE = 30.0
PATIENCE_S = 60.0


class Bench:
    """A run dir with a solve worker, and the landmarks worker's place taken by the test."""

    def __init__(self, folder: Path) -> None:
        self.cameras = ring_of_cameras(3)
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
        )
        self.clock = StageClock.start()
        (folder / "config.json").write_bytes(msgspec.json.encode(config))
        write_clock(folder, ClockFile(offset_ns=self.clock.offset_ns, epoch_ns=0, loop_period_ns=0, fast=False))
        self.landmarks = Publisher(folder, "landmarks", self.clock)
        self.results = Subscriber(folder, {"solve": [""]})
        self.process = subprocess.Popen([sys.executable, "-m", "workers.solve", "--run-dir", folder, "--name", "solve"])

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        self.landmarks.close()
        self.results.close()

    def send(self, views: list[CameraLandmarks]) -> None:
        for view in views:
            self.landmarks.send(f"landmarks.{view.camera}", view)

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
