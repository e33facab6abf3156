"""Makes a new take file of an old one: written beside its place, read back, and only then given its name.

    scene_001.mcap.new      while it is made; what a crash leaves of it is taken away by the next one
    scene_001.mcap          once every message in it has been compared with where it comes from

The old file stays as it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from protocols.errors import TakeError
from protocols.takefile import (
    Described,
    RawMessage,
    TakeReader,
    TakeWriter,
    check_same,
    copy_attachments,
    copy_messages,
    sync_folder,
)
from stage.takes.about import library
from stage.takes.folder import MIN_FREE_BYTES, free_bytes

NEW = ".new"
_ROOM_EVERY_BYTES = 32 << 20
Messages = Callable[[], Iterator[tuple[Described, RawMessage]]]
"""Reads what belongs into the new file, from the beginning, as often as it is called."""
Facts = Mapping[str, Mapping[str, str]]
"""By the name of their metadata record."""
Pause = Callable[[], None]
"""Called now and then; what it raises ends the work, and nothing is left of it."""


def no_pause() -> None:
    """Works on."""


def everything(_name: str) -> bool:
    """Keeps every attachment."""
    return True


def written_beside(
    source: TakeReader,
    path: Path,
    messages: Messages,
    facts: Facts,
    end: Callable[[], Mapping[str, str]],
    *,
    keep: Callable[[str], bool] = everything,
    pause: Pause = no_pause,
) -> Path:
    """Writes a finished file with some of another's messages, and verifies it.

    Args:
        source: The file that it comes from; it is not changed.
        path: Where it is to go.
        messages: What belongs into it.
        facts: Its metadata.
        end: How it ends; asked when all messages have been copied.
        keep: Which attachments belong into it.
        pause: Called now and then.

    Returns:
        The file, under a name of its own; it is the caller's.

    Raises:
        TakeError: The source is damaged, there is no space, or the file cannot be written or relied on.
    """
    new = path.with_name(path.name + NEW)
    check_room(source.path, path.parent)
    clear_left_over(new)
    try:
        writer = TakeWriter(new, library())
    except FileExistsError as error:
        raise TakeError(f"{new} is being written by another program") from error
    try:
        try:
            for name, of in facts.items():
                writer.note(name, of)
            copy_attachments(source, writer, keep)
            copy_messages(_with_room(messages(), path.parent), writer, pause)
            writer.finish(end())
        finally:
            writer.close()
        check_same(messages(), TakeReader(new), pause)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise
    return new


def take_its_name(new: Path, path: Path) -> None:
    """Gives a file that was written beside it a name that must be free.

    Raises:
        TakeError: It is not; the new file is taken away.
    """
    try:
        try:
            os.link(new, path)
        except FileExistsError:
            raise
        except OSError:  # disks without links, such as exFAT: reserve the name, then take it
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            os.replace(new, path)
        sync_folder(path.parent)
    except OSError as error:
        raise TakeError(f"{path}: {error.strerror}; nothing was changed") from error
    finally:
        new.unlink(missing_ok=True)


def take_its_place(new: Path, path: Path, suffix: str) -> Path:
    """Puts a file that was written beside another into its place; that is kept under a name with a suffix.

    Returns:
        Where the old file is now.

    Raises:
        TakeError: The disk does not let us; the old file is where it was.
    """
    try:
        aside = _second_name(path, suffix)
        os.replace(new, path)
        sync_folder(path.parent)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise TakeError(f"{path}: {error.strerror}; nothing was changed") from error
    return aside


def check_room(source: Path, folder: Path) -> None:
    """Refuses to begin what the disk has no room for.

    Raises:
        TakeError: So it is, or the file is not there.
    """
    try:
        needed = source.stat().st_size + MIN_FREE_BYTES
    except OSError as error:
        raise TakeError(f"{source}: {error.strerror}") from error
    if 0 <= (free := free_bytes(folder)) < needed:
        raise TakeError(
            f"{folder} has {free / 1e6:.0f} MB free, a new {source.name} needs {needed / 1e6:.0f} MB: free some space"
        )


def _with_room(
    messages: Iterator[tuple[Described, RawMessage]], folder: Path
) -> Iterator[tuple[Described, RawMessage]]:
    """The messages while there is room: a file may unfold to much more than it has, and somebody may be recording.

    Raises:
        TakeError: There is none any more.
    """
    since = 0
    for entry in messages:
        since += len(entry[1].data)
        if since > _ROOM_EVERY_BYTES:
            since = 0
            if 0 <= (free := free_bytes(folder)) < MIN_FREE_BYTES:
                raise TakeError(f"{folder} has {free / 1e6:.0f} MB free, a new take needs more: free some space")
        yield entry


def clear_left_over(path: Path) -> None:
    """Takes away what a crash has left of a file that was being made; one that somebody makes now stays.

    Raises:
        TakeError: Somebody makes it now, or it cannot be taken away.
    """
    try:
        with path.open("rb") as file:
            flock(file, LOCK_EX | LOCK_NB)
            path.unlink()
    except FileNotFoundError:
        pass
    except BlockingIOError as error:
        raise TakeError(f"{path} is being written by another program") from error
    except OSError as error:
        raise TakeError(f"{path}: {error.strerror}; take it away") from error


@contextmanager
def nobody_else(path: Path) -> Iterator[None]:
    """Holds the lock that tells others that somebody works on a take.

    Raises:
        TakeError: Somebody else does: it is being recorded, or mended by another stage.
    """
    if path.exists() and not path.is_file():
        raise TakeError(f"{path} is no file")
    try:
        file = path.open("rb")
    except OSError as error:
        raise TakeError(f"{path}: {error.strerror}") from error
    with file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError as error:
            raise TakeError(f"{path} is being recorded, or worked on by another program") from error
        except OSError:  # some network disks know no locks
            pass
        yield


def _second_name(path: Path, suffix: str) -> Path:
    """A free name for a file that is about to be replaced; it has both names then, where the disk knows links."""
    number = 1
    while True:
        aside = path.with_name(f"{path.name}{suffix}" + (f"-{number}" if number > 1 else ""))
        number += 1
        try:
            os.link(path, aside)
            return aside
        except FileExistsError:
            if aside.samefile(path):  # a crash came right after the link
                return aside
        except OSError:
            if not aside.exists():
                os.rename(path, aside)
                return aside
