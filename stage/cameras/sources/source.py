"""What every source of images is: a file, a camera, a stream, a folder, a synthetic performer.

A source is opened once, read frame by frame and closed:

    info = source.open()
    while (frame := source.read(out)) is not None: ...
    source.close()

Two kinds differ in time. A *recording* (file, folder, synthetic) knows when each frame was taken
relative to its first one, delivers frames as fast as it is read, can be told where to go on, and
ends. A *live* source (device, stream) stamps its frames in stage time, never ends, and says with
None that nothing new has arrived within a short wait; it comes back by itself after a loss.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from stage.errors import SourceError

Image = NDArray[np.uint8]

LIVE_WAIT_S = 0.05
"""How long `read` of a live source waits for a frame."""


class TruncatedError(SourceError):
    """A recording that ends before the duration it states; everything before that has been delivered."""


class Frame(NamedTuple):
    """One image and its times."""

    image: Image
    """uint8 (height, width, 3), BGR; the array given to `read`, if one was."""
    pts_ns: int
    """Time since the source's first frame."""
    capture_ns: int | None
    """Stage time at which it was taken; None for recordings, whose time the player decides."""
    number: int
    """The source's own frame number, from 0; a jump means frames that were never delivered."""


@dataclass(frozen=True)
class SourceInfo:
    """What a source turned out to be when it was opened."""

    width: int
    """Pixels."""
    height: int
    rate_requested: float
    """Hz; 0 where nothing was requested."""
    rate_achieved: float
    """Hz, as the file or the driver states it; 0 where nobody does."""
    duration_ns: int | None
    """From the first frame to the end of the last; None for live sources and where it is not stated."""
    description: str
    """For the operator: codec, driver, transport."""
    live: bool = False


@runtime_checkable
class Source(Protocol):
    """A source of images."""

    def open(self) -> SourceInfo:
        """Open it.

        Raises:
            SourceError: It cannot be opened; of a live source, it could not be reached at once.
        """
        ...

    def read(self, out: Image | None = None) -> Frame | None:
        """Read the next frame, into `out` (height, width, 3) where that is given.

        Returns:
            The frame; None when a recording has ended, or when a live source has nothing new.

        Raises:
            SourceError: The recording cannot be read on, or `out` has the wrong shape.
        """
        ...

    def close(self) -> None:
        """Let go of everything; a second call does nothing."""
        ...


@runtime_checkable
class Seekable(Source, Protocol):
    """A recording that can go on from elsewhere."""

    def seek(self, position_ns: int) -> None:
        """Make the first frame at or after this time the next one; a time past the end ends it."""
        ...


@runtime_checkable
class Faulty(Protocol):
    """A source that counts what goes wrong while it goes on."""

    faults: Counter[str]


def frame_buffer(out: Image | None, height: int, width: int) -> Image:
    """Check or make the array that a frame is written to.

    Raises:
        SourceError: `out` is not uint8 (height, width, 3).
    """
    if out is None:
        return np.empty((height, width, 3), np.uint8)
    if out.shape != (height, width, 3) or out.dtype != np.uint8:
        raise SourceError(f"a frame of {width}x{height} does not fit a buffer of shape {out.shape}, type {out.dtype}")
    return out
