"""A process that records as fast as a large stage does, until it is killed; used by tests of `stage.takes.take`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from protocols.bus import Message
from protocols.clock import ClockFile, StageClock
from protocols.codec import encode
from protocols.foxglove import COMPRESSED_VIDEO, Picture, encode_video
from protocols.messages import Event
from stage.config import ActorSection, Config, RecordSection
from stage.takes.memory import Entry, Memory
from stage.takes.take import Take
from stage.timecode import TimecodeClock

TOPIC = "event.solve"
GROUP = 5
"""Pictures of which the first needs no other."""


def take_in(
    folder: Path,
    slate: str = "scene",
    number: int = 0,
    space: int = 1 << 40,
    memory: Memory | None = None,
    profile: str = "",
) -> Take:
    """A take that has just been begun."""
    config = Config(actors=(ActorSection(id="anna", profile=profile),), record=RecordSection(folder=str(folder)))
    clock = StageClock.start()
    timing = ClockFile(clock.offset_ns, clock.now_ns())
    return Take(
        config, timing, TimecodeClock(config.timecode, timing.epoch_ns), slate, number, lambda _folder: space, memory
    )


def message(number: int, size: int = 10) -> Message:
    """A message as it comes over the bus."""
    record = Event("solve", 1 + number, "info", "x" * size)
    return Message(TOPIC, record, number, 1 + number, encode(record, number, 1 + number))


def picture(number: int, size: int = 1000, camera: str = "left", received_ns: int = 1) -> Entry:
    """A picture of a camera, in a group of `GROUP`."""
    data = encode_video(Picture(1 + number, camera, "h264", bytes(size)))
    return Entry(
        f"video.{camera}",
        COMPRESSED_VIDEO.name,
        data,
        1 + number,
        received_ns,
        number,
        camera=camera,
        keyframe=number % GROUP == 0,
        foreign=COMPRESSED_VIDEO,
    )


def main(folder: Path) -> None:
    """Hands over 500 messages a second and says which, after it was handed over."""
    take = take_in(folder)
    number = 0
    while True:
        take.put(message(number, size=2000))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        number += 1
        time.sleep(0.002)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
