"""The landmarks worker in a process of its own; the test is its cameras and its solver."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest

from protocols.arrays import from_bytes
from protocols.bus import Publisher, Subscriber
from protocols.clock import ClockFile, StageClock, write_clock
from protocols.messages import CameraLandmarks, FrameNote, Heartbeat, Prediction
from protocols.ring import RingWriter, ring_name
from stage.config import ActorSection, CameraSection, Config
from stage.errors import NetworkError
from stage.networks.store import ensure
from tests.shared_data import shared_data

ROOT = Path(__file__).resolve().parents[2]
CAMERAS = ("left", "right")
FRAME_NS = 33_333_333
TIMEOUT_S = 40.0


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """A man on a beam, uint8 (960, 544, 3)."""
    import av
    import cv2

    with av.open(str(shared_data("pose2sim_balancing") / "cam03.mp4")) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="bgr24")
    return np.asarray(cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


class Rig:
    """Cameras, a solver, and an ear on the worker."""

    def __init__(
        self, run_dir: Path, shape: tuple[int, ...], cameras: tuple[str, ...] = CAMERAS, name: str = "landmarks"
    ) -> None:
        self.clock = StageClock.start()
        write_clock(run_dir, ClockFile(offset_ns=self.clock.offset_ns, epoch_ns=self.clock.now_ns()))
        self.run_dir = run_dir
        self.rings = {camera: RingWriter(ring_name(run_dir, camera), 4, shape[0], shape[1]) for camera in cameras}
        self.cameras = {camera: Publisher(run_dir, f"capture.{camera}", self.clock) for camera in cameras}
        self.solver = Publisher(run_dir, "solve", self.clock)
        self.ear = Subscriber(run_dir, {name: ["landmarks.", "heartbeat."]})
        self.beat: Heartbeat | None = None
        self.start_ns = self.clock.now_ns()
        self.frame = 0

    def show(self, camera: str, image: np.ndarray) -> FrameNote:
        """Publish a frame of one camera."""
        slot, generation = self.rings[camera].write(image)
        now_ns = self.start_ns + self.frame * FRAME_NS
        self.frame += 1
        height, width = image.shape[:2]
        ring = self.rings[camera].name
        note = FrameNote(camera, self.frame, now_ns, self.clock.now_ns(), ring, slot, generation, width, height)
        self.cameras[camera].send(f"frame.{camera}", note)
        return note

    def hear(self, timeout_s: float = TIMEOUT_S) -> CameraLandmarks:
        """The next landmarks."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            message = self.ear.receive(100)
            if message is not None and isinstance(message.record, CameraLandmarks):
                return message.record
            if message is not None and isinstance(message.record, Heartbeat):
                self.beat = message.record
        raise TimeoutError("the landmarks worker says nothing")

    def await_beat(self, counter: str = "", count: int = 0) -> Heartbeat:
        """A heartbeat of the running worker in which a counter has come as far as `count`."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline_s:
            message = self.ear.receive(100)
            if message is not None and isinstance(message.record, Heartbeat):
                self.beat = message.record
                if self.beat.state == "running" and self.beat.counters.get(counter, 0) >= count:
                    return self.beat
        raise TimeoutError(f"no heartbeat with {counter} = {count}; the last was {self.beat}")

    def show_until_heard(self, image: np.ndarray, camera: str = "left") -> CameraLandmarks:
        """Show frames of a camera until the worker, which may not have connected yet, answers."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline_s:
            self.show(camera, image)
            try:
                return self.hear(timeout_s=0.5)
            except TimeoutError:
                continue
        raise TimeoutError("the landmarks worker says nothing")

    def close(self) -> None:
        for resource in (*self.rings.values(), *self.cameras.values(), self.solver, self.ear):
            resource.close()


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory, image: np.ndarray) -> Iterator[Rig]:
    try:
        ensure("mediapipe-pose")
    except NetworkError as error:
        pytest.skip(str(error))
    run_dir = tmp_path_factory.mktemp("run")
    cameras = tuple(CameraSection(id=camera, source="device:0") for camera in CAMERAS)
    config = Config(cameras=cameras, actors=(ActorSection(id="ann"),))
    (run_dir / "config.json").write_bytes(msgspec.json.encode(config))
    with running(Rig(run_dir, image.shape), "landmarks") as rig:
        yield rig


