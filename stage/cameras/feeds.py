"""From a camera of stage.toml to the feed of its frames."""

from __future__ import annotations

import os
from collections import Counter

from protocols.clock import ClockFile
from stage.cameras.fast_feed import FastFeed
from stage.cameras.feed import Feed, LiveFeed, PacedFeed
from stage.cameras.playback import Playback
from stage.cameras.sources import Faulty, open_source
from stage.cameras.sources.live import LiveSource
from stage.cameras.sources.packets import Packeted
from stage.config import CameraSection, Config
from stage.readers import reader_of
from stage.takes.video.modes import copies_packets

MOST_DECODER_THREADS = 4


def open_feed(section: CameraSection, config: Config, timing: ClockFile) -> Feed:
    """Open a camera's source and decide when its frames are due.

    A camera that is away does not matter, its feed waits for it; a recording has to be there.

    Args:
        section: The camera.
        config: The stage it belongs to.
        timing: The stage's clock, the common epoch and loop period, and whether to play fast.

    Raises:
        SourceError: The recording cannot be opened, or the source is of no known kind.
    """
    clock = timing.clock
    threads = max(1, min(MOST_DECODER_THREADS, (os.cpu_count() or 1) // max(1, len(config.cameras))))
    source = open_source(section, config.stage.rate, clock, threads)
    if isinstance(source, Packeted) and copies_packets(section, config):
        source.keep_packets()
    offset_ns = round(section.offset_ms * 1e6)
    if isinstance(source, LiveSource):
        return LiveFeed(source, offset_ns)
    info = source.open()
    period_ns = (timing.loop_period_ns or info.duration_ns or 0) if section.loop else 0
    playback = Playback(source, info, timing.epoch_ns, period_ns, offset_ns)
    faults = source.faults if isinstance(source, Faulty) else Counter[str]()
    if timing.fast:
        audience = (reader_of(section, config), "solve")
        return FastFeed(playback, config.stage.rate, timing.epoch_ns, faults, audience)
    return PacedFeed(playback, clock, faults)
