"""Pictures from capture workers through the record worker into a take, and out of it again."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from protocols.bus import Publisher, Subscriber
from protocols.messages import FrameNote
from protocols.show import CommandReply, RecorderState, StartRecording, StopRecording
from protocols.takefile import TakeReader
from stage.cameras.sources.file import FileSource
from stage.cameras.sources.take import TakeSource
from stage.config import CameraSection, Config, RecordSection, Video
from tests.run_folder import prepare
from tests.stage.cameras.videos import number_in
from tests.stage.takes.video.filming import write_with_b_frames

ROOT = Path(__file__).resolve().parents[2]
COUNT = 60
MODES: tuple[Video, ...] = ("copy", "lossless", "mjpeg", "h264")


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A take of one file by four cameras, each recorded in another way; and the file."""
    folder = tmp_path_factory.mktemp("stage")
    video = write_with_b_frames(folder / "b.mp4", COUNT)
    cameras = tuple(CameraSection(id=mode, source=f"file:{video}", loop=True, video=mode) for mode in MODES)
    config = Config(cameras=cameras, record=RecordSection(folder=str(folder / "takes"), pre_roll_seconds=0.5))
    clock = prepare(folder, config)
    with ExitStack() as opened:
        for name in ("record", *(f"capture.{mode}" for mode in MODES)):
            command = [
                sys.executable,
                "-m",
                f"workers.{name.partition('.')[0]}",
                "--run-dir",
                str(folder),
                "--name",
                name,
            ]
            process = subprocess.Popen(command, cwd=ROOT)
            opened.callback(process.wait)
            opened.callback(process.terminate)
        console = opened.enter_context(Publisher(folder, "console", clock))
        ear = opened.enter_context(Subscriber(folder, {"record": ["recorder", "reply."]}))
        name = tell(console, ear, True)
        hear(ear, lambda record: isinstance(record, RecorderState) and record.frames > 120)
        tell(console, ear, False)
        path = folder / "takes" / f"{name}.mcap"
    yield path, video


def hear(ear: Subscriber, enough: Callable[[object], bool]) -> None:
    deadline_s = time.monotonic() + 40.0
    while time.monotonic() < deadline_s:
        message = ear.receive(100)
        if message is not None and enough(message.record):
            return
    raise AssertionError("it never came")


def tell(console: Publisher, ear: Subscriber, start: bool) -> str:
    """Orders until it is heard and done; the name of the take."""
    for attempt in range(100):
        order = StartRecording if start else StopRecording
        console.send("command.console", order(id=f"{start}{attempt}", surface="console"))
        message = ear.receive(400)
        while message is not None:
            if isinstance(message.record, CommandReply) and message.record.facts.get("take"):
                return message.record.facts["take"]
            message = ear.receive(400)
    raise AssertionError("the recorder does not answer")


@pytest.mark.parametrize("mode", MODES)
def test_what_the_stage_saw_is_in_the_take(take: tuple[Path, Path], mode: Video) -> None:
    path, video = take
    original = originals(video)
    notes = {
        note.capture_ns: note.frame
        for entry in TakeReader(path).records(f"frame.{mode}")
        if isinstance(note := entry.decoded().record, FrameNote)
    }
    source = TakeSource(f"{path}#{mode}")
    source.open()
    zero_ns = TakeReader(path).span_ns[0]
    pictures = 0
    while (frame := source.read()) is not None:
        pictures += 1
        assert number_in(frame.image) == frame.number % COUNT
        capture_ns = frame.pts_ns + zero_ns
        if capture_ns in notes:
            assert notes[capture_ns] == frame.number
        if mode in ("copy", "lossless"):
            assert np.array_equal(frame.image, original[frame.number % COUNT])
    assert pictures >= 20
    assert source.faults.total() == 0


def originals(video: Path) -> list[np.ndarray]:
    source = FileSource(video)
    source.open()
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame.image)
    return frames
