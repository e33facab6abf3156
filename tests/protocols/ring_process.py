"""A process that writes frames into a ring and says so on the bus, for tests that read beside it.

Every pixel of frame n is n % 251, so a torn image shows. Usage: NAME RUN_DIR SLOTS HEIGHT WIDTH.
Writes until its standard input closes.
"""

from __future__ import annotations

import select
import sys
import time
from pathlib import Path

import numpy as np

from protocols.bus import Publisher
from protocols.messages import FrameNote
from protocols.ring import RingWriter

VALUES = 251


def main(name: str, run_dir: str, slots: int, height: int, width: int) -> None:
    image = np.empty((height, width, 3), np.uint8)
    with Publisher(Path(run_dir), "writer") as publisher, RingWriter(name, slots, height, width) as ring:
        frame = 0
        while not select.select([sys.stdin], [], [], 0)[0]:
            image.fill(frame % VALUES)
            slot, generation = ring.write(image)
            note = FrameNote("test", frame, frame, frame, name, slot, generation, width, height)
            publisher.send("frame.test", note)
            frame += 1
            if frame % 8 == 0:  # sometimes the reader wins the race, sometimes the writer
                time.sleep(0.002)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