@contextmanager
def running(rig: Rig, name: str) -> Iterator[Rig]:
    """A landmarks worker of this name at work in the rig."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "workers.landmarks", "--run-dir", str(rig.run_dir), "--name", name],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        rig.await_beat()
        yield rig
        worker.terminate()
        assert worker.wait(10.0) == 0
    finally:
        worker.kill()
        worker.wait()
        rig.close()


def test_landmarks_of_a_frame_carry_its_times_and_size(rig: Rig, image: np.ndarray) -> None:
    rig.show_until_heard(image)
    note = rig.show("right", image)
    said = rig.hear()
    while said.camera != "right":
        said = rig.hear()
    assert (said.frame, said.capture_ns, said.captured_ns) == (note.frame, note.capture_ns, note.published_ns)
    assert (said.width, said.height) == (544, 960)
    assert note.published_ns <= said.begin_ns <= said.end_ns <= rig.clock.now_ns()
    (person,) = said.persons
    points = from_bytes(person.points, (33, 3))
    hips = points[[23, 24], :2].mean(axis=0)
    assert np.hypot(*(hips - (324, 458))) < 25.0
    assert person.score > 0.9 and len(person.world) == 33 * 3 * 4


def test_predictions_name_the_actor(rig: Rig, image: np.ndarray) -> None:
    said = rig.show_until_heard(image)
    places = from_bytes(said.persons[0].points, (33, 3))[:, :2].astype("<f4").tobytes()
    deadline_s = time.monotonic() + TIMEOUT_S
    while said.persons[0].actor != "ann":
        assert time.monotonic() < deadline_s
        rig.solver.send("prediction.ann", Prediction("ann", rig.start_ns + rig.frame * FRAME_NS, {"left": places}))
        said = rig.show_until_heard(image)
    assert len(said.persons) == 1


def test_bad_notes_and_lost_rings_are_counted_and_the_show_goes_on(rig: Rig, image: np.ndarray) -> None:
    rig.show_until_heard(image)
    before = rig.await_beat().counters
    send = rig.cameras["left"].send
    good = rig.show("left", image)
    send("frame.left", msgspec.structs.replace(good, camera="nobody"))
    rig.await_beat("bad_notes", before.get("bad_notes", 0) + 1)
    send("frame.left", msgspec.structs.replace(good, ring="../../etc/passwd"))
    rig.await_beat("rings_gone", before.get("rings_gone", 0) + 1)
    send("frame.left", msgspec.structs.replace(good, ring="stage.nothing"))
    rig.await_beat("rings_gone", before.get("rings_gone", 0) + 2)
    send("frame.left", msgspec.structs.replace(good, generation=good.generation - 2))
    rig.await_beat("overtaken", before.get("overtaken", 0) + 1)
    send("frame.left", msgspec.structs.replace(good, slot=99))
    rig.await_beat("rings_gone", before.get("rings_gone", 0) + 3)
    assert rig.show_until_heard(image).camera == "left"


def test_the_heartbeat_says_what_runs(rig: Rig, image: np.ndarray) -> None:
    rig.show_until_heard(image)
    beat = rig.await_beat("crops", 1)
    assert {"network", "engine", "device", "precision", "threads", "ms per crop"} <= set(beat.facts)
    assert (beat.facts["hands"], beat.facts["faces"]) == ("mediapipe-hand", "mediapipe-face")
    assert {"items", "crops", "detections", "gaps", "drops"} <= set(beat.counters)
    assert beat.age_ms >= 0.0


def test_the_worker_of_face_cameras_reads_faces_and_no_bodies(tmp_path: Path) -> None:
    try:
        ensure("mediapipe-face")
    except NetworkError as error:
        pytest.skip(str(error))
    import av

    with av.open(str(shared_data("signing") / "book.mkv")) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="bgr24")
    close = np.ascontiguousarray(frame[40:260, 190:410])
    cameras = (
        CameraSection(id="wide", source="device:0"),
        CameraSection(id="close", source="device:1", face_of="ann"),
    )
    config = Config(cameras=cameras, actors=(ActorSection(id="ann"),))
    (tmp_path / "config.json").write_bytes(msgspec.json.encode(config))
    with running(Rig(tmp_path, close.shape, ("wide", "close"), "landmarks.faces"), "landmarks.faces") as rig:
        said = rig.show_until_heard(close, "close")
        while len(said.faces) == 0:
            said = rig.show_until_heard(close, "close")
        (face,) = said.faces
        assert (said.camera, said.persons, said.hands) == ("close", (), ())
        assert (face.actor, face.track) == ("ann", -1) and face.score > 0.9 and len(face.eyes) > 0
        rig.show("wide", close)
        beat = rig.await_beat("face_crops", 1)
        assert beat.worker == "landmarks.faces"
        assert beat.facts["faces"] == "mediapipe-face" and "network" not in beat.facts


def test_the_worker_starts_without_torch() -> None:
    code = "import sys, workers.landmarks; print('torch' in sys.modules, 'anny' in sys.modules, 'scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "False"]
