"""The folder where takes go: what is in it, and how much room it has."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from protocols.show import MAX_TAKE
from protocols.takefile import TakeWriter, is_finished
from stage.errors import RecordError
from stage.takes.names import SUFFIX, numbers, take_name

MIN_FREE_BYTES = 200_000_000
"""A take is not begun with less, and is ended when there is less."""


def free_bytes(folder: Path) -> int:
    """Free space where takes go; -1 when it cannot be told. The folder need not be there yet."""
    for place in (folder, *folder.parents):
        try:
            status = os.statvfs(place)
        except FileNotFoundError:
            continue
        except OSError:
            return -1
        return status.f_bavail * status.f_frsize
    return -1


def last_number(folder: Path, slate: str) -> int:
    """The highest number of the slate's takes; 0 when there is none."""
    return max(numbers(slate, _names(folder)), default=0)


def check_space(free: int, folder: Path) -> None:
    """Refuses to record where there is too little room.

    Raises:
        RecordError: So it is.
    """
    if 0 <= free < MIN_FREE_BYTES:
        raise RecordError(
            f"{folder} has {free / 1e6:.0f} MB free, a take needs {MIN_FREE_BYTES / 1e6:.0f} MB: free some space, or "
            "set record.folder to another disk"
        )


def create_take(folder: Path, slate: str, number: int, library: str) -> tuple[int, TakeWriter]:
    """Makes the file of a new take, and the folder where that is missing; what is there is never touched.

    Args:
        folder: Where takes go.
        slate: As the operator says it.
        number: The wanted number; 0 is the one after the last. A number that is taken advances to the next free one.
        library: Name and version of the program.

    Returns:
        The take's number and its file.

    Raises:
        RecordError: No folder, no right to write, or no number left.
        TakeError: The file cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = numbers(slate, os.listdir(folder))
    except (FileExistsError, NotADirectoryError) as error:
        raise RecordError(
            f"{folder}: there is a file where this folder should be; move it, see record.folder"
        ) from error
    except OSError as error:
        raise RecordError(f"{folder}: {error.strerror}; takes cannot go there, see record.folder") from error
    number = number or max(taken, default=0) + 1
    while number <= MAX_TAKE:
        if number not in taken:
            try:
                return number, TakeWriter(folder / f"{take_name(slate, number)}{SUFFIX}", library)
            except FileExistsError:  # somebody else was quicker
                pass
        number += 1
    raise RecordError(f"no take number up to {MAX_TAKE} is left for slate {slate!r}; choose another slate")


def unfinished_takes(folder: Path) -> list[Path]:
    """Takes that nobody is writing any more and that have no end: what a crash has left, by name."""
    return [path for path in sorted(_takes(folder)) if _abandoned(path)]


def _takes(folder: Path) -> Iterator[Path]:
    return (folder / name for name in _names(folder) if name.endswith(SUFFIX))


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _abandoned(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file, suppress(OSError):  # some network disks know no locks
            # Who writes a take holds its lock; the system gives it back when he dies.
            if not _free(file):
                return False
        return not is_finished(path)
    except OSError:
        return False


def _free(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
