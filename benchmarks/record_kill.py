"""Whatever is killed, and whenever: a take loses at most its last second, is mended, and can be replayed.

A show of one actor at 60 Hz, four cameras' landmarks and their compressed pictures goes over a real bus into the record
worker. At `KILLS` random moments it is killed with SIGKILL: the record worker alone, or the whole stage with it, in
turn. Every take is then mended, verified, read from its first byte to its last, and its motion loaded.

    lost_s      from the last performance in a take to the kill
    mended      takes that were mended, verified, and hold performances without gaps
    recover_ms  for mending one
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.record import BODY_HZ, CAMERAS, Actor
from benchmarks.report import percentiles_ms, progress, report
from protocols.bus import Publisher, Subscriber
from protocols.clock import ClockFile, StageClock, read_clock, write_clock
from protocols.messages import Heartbeat
from protocols.show import CommandReply, StartRecording
from protocols.takefile import TakeReader, verify
from protocols.video import VideoPacket
from stage.config import ActorSection, CameraSection, Config, ConsoleSection, RecordSection
from stage.takes.motion import load_motions
from stage.takes.recover import recover

KILLS = 20
SHORTEST_S, LONGEST_S = 0.3, 4.0
_PICTURE_BYTES = 30_000
_GROUP = 30
_NAMES = tuple(f"cam{number}" for number in range(CAMERAS))


def show(run_dir: Path) -> None:
    """Be the show, until somebody kills it."""
    clock = read_clock(run_dir).clock
    names = ["solve", "landmarks", *(f"capture.{camera}" for camera in _NAMES)]
    voices = {name: Publisher(run_dir, name, clock, queue_length=1000) for name in names}
    actor, rng = Actor(), np.random.default_rng(0)
    begin_s, number = time.monotonic(), 0
    while True:
        time.sleep(max(0.0, begin_s + number / BODY_HZ - time.monotonic()))
        now_ns = clock.now_ns()
        for camera, name in enumerate(_NAMES):
            voices["landmarks"].send(f"landmarks.{name}", actor.landmarks(camera, number, now_ns))
            packet = _packet(name, number, now_ns, rng.bytes(_PICTURE_BYTES))
            voices[f"capture.{name}"].send(f"packet.{name}", packet)
        voices["solve"].send("performance.anna", actor.body(number, now_ns))
        number += 1


def _packet(camera: str, number: int, now_ns: int, data: bytes) -> VideoPacket:
    time_ns = number * 10**9 // BODY_HZ
    unit = b"\0\0\0\1\x65" if number % _GROUP == 0 else b"\0\0\0\1\x41"
    return VideoPacket(
        camera=camera,
        codec="h264",
        frame=number,
        capture_ns=now_ns,
        pts_ns=time_ns,
        dts_ns=time_ns,
        keyframe=number % _GROUP == 0,
        shown=True,
        width=1920,
        height=1080,
        rotation=0,
        data=unit + data,
    )


class Stage:
    """A show, a recorder, and who gives the command."""

    def __init__(self, folder: Path) -> None:
        """Runs until it is recording."""
        self.takes = folder / "takes"
        self._run_dir = folder / "run"
        self._run_dir.mkdir()
        self.clock = StageClock.start()
        config = Config(
            cameras=tuple(CameraSection(id=name, source=f"file:/{name}.mkv") for name in _NAMES),
            actors=(ActorSection(id="anna"),),
            record=RecordSection(folder=str(self.takes), video="copy"),
            console=ConsoleSection(enabled=True),
        )
        (self._run_dir / "config.json").write_bytes(msgspec.json.encode(config))
        write_clock(self._run_dir, ClockFile(self.clock.offset_ns, self.clock.now_ns()))
        self._show = self._process("benchmarks.record_kill", str(self._run_dir))
        self._recorder = self._process("workers.record", "--run-dir", str(self._run_dir), "--name", "record")
        with (
            Publisher(self._run_dir, "console", self.clock) as console,
            Subscriber(self._run_dir, {"record": ["reply.", "heartbeat."]}) as ear,
        ):
            number, begun = 0, False
            while not begun:
                message = ear.receive(1000)
                record = None if message is None else message.record
                begun = isinstance(record, CommandReply) and record.ok
                if isinstance(record, Heartbeat):
                    number += 1
                    console.send("command.console", StartRecording(str(number), "console"))

    def kill(self, *, whole: bool) -> int:
        """Kills it; returns the stage time of that."""
        for process in (self._recorder, self._show) if whole else (self._recorder,):
            os.kill(process.pid, signal.SIGKILL)
        killed_ns = self.clock.now_ns()
        self._show.kill()
        for process in (self._recorder, self._show):
            process.wait()
        return killed_ns

    def _process(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", module, *arguments], stderr=subprocess.DEVNULL)


def one(folder: Path, after_s: float, *, whole: bool) -> tuple[float, float, bool]:
    """One kill.

    Returns:
        Seconds lost, milliseconds to mend, whether all was well.
    """
    stage = Stage(folder)
    time.sleep(after_s)
    killed_ns = stage.kill(whole=whole)
    (path,) = stage.takes.glob("*.mcap")
    began_s = time.perf_counter()
    mended = recover(path)
    recover_ms = (time.perf_counter() - began_s) * 1e3
    take = TakeReader(path)
    envelopes = [entry.decoded() for entry in take.records("performance.")]
    numbers = [envelope.record.number for envelope in envelopes]  # type: ignore[attr-defined]
    well = mended is not None and take.finished and not verify(path).fault
    last_ns = int(take.facts["take"]["from_ns"])
    if numbers:
        well = well and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        well = well and len(load_motions(take)["anna"].capture_ns) == len(numbers)
        last_ns = envelopes[-1].sent_ns
    pictures = sum(1 for _ in take.records("video."))
    well = well and (pictures > 0 or after_s < 1.0 + 2.0 * _GROUP / BODY_HZ)  # they begin with a keyframe
    if not well:
        fault = verify(path).fault
        progress(f"record_kill: {path.name}: {mended}, {fault}, {len(numbers)} bodies, {pictures} pictures")
    return (killed_ns - last_ns) / 1e9, recover_ms, well


def main() -> bool:
    """Measures and prints the line."""
    rng = random.Random()
    results = []
    with tempfile.TemporaryDirectory(prefix="stage-record-kill-") as scratch:
        for number in range(KILLS):
            folder = Path(scratch) / str(number)
            folder.mkdir()
            results.append(one(folder, rng.uniform(SHORTEST_S, LONGEST_S), whole=number % 2 == 1))
            progress(f"record_kill: {number + 1} of {KILLS}, {results[-1][0]:.2f} s lost")
    lost_s, recover_ms, well = zip(*results, strict=True)
    figures = {
        "kills": KILLS,
        "lost_max_s": max(lost_s),
        "lost_median_s": float(np.median(lost_s)),
        **percentiles_ms("recover", [round(1e6 * ms) for ms in recover_ms]),
        "mended": sum(well),
    }
    return report("record_kill", figures, {"lost_max_s": "<= 1.0", "mended": f"== {KILLS}"})


if __name__ == "__main__":
    if len(sys.argv) > 1:
        show(Path(sys.argv[1]))
    else:
        main()
