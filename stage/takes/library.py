"""The takes of a folder, with an index beside them so that a long list comes at once.

The index, `.takes-index.json`, says nothing that the files do not: an entry counts while size and time of its file
are the same. One that is missing, old or damaged is made anew; nobody notices but by the time it takes.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from protocols.errors import TakeError
from stage.takes.names import SUFFIX
from stage.takes.take_info import TakeInfo, take_info
from stage.takes.tracks import take_and_track

INDEX = ".takes-index.json"
_VERSION = 2


class _Index(msgspec.Struct, frozen=True):
    version: int
    takes: dict[str, TakeInfo]
    """By file name."""


def takes_in(folder: Path) -> list[TakeInfo]:
    """The takes of a folder in the order in which they began; tracks are not among them.

    Raises:
        TakeError: There is no such folder.
    """
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX) and not name.startswith("."))
    except OSError as error:
        raise TakeError(f"{folder}: {error.strerror}; no takes can be listed") from error
    known = _read(folder)
    found = {}
    for name in names:
        path = folder / name
        if take_and_track(path)[1]:
            continue
        with suppress(TakeError):  # gone in the meantime
            found[name] = _still(known.get(name), path) or take_info(path)
    settled = {name: info for name, info in found.items() if info.state == "finished"}
    if settled != known:
        _write(folder, settled)
    return sorted(found.values(), key=lambda info: (info.began or "~", info.file))


def _still(info: TakeInfo | None, path: Path) -> TakeInfo | None:
    """What is known of a take, if its file has not changed since."""
    try:
        status = path.stat()
    except OSError:
        return None
    same = info is not None and (info.file, info.bytes, info.changed_ns) == (
        path.name,
        status.st_size,
        status.st_mtime_ns,
    )
    return info if same else None


def _read(folder: Path) -> dict[str, TakeInfo]:
    try:
        index = msgspec.json.decode((folder / INDEX).read_bytes(), type=_Index)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return index.takes if index.version == _VERSION else {}


def _write(folder: Path, takes: dict[str, TakeInfo]) -> None:
    """Nobody needs the index: where it cannot be written there is none."""
    new = folder / f"{INDEX}.{os.getpid()}"
    try:
        new.write_bytes(msgspec.json.encode(_Index(_VERSION, takes)))
        os.replace(new, folder / INDEX)
    except OSError:
        with suppress(OSError):
            new.unlink(missing_ok=True)
