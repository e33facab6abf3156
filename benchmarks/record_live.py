"""Recording four cameras of 1080p30 while they are solved live costs the show at most 10 % of its latency.

The enlarged demo runs live with a recorder; a receiver of plain OSC, whose frames tell when they were captured, hears
the datagrams, stamped by the system. Parts of `PART_S` with and without recording alternate in the same run, so that
both see the same machine. Once the packets of the files are copied as they are, H.264 and then JPEG; once more the
pictures of the H.264 files are encoded anew as JPEG, which on two cores is more than there is time for: then pictures
are dropped, and nothing else.

    growth      of the 99th percentile from capture to datagram: recorded parts against the others before and after
    lost        messages that are not in a take, gaps in the numbers of its performances included
    dropped     pictures that are not in the takes, of `frames`
    cpu         of one core, by the record worker, over all parts
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import _large_stage
from benchmarks._receiver import Receiver
from benchmarks.report import Figure, progress, report
from protocols import osc
from protocols.errors import DecodeError
from protocols.plain_osc import DayTime
from protocols.takefile import TakeReader

PARTS = 6
"""Even ones are not recorded, odd ones are; and one more at the end."""
PART_S = 10.0
WARM_S = 12.0
_START_S = 120.0
_TRIES = 5
"""On a machine that has far too much to do, the recorder may hear of a command too late to obey it."""
_SETTLE_S = 1.0
_CONTROL_PORT = 8139
_TIME = "/stage/performer/time"


class Run:
    """A stage that is recorded every now and then."""

    def __init__(self, config: Path, receiver: Receiver, parts: int = PARTS, part_s: float = PART_S) -> None:
        """Runs it."""
        self.folder = config.parent
        self.spans: list[tuple[int, int]] = []
        """Wall-clock nanoseconds of the parts."""
        out = self.folder / "report.json"
        options = ["--no-console", "--json", str(out)]
        with (self.folder / "log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "stage.cli", "live", str(config), *options], stdout=log, stderr=log
            )
            deadline_s = time.monotonic() + _START_S
            try:
                while len(receiver.arrived[0]) == 0:
                    if process.poll() is not None or time.monotonic() > deadline_s:
                        raise RuntimeError(f"no datagram came: {(self.folder / 'log').read_text()[-500:]}")
                    self._wait(receiver, 0.2)
                self._wait(receiver, WARM_S)
                for part in range(parts + 1):
                    if part % 2:
                        self._say("/stage/record/start")
                    self._wait(receiver, _SETTLE_S)
                    begin_ns = time.time_ns()
                    self._wait(receiver, part_s - _SETTLE_S)
                    self.spans.append((begin_ns, time.time_ns()))
                    if part % 2:
                        self._say("/stage/record/stop")
            finally:
                process.terminate()
                process.wait()
        self.report = json.loads(out.read_text())
        self.takes = [TakeReader(path) for path in sorted((self.folder / "takes").glob("*.mcap"))]

    def latencies_ms(self, receiver: Receiver) -> list[np.ndarray]:
        """From capture to datagram, part by part."""
        ages: list[tuple[int, float]] = []
        for data, arrived_ns in zip(receiver.datagrams[0], receiver.arrived[0], strict=True):
            try:
                messages = osc.messages(osc.parse(data))
            except DecodeError:
                continue
            for message in messages:
                if message.address == _TIME:
                    second, fraction = message.arguments[:2]
                    assert isinstance(second, float) and isinstance(fraction, float)
                    ages.append((arrived_ns, DayTime(second, fraction).age_ns(arrived_ns) / 1e6))
        return [np.array([age for at_ns, age in ages if begin <= at_ns < end]) for begin, end in self.spans]

    def figures(self, name: str, receiver: Receiver) -> dict[str, Figure]:
        """What is reported of it."""
        parts = self.latencies_ms(receiver)
        idle, recorded = np.concatenate(parts[::2]), np.concatenate(parts[1::2])
        growths = [
            np.percentile(parts[k], 99) / np.percentile(np.concatenate([parts[k - 1], parts[k + 1]]), 99)
            for k in range(1, len(parts) - 1, 2)
        ]
        seconds = sum(float(take.facts["end"]["seconds"]) for take in self.takes)
        ends = [take.facts["end"] for take in self.takes]
        return {
            f"{name}_idle_p50_ms": float(np.percentile(idle, 50)),
            f"{name}_idle_p99_ms": float(np.percentile(idle, 99)),
            f"{name}_recorded_p50_ms": float(np.percentile(recorded, 50)),
            f"{name}_recorded_p99_ms": float(np.percentile(recorded, 99)),
            f"{name}_growth_percent": 100.0 * float(np.median(growths) - 1.0),
            f"{name}_idle_hz": len(idle) / (len(parts[::2]) * (PART_S - _SETTLE_S)),
            f"{name}_recorded_hz": len(recorded) / (len(parts[1::2]) * (PART_S - _SETTLE_S)),
            f"{name}_lost": sum(int(end["lost"]) for end in ends) + sum(map(_gaps, self.takes)),
            f"{name}_frames": sum(int(end["frames"]) for end in ends),
            f"{name}_dropped": sum(int(end["dropped"]) for end in ends),
            f"{name}_mb_per_minute": sum(take.path.stat().st_size for take in self.takes) / 1e6 / seconds * 60.0,
            f"{name}_cpu_percent": float(self.report["workers"]["record"]["cpu_percent"] or 0.0),
        }

    def _say(self, word: str) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as surface:
            surface.settimeout(15.0)
            refusal: object = ""
            for _ in range(_TRIES):
                surface.sendto(osc.message(word, ""), ("127.0.0.1", _CONTROL_PORT))
                (reply,) = osc.messages(osc.parse(surface.recv(4096)))
                if reply.arguments[1] == 1:
                    return
                refusal = reply.arguments[2]
            raise RuntimeError(f"{word}: {refusal}")

    def _wait(self, receiver: Receiver, seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            receiver.drain()
            time.sleep(0.02)


def _gaps(take: TakeReader) -> int:
    """Performances that should be in a take and are not."""
    numbers = [entry.decoded().record.number for entry in take.records("performance.")]  # type: ignore[attr-defined]
    return numbers[-1] - numbers[0] + 1 - len(numbers)


def run(name: str, codec: str, video: str) -> dict[str, Figure]:
    """One kind of video."""
    with tempfile.TemporaryDirectory(prefix="stage-record-live-") as scratch:
        receiver = Receiver(1, kept_bytes=65536)
        progress(f"record_live: {name}: enlarging the demo")
        rest = (
            f'[[outputs]]\nkind = "osc"\nhost = "127.0.0.1"\nport = {receiver.ports[0]}\nactor = "performer"\n'
            f"[control]\nenabled = true\nport = {_CONTROL_PORT}\n[metrics]\nenabled = false\n"
            f'[record]\nvideo = "{video}"\npre_roll_seconds = 0.0\n'
        )
        try:
            config = _large_stage.make(Path(scratch) / "large", codec=codec, rest=rest)
            progress(f"record_live: {name}: {PARTS + 1} parts of {PART_S:.0f} s")
            return Run(config, receiver).figures(name, receiver)
        finally:
            receiver.close()


def main() -> bool:
    """Measures and prints the line."""
    figures = run("copy", "libx264", "copy") | run("copy_jpeg", "mjpeg", "copy") | run("mjpeg", "libx264", "mjpeg")
    targets = {
        "copy_growth_percent": "<= 10",
        "copy_lost": "== 0",
        "copy_dropped": "== 0",
        "copy_jpeg_lost": "== 0",
        "mjpeg_lost": "== 0",
    }
    return report("record_live", figures, targets)


if __name__ == "__main__":
    main()
