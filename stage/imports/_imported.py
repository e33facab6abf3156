"""What one file of others holds, in the stage's terms, before it becomes a take."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stage.errors import ForeignFileError
from stage.takes.motion import Motion

MAX_FILE_BYTES = 512 << 20
"""Larger files are refused: an hour of 60 joints at 120 Hz has less."""


@dataclass(frozen=True, eq=False)
class MarkerTrack:
    """M markers over T frames; see `protocols.markers.MarkerFrame`."""

    labels: tuple[str, ...]
    points: NDArray[np.float32]
    """(T, M, 3) metres, Z up; zeros where not seen."""
    seen: NDArray[np.bool_]
    """(T, M)."""
    times_ns: NDArray[np.int64]
    """(T,) since the begin of the file."""


@dataclass(frozen=True, eq=False)
class Imported:
    """One file, read. All times are nanoseconds since its begin."""

    path: Path
    kind: str
    """"bvh", "csv", "c3d" or "trc"."""
    rate: float
    """Frames per second."""
    motion: Motion | None = None
    """What one actor does; its name does not matter yet."""
    shape: NDArray[np.floating] | None = None
    """(S,) coefficients of the body that the motion was put on."""
    markers: MarkerTrack | None = None
    lost_ns: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """(L,) when the file says that it saw no face."""
    begin_ns: int | None = None
    """Since midnight, as the file's timecode says; None: it has none."""
    timecode_rate: str = ""
    """Of that timecode."""
    told: tuple[str, ...] = ()
    """What was guessed or left out, for the operator."""

    @property
    def span_ns(self) -> int:
        """Length of the file."""
        times = [self.lost_ns]
        if self.motion is not None:
            times += [self.motion.capture_ns, self.motion.face_ns]
        if self.markers is not None:
            times.append(self.markers.times_ns)
        return max((int(part[-1]) for part in times if len(part) > 0), default=0)


def usual_rate(rate: float) -> float:
    """The whole rate that is meant: 0.008333 s is written for 1/120, and would be 0.14 s short of an hour."""
    return float(round(rate)) if round(rate) > 0 and abs(rate - round(rate)) < 2e-4 * rate else rate


def frame_times(count: int, rate: float) -> NDArray[np.int64]:
    """(count,) nanoseconds of frames at a rate."""
    return np.round(np.arange(count) * (1e9 / rate)).astype(np.int64)


def read_bytes(path: Path) -> bytes:
    """The content of a file.

    Raises:
        ForeignFileError: It cannot be read, or is larger than `MAX_FILE_BYTES`.
    """
    try:
        if path.is_dir():
            raise ForeignFileError(f"{path} is a folder; name a file")
        if path.exists() and not path.is_file():
            raise ForeignFileError(f"{path} is a device or a pipe; name a file")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ForeignFileError(f"{path} has {size / 1e6:.0f} MB; up to {MAX_FILE_BYTES >> 20} MB are read, cut it")
        return path.read_bytes()
    except OSError as error:
        raise ForeignFileError(f"{path}: {error.strerror}") from error


def read_text(path: Path) -> str:
    """The text of a file; as `read_bytes`, and bytes that are no text are refused."""
    data = read_bytes(path)
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # names of older tools; every byte is a letter there
    if "\0" in text:
        raise ForeignFileError(f"{path} is no text: it has bytes of value 0; was it damaged, or is it another format?")
    return text
