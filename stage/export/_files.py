"""Files that an export makes: whole or not at all, and never over another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stage.errors import ExportError

_ATTEMPTS = 10_000


def free_name(path: Path) -> Path:
    """The first of NAME.x, NAME-2.x, NAME-3.x ... that is not there."""
    names = (path if number == 1 else path.with_stem(f"{path.stem}-{number}") for number in range(1, _ATTEMPTS))
    return next((name for name in names if not os.path.lexists(name)), path)


def check_new(path: Path, *, overwrite: bool) -> None:
    """Refuses, before the work, what `placed` would refuse after it.

    Raises:
        ExportError: The file is there already, or its folder is not, or cannot be written.
    """
    folder = path.absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ExportError(f"{path} cannot be written; is the folder {folder} there, and yours?")
    if path.is_dir():
        raise ExportError(f"{path} is a folder; name a file")
    if os.path.lexists(path) and not overwrite:
        raise ExportError(f"{path} is there already; {free_name(path)} is free (--out), or give --overwrite")


@contextmanager
def placed(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A path to write to; what is there when the block ends without an error gets its name.

    Args:
        path: The file to be made.
        overwrite: Whether it may take the place of another.

    Raises:
        ExportError: The file is there already, or cannot be written.
    """
    check_new(path, overwrite=overwrite)
    # Same suffix: some writers go by it.
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield unfinished
        if overwrite:
            unfinished.replace(path)
        else:
            _named(unfinished, path)
    except FileExistsError:
        raise ExportError(f"{path} has come to be meanwhile; {free_name(path)} is free (--out)") from None
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _named(unfinished: Path, path: Path) -> None:
    """Gives a file its name; unlike a rename, never another file's."""
    try:
        os.link(unfinished, path)
    except FileExistsError:
        raise
    except OSError:  # a disk without hard links
        with path.open("xb"):
            pass
        unfinished.replace(path)
