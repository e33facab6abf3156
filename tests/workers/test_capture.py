from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from protocols.bus import Publisher, Subscriber
from protocols.clock import ClockFile, StageClock, write_clock
from protocols.jpeg_stream import JpegSubscriber
from protocols.messages import Event, FrameNote, Heartbeat, Record, Solved
from protocols.ring import SHARED_MEMORY, RingReader, ring_name
from protocols.video import VideoPacket
from stage.config import BusSection, CameraSection, Config, StageSection
from tests.stage.cameras.videos import HEIGHT, WIDTH, number_in, write_video

ROOT = Path(__file__).resolve().parents[2]
MS = 1_000_000
TIMEOUT_S = 30.0
LEAD_NS = 3_000 * MS
"""From the start of the workers to the first frame."""


class Stage:
    """A run dir with capture workers, and what they publish."""

    def __init__(self, run_dir: Path, config: Config, loop_period_ns: int = 0, fast: bool = False) -> None:
        self.run_dir = run_dir
        self.clock = StageClock.start()
        self.epoch_ns = self.clock.now_ns() + LEAD_NS
        (run_dir / "config.json").write_bytes(msgspec.json.encode(config))
        write_clock(run_dir, ClockFile(self.clock.offset_ns, self.epoch_ns, loop_period_ns, fast))
        names = [f"capture.{camera.id}" for camera in config.cameras]
        self.subscriber = Subscriber(run_dir, {name: ["frame.", "packet.", "heartbeat.", "event."] for name in names})
        self.processes = {name: self.start(name) for name in names}

    def start(self, name: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "workers.capture", "--run-dir", str(self.run_dir), "--name", name],
            cwd=ROOT,
            text=True,
            stderr=subprocess.PIPE,
        )

    def records(self, enough: Callable[[Record], bool]) -> Iterator[Record]:
        """Everything published until a record is enough."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline_s:
            message = self.subscriber.receive(100)
            if message is not None:
                yield message.record
                if enough(message.record):
                    return
        raise AssertionError("it never came")

    def close(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.communicate(timeout=10.0)
        self.subscriber.close()


MakeStage = Callable[..., Stage]


@pytest.fixture
def make_stage(tmp_path: Path) -> Iterator[MakeStage]:
    stages: list[Stage] = []

    def make(cameras: list[CameraSection], **options: object) -> Stage:
        bus = options.pop("bus", BusSection())
        config = Config(stage=StageSection(rate=20.0), cameras=tuple(cameras), bus=bus)  # type: ignore[arg-type]
        run_dir = tmp_path / "run"
        run_dir.mkdir()
        stages.append(Stage(run_dir, config, **options))  # type: ignore[arg-type]
        return stages[-1]

    yield make
    for stage in stages:
        stage.close()


def camera(name: str, path: Path, **options: object) -> CameraSection:
    return CameraSection(id=name, source=f"file:{path}", **options)  # type: ignore[arg-type]


def is_state(state: str, worker: str = "") -> Callable[[Record], bool]:
    return lambda record: isinstance(record, Heartbeat) and record.state == state and worker in record.worker


def test_two_files_stay_in_step_and_their_pixels_lie_in_the_rings(tmp_path: Path, make_stage: MakeStage) -> None:
    left = write_video(tmp_path / "left.mp4", 30, rate=20)
    right = write_video(tmp_path / "right.mp4", 30, rate=20, first=100)
    stage = make_stage([camera("left", left), camera("right", right, offset_ms=10.0)])
    rings: dict[str, RingReader] = {}
    seen: dict[str, list[FrameNote]] = {"left": [], "right": []}
    packets: dict[str, list[VideoPacket]] = {"left": [], "right": []}
    finished = set()
    last: dict[str, Heartbeat] = {}

    def both_finished(record: Record) -> bool:
        if isinstance(record, Heartbeat) and record.state == "finished":
            finished.add(record.worker)
            last[record.worker] = record
        return len(finished) == 2

    for record in stage.records(both_finished):
        if isinstance(record, FrameNote):
            ring = rings.setdefault(record.camera, RingReader(record.ring))
            number = number_in(ring.view(record.slot, record.generation))
            if ring.still_valid(record.slot, record.generation):
                assert number == record.frame + (100 if record.camera == "right" else 0)
            assert (record.width, record.height) == (WIDTH, HEIGHT)
            assert record.capture_ns <= record.published_ns
            seen[record.camera].append(record)
        elif isinstance(record, VideoPacket):
            packets[record.camera].append(record)
    # A busy machine may begin late, and drop; what it shows is in step.
    for name, offset_ns in (("left", 0), ("right", 10 * MS)):
        times = {note.frame: note.capture_ns - stage.epoch_ns - offset_ns for note in seen[name]}
        assert all(abs(time_ns - frame * 50 * MS) < MS for frame, time_ns in times.items())
        # The packets for takes tell the same of the same frames; the first may leave before we listen.
        told = {packet.frame: packet.capture_ns for packet in packets[name]}
        assert len(told) > 10
        assert all(told[note.frame] == note.capture_ns for note in seen[name] if note.frame >= min(told))
        drops = last[f"capture.{name}"].counters.get("late_drops", 0)
        missing = max(times) - min(times) + 1 - len(times)
        assert missing <= drops or last[f"capture.{name}"].counters.get("resyncs", 0)
        assert last[f"capture.{name}"].counters["items"] == len(times)
        assert last[f"capture.{name}"].facts["size"] == f"{WIDTH}x{HEIGHT}"
        assert last[f"capture.{name}"].facts["stated rate"] == "20 Hz"
    for ring in rings.values():
        ring.close()


def test_a_killed_worker_goes_on_where_the_stage_is(tmp_path: Path, make_stage: MakeStage) -> None:
    video = write_video(tmp_path / "loop.mp4", 100, rate=20)
    stage = make_stage([camera("front", video, loop=True)], loop_period_ns=5_000 * MS)
    for _ in stage.records(lambda record: isinstance(record, FrameNote)):
        pass
    stage.processes["capture.front"].kill()
    stage.processes["capture.front"].communicate()
    killed_s = time.monotonic()
    stage.processes["capture.front"] = stage.start("capture.front")
    beats = 0

    def again(record: Record) -> bool:
        nonlocal beats
        beats += isinstance(record, Heartbeat) and record.pid == stage.processes["capture.front"].pid
        return beats > 0 and isinstance(record, FrameNote)

    *_, note = stage.records(again)
    assert isinstance(note, FrameNote)
    assert time.monotonic() - killed_s < 10.0
    lap, position_ns = divmod(note.capture_ns - stage.epoch_ns, 5_000 * MS)
    assert note.frame == lap * 100 + round(position_ns / (50 * MS))
    assert abs(stage.clock.now_ns() - note.capture_ns) < 5_000 * MS
    with RingReader(note.ring) as ring:
        image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
        ring.copy(note.slot, note.generation, image)
    assert number_in(image) == note.frame % 100


def test_a_fast_recording_waits_for_its_solver(tmp_path: Path, make_stage: MakeStage) -> None:
    video = write_video(tmp_path / "take.mp4", 40, rate=20)
    stage = make_stage([camera("front", video)], fast=True)
    with Publisher(stage.run_dir, "solve") as solve, Publisher(stage.run_dir, "landmarks") as landmarks:
        for record in stage.records(is_state("running")):
            assert not isinstance(record, FrameNote)
        frames = []

        def finished(record: Record) -> bool:
            # As often as a heartbeat comes, tell that we are there; solve what comes.
            if isinstance(record, Heartbeat):
                for publisher, name in ((solve, "solve"), (landmarks, "landmarks")):
                    publisher.send(f"heartbeat.{name}", heartbeat(name))
            if isinstance(record, FrameNote):
                frames.append(record.frame)
                ahead = (record.capture_ns - stage.epoch_ns) / (50 * MS) - len(frames)
                assert ahead < 2
                solve.send("solved", Solved(record.capture_ns, len(frames)))
            return isinstance(record, Heartbeat) and record.state == "finished"

        for _ in stage.records(finished):
            pass
    assert frames == list(range(40)), "every frame, once"


def test_a_missing_or_broken_file_is_one_line_and_status_2(tmp_path: Path, make_stage: MakeStage) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    stage = make_stage([camera("front", broken)])
    _, errors = stage.processes["capture.front"].communicate(timeout=TIMEOUT_S)
    assert stage.processes["capture.front"].returncode == 2
    assert errors.startswith(f"stage: error: {broken}: unreadable or truncated video") and errors.count("\n") == 1


def test_a_camera_that_is_not_there_is_waited_for(make_stage: MakeStage) -> None:
    stage = make_stage([CameraSection(id="front", source="device:97")])
    events = [record for record in stage.records(is_state("waiting")) if isinstance(record, Event)]
    refused = [
        record.counters.get("refused", 0)
        for record in stage.records(lambda record: isinstance(record, Heartbeat) and record.counters["refused"] > 1)
        if isinstance(record, Heartbeat)
    ]
    assert refused[-1] > 1
    assert all("no camera of that index" in event.text for event in events)
    assert stage.processes["capture.front"].poll() is None


def test_the_ring_is_gone_when_the_worker_has_ended(tmp_path: Path, make_stage: MakeStage) -> None:
    video = write_video(tmp_path / "take.mp4", 100, rate=20)
    stage = make_stage([camera("front", video)])
    for _ in stage.records(lambda record: isinstance(record, FrameNote)):
        pass
    path = SHARED_MEMORY / ring_name(stage.run_dir, "front")
    assert path.exists()
    process = stage.processes["capture.front"]
    process.terminate()
    assert process.wait(5.0) == 0
    assert not path.exists()


def test_jpeg_goes_to_whoever_subscribes(tmp_path: Path, make_stage: MakeStage) -> None:
    video = write_video(tmp_path / "take.mp4", 200, rate=20)
    port = 20000 + os.getpid() % 20000
    bus = BusSection(jpeg_host="127.0.0.1", jpeg_port=port, jpeg_quality=95)
    stage = make_stage([camera("front", video)], bus=bus)
    with JpegSubscriber([("127.0.0.1", port)], ["front"]) as subscriber:
        deadline_s = time.monotonic() + TIMEOUT_S
        while not (frames := subscriber.receive(200)):
            assert time.monotonic() < deadline_s and stage.processes["capture.front"].poll() is None
    assert number_in(frames[0].image) == frames[0].note.frame


def heartbeat(worker: str) -> Heartbeat:
    return Heartbeat(
        worker=worker,
        pid=1,
        at_ns=0,
        state="running",
        rate_hz=0.0,
        age_ms=-1.0,
        resident_bytes=0,
        counters={},
        legs={},
        facts={},
    )
