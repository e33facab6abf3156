"""A replayed take's datagrams leave as far apart as they were published when the take was recorded.

A take of `SECONDS`: the body of one actor at 60 Hz and the face of another at 60 Hz, published with the unevenness of a
busy machine. It is replayed by its own worker, sent by the broadcast worker, received by UDP; the system stamps every
datagram when it has it. A constant delay is taken off, the rest is the error.

    error       of the datagrams against the recorded times of publication
    published   the part of it that the replay worker has; the rest is the bus, the broadcast worker and the system
    seek        from the command to the first datagram of another place, in a take of an hour's faces and bodies
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from benchmarks._receiver import Receiver
from benchmarks.broadcast import a_face, a_performance
from benchmarks.report import Figure, progress, report
from protocols.bus import Publisher, Subscriber
from protocols.clock import ClockFile, StageClock, write_clock
from protocols.codec import encode
from protocols.livelink import decode
from protocols.messages import FacePerformance, Performance, Trace
from protocols.playback import SetPlayback
from protocols.show import CommandReply
from protocols.takefile import TakeWriter
from stage.config import ActorSection, Config, ConsoleSection, LiveLinkSection, ReplaySection, TimecodeSection

SECONDS = 30.0
HOUR_S = 3600.0
SEEKS = 12
RATE = 60.0
BEGIN_NS = 1_700_000_000_000_000_000
_LATE_NS = 30_000_000
_UNEVEN_NS = 1_500_000
_START_NS = 1_500_000_000
_QUEUE = 4096


def write(path: Path, seconds: float) -> list[NDArray[np.int64]]:
    """A take; when its bodies and its faces were published."""
    rng = np.random.default_rng(0)
    count = round(seconds * RATE)
    captured = BEGIN_NS + np.round(np.arange(count) * (1e9 / RATE)).astype(np.int64)
    published = [captured + _LATE_NS + np.abs(rng.normal(0.0, _UNEVEN_NS, count)).astype(np.int64) for _ in range(2)]
    body, face = replace(a_performance(), face=a_face()), a_face()
    writer = TakeWriter(path)
    facts = {"name": path.stem, "began_ns": str(BEGIN_NS), "timecode": "00:00:00:00", "timecode_rate": "60"}
    writer.note("take", facts)
    synced_ns = BEGIN_NS
    for number in range(count):
        capture_ns = int(captured[number])
        for topic, times_ns in zip(("performance.body", "face.face"), published, strict=True):
            sent_ns = int(times_ns[number])
            trace = Trace(capture_ns, capture_ns, capture_ns, capture_ns, capture_ns, sent_ns)
            if topic == "performance.body":
                record = replace(body, actor="body", number=number, capture_ns=capture_ns, trace=trace)
            else:
                record = FacePerformance("face", number, capture_ns, face, trace)
            data = encode(record, number, sent_ns)
            writer.write(topic, type(record).__name__, data, capture_ns, sent_ns, number)
        if capture_ns - synced_ns > 500_000_000:
            writer.sync()
            synced_ns = capture_ns
    writer.finish({})
    return published


class Replay:
    """A replay worker and a broadcast worker, those who hear them, and a console that moves the player."""

    def __init__(self, folder: Path, take: Path, *, paused: bool = False) -> None:
        self.receiver = Receiver(2, 4096)
        config = Config(
            actors=(ActorSection("body"), ActorSection("face")),
            outputs=tuple(
                LiveLinkSection(id=actor, actor=actor, port=port, device_seed="bench")
                for actor, port in zip(("body", "face"), self.receiver.ports, strict=True)
            ),
            console=ConsoleSection(),
            timecode=TimecodeSection(rate="60", source="network"),
            replay=ReplaySection(take=str(take), paused=paused),
        )
        clock = StageClock.start()
        (folder / "config.json").write_bytes(msgspec.json.encode(config))
        write_clock(folder, ClockFile(clock.offset_ns, clock.now_ns() + _START_NS))
        self._console = Publisher(folder, "console", clock)
        self.ear = Subscriber(folder, {"solve": ["performance.", "face."], "replay": ["reply."]}, _QUEUE)
        self.published: list[dict[int, int]] = [{}, {}]
        """When each body and each face was published, by its number."""
        self._asked = 0
        self._answered: set[str] = set()
        self._processes = [
            subprocess.Popen([sys.executable, "-m", f"workers.{name}", "--run-dir", str(folder), "--name", name])
            for name in ("broadcast", "replay")
        ]

    def listen(self, seconds: float) -> None:
        """Takes in what comes for a while."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            time.sleep(0.05)
            self.receiver.drain()
            for message in self.ear.drain_all():
                record = message.record
                if isinstance(record, Performance | FacePerformance):
                    self.published[isinstance(record, FacePerformance)].setdefault(record.number, message.sent_ns)
                elif isinstance(record, CommandReply):
                    self._answered.add(record.id)

    def seek_ns(self, position_s: float) -> int:
        """From the command to the first datagram of the new place."""
        self.listen(0.3)
        for kept in (*self.receiver.arrived, *self.receiver.datagrams):
            kept.clear()
        self._asked += 1
        key = f"seek-{self._asked}"
        asked_ns = time.time_ns()
        self._console.send("command.console", SetPlayback(key, "console", playing=True, position_s=position_s))
        self.listen(0.6)
        if key not in self._answered:
            raise RuntimeError("the replay worker has not answered")
        there = range(round(position_s * RATE), round((position_s + 1.0) * RATE))
        return min(at_ns for times in self.sent for number, at_ns in times.items() if number in there) - asked_ns

    def close(self) -> None:
        """Ends all."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(10.0)
        self._console.close()
        self.ear.close()
        self.receiver.close()

    @property
    def sent(self) -> list[dict[int, int]]:
        """When the system had each datagram, by the number of its body or face: the timecode tells it."""
        return [
            {_number(data): at_ns for data, at_ns in zip(datagrams, arrived, strict=True)}
            for datagrams, arrived in zip(self.receiver.datagrams, self.receiver.arrived, strict=True)
        ]


def _number(datagram: bytes) -> int:
    packet = decode(datagram)
    return round(packet.frame + packet.subframe)


def errors_ms(times_ns: Mapping[int, int], recorded_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """How far apart they are from the recorded times, a constant taken off."""
    numbers = np.array([number for number in times_ns if 0 <= number < len(recorded_ns)])
    apart = np.array([times_ns[number] for number in numbers], np.int64) - recorded_ns[numbers]
    return np.abs(apart - np.median(apart)) / 1e6


def measure() -> dict[str, Figure]:
    """Of a take that is played through."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        progress(f"a take of {SECONDS:.0f} s at {RATE:.0f} Hz, bodies and faces")
        recorded = write(folder / "take.mcap", SECONDS)
        replay = Replay(folder, folder / "take.mcap")
        try:
            replay.listen(SECONDS + 5.0)
        finally:
            replay.close()
    figures: dict[str, Figure] = {"records": sum(map(len, recorded))}
    for key, times in (("error", replay.sent), ("published", replay.published)):
        errors = np.concatenate([errors_ms(*pair) for pair in zip(times, recorded, strict=True)])
        figures[f"{key}_median_ms"] = float(np.median(errors))
        figures[f"{key}_p99_ms"] = float(np.percentile(errors, 99))
        figures[f"{key}_max_ms"] = float(errors.max())
        figures[f"{key}_missing"] = sum(map(len, recorded)) - len(errors)
    return figures


def measure_seeks() -> dict[str, Figure]:
    """Of a long take."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        progress("a take of an hour")
        write(folder / "hour.mcap", HOUR_S)
        size_mb = (folder / "hour.mcap").stat().st_size / 1e6
        replay = Replay(folder, folder / "hour.mcap")
        try:
            replay.listen(4.0)
            places_s = np.random.default_rng(1).uniform(10.0, HOUR_S - 10.0, SEEKS)
            seeks_ms = [replay.seek_ns(float(place_s)) / 1e6 for place_s in places_s]
        finally:
            replay.close()
    return {"hour_mb": size_mb, "seek_median_ms": float(np.median(seeks_ms)), "seek_max_ms": float(np.max(seeks_ms))}


def main() -> bool:
    """Measures and prints the line."""
    figures = measure() | measure_seeks()
    targets = {"error_median_ms": "<= 0.5", "error_p99_ms": "<= 3", "seek_max_ms": "<= 200"}
    return report("replay_timing", figures, targets)


if __name__ == "__main__":
    main()
