"""Seeking in a take of an hour: the first performance after a jump, a look at what the take is, and all of one actor.

The take is made up: an actor at 60 Hz, landmarks and frames of four cameras at 30 Hz, video of all four (noise as large
as that of a small camera), chunks every half second, messages captured in another order than received. Jumps are to
random moments: with the file open, as a player has it, and with opening it. The file is in the page cache, as one is
that was just recorded. Arguments: minutes (60).
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.report import Figure, progress, report
from protocols.takefile import TakeReader, TakeWriter
from stage.takes.told_takes import about

MINUTES = 60
JUMPS = 50
BEGAN_NS = 1_700_000_000_000_000_000
_CAMERAS = "abcd"
_PERFORMANCE_BYTES, _LANDMARK_BYTES, _VIDEO_BYTES = 3000, 1200, 4000
_TICK_NS = 16_666_667


def main() -> int:
    """Prints times of jumps, of `stage takes info`, and of reading one actor whole."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene_001.mcap"
        progress(f"making a take of {minutes:g} minutes")
        build_s = _seconds(lambda: make(path, minutes))
        take = TakeReader(path)
        begin_ns, end_ns = take.span_ns

        def jump(*topics: str, opened: TakeReader | None = None) -> None:
            moment_ns = chance.randrange(begin_ns, end_ns - 1_000_000_000)
            record = next((opened or TakeReader(path)).records(*topics, begin_ns=moment_ns))
            assert moment_ns <= record.log_ns < moment_ns + 1_000_000_000

        progress("jumping")
        figures: dict[str, Figure] = {
            "minutes": minutes,
            "gigabytes": path.stat().st_size / 1e9,
            "messages": sum(take.counts.values()),
            "build_s": build_s,
            **_percentiles("jump", lambda: jump("performance.", opened=take)),
            **_percentiles("jump_video", lambda: jump("video.a", opened=take)),
            **_percentiles("jump_everything", lambda: jump(opened=take)),
            **_percentiles("open_and_jump", lambda: jump("performance.")),
            **_percentiles("info", lambda: about(path)),
        }
        progress("reading one actor")
        figures["actor_whole_s"] = _seconds(lambda: sum(1 for _ in take.records("performance.")))
    targets = {
        "jump_p99_ms": "<= 200",
        "jump_video_p99_ms": "<= 200",
        "jump_everything_p99_ms": "<= 200",
        "open_and_jump_p99_ms": "<= 200",
        "info_p50_ms": "<= 100",
    }
    return 0 if report("take_seek", figures, targets) else 1


def make(path: Path, minutes: float) -> None:
    """Writes the take."""
    writer = TakeWriter(path)
    writer.note("take", {"name": path.stem, "slate": "scene", "number": "1", "began_ns": str(BEGAN_NS)})
    writer.attach("config.json", b"{}", "application/json", BEGAN_NS)
    floats = np.random.default_rng(1).normal(size=2000).astype("<f4").tobytes()  # what performances are made of
    noise = os.urandom(_VIDEO_BYTES)
    for tick in range(round(minutes * 3600)):
        at_ns = BEGAN_NS + tick * _TICK_NS
        shift = 4 * (tick % 500)
        if tick % 2 == 0:
            for camera in _CAMERAS:
                received_ns = at_ns + 15_000_000
                landmarks = floats[shift : shift + _LANDMARK_BYTES]
                writer.write(f"frame.{camera}", "FrameNote", noise[:90], at_ns, received_ns - 12_000_000, tick)
                writer.write(f"landmarks.{camera}", "Landmarks2D", landmarks, at_ns, received_ns, tick)
                writer.write_foreign(
                    f"video.{camera}",
                    "foxglove.CompressedVideo",
                    "protobuf",
                    b"",
                    "protobuf",
                    noise,
                    at_ns,
                    received_ns,
                )
        performance = floats[shift : shift + _PERFORMANCE_BYTES]
        writer.write("performance.anna", "Performance", performance, at_ns, at_ns + 30_000_000, tick)
        if tick % 30 == 29:
            writer.close_chunk()
    writer.finish({"seconds": str(minutes * 60), "marks": "0"})


def _percentiles(name: str, act: Callable[[], object]) -> dict[str, float]:
    times_ms = [1e3 * _seconds(act) for _ in range(JUMPS)]
    p50, p99 = np.percentile(times_ms, (50, 99))
    return {f"{name}_p50_ms": float(p50), f"{name}_p99_ms": float(p99)}


def _seconds(act: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    act()
    return time.perf_counter() - began_s


if __name__ == "__main__":
    sys.exit(main())
