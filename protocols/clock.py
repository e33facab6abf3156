"""Stage time: one clock for all processes of a stage.

Stage time is int64 nanoseconds. It reads as Unix time but never jumps:

    stage time = monotonic clock + offset

The offset is fixed once, when the stage starts (wall clock minus monotonic clock at that moment),
and handed to every worker in the file `clock.json` of the run folder. Linux gives all processes of
one host the same monotonic clock, so two workers that share the offset share the time, and a wall
clock set back by NTP in the middle of a show moves nothing.

The same file carries the common start of all file playback, so that several videos of one stage
stay in step and a restarted capture worker knows where in its file the stage is now.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from protocols.errors import ProtocolError

CLOCK_FILE = "clock.json"


@dataclass(frozen=True)
class StageClock:
    """Reads stage time."""

    offset_ns: int
    """Added to the monotonic clock."""

    @classmethod
    def start(cls) -> StageClock:
        """A clock that agrees with the wall clock now."""
        return cls(time.time_ns() - time.monotonic_ns())

    def now_ns(self) -> int:
        """Stage time."""
        return time.monotonic_ns() + self.offset_ns

    def from_monotonic_ns(self, monotonic_ns: int) -> int:
        """Stage time of a moment on the monotonic clock, as camera drivers give it."""
        return monotonic_ns + self.offset_ns


class ClockFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `clock.json` says."""

    offset_ns: int
    """Offset of stage time to the monotonic clock."""
    epoch_ns: int
    """Stage time at which every file of the stage plays its first frame."""
    loop_period_ns: int = 0
    """Files that loop start again this long after they started, all at once; 0 when none loops."""
    fast: bool = False
    """Files play as fast as they are solved instead of at their own frame times."""

    @property
    def clock(self) -> StageClock:
        """The stage's clock."""
        return StageClock(self.offset_ns)


def write_clock(run_dir: Path, clock: ClockFile) -> None:
    """Writes `clock.json` so that a reader sees all of it or none."""
    partial = run_dir / f".{CLOCK_FILE}.{os.getpid()}"
    partial.write_bytes(msgspec.json.encode(clock))
    partial.replace(run_dir / CLOCK_FILE)


def read_clock(run_dir: Path) -> ClockFile:
    """Reads `clock.json`.

    Raises:
        ProtocolError: It is missing or is not a clock file.
    """
    path = run_dir / CLOCK_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=ClockFile)
    except OSError as error:
        raise ProtocolError(f"{path}: {error.strerror}; the supervisor writes it when the stage starts") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProtocolError(f"{path}: not a clock file ({error})") from error
