"""A run folder as the supervisor leaves it for its workers."""

from __future__ import annotations

from pathlib import Path

import msgspec

from protocols.clock import ClockFile, StageClock, write_clock
from stage.config import Config


def prepare(folder: Path, config: Config) -> StageClock:
    """Writes config and clock, with the epoch now; returns the clock."""
    clock = StageClock.start()
    (folder / "config.json").write_bytes(msgspec.json.encode(config))
    write_clock(folder, ClockFile(offset_ns=clock.offset_ns, epoch_ns=clock.now_ns()))
    return clock
