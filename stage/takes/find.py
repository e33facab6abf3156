"""Finds a take by its path, or by its name."""

from __future__ import annotations

from pathlib import Path

from protocols.errors import TakeError
from stage.config import Config, RecordSection, nearest
from stage.takes.names import SUFFIX


def find_take(named: Path, other: Config | None = None) -> Path:
    """The file of a take: a path, or the name of a take in the folder where takes go.

    Args:
        named: As the operator says it; of a track its file, or `<take>.<track>`.
        other: The stage whose takes are meant; None: the folder "takes" here, or this one.

    Raises:
        TakeError: There is no such take; the message names one that is like it.
    """
    if named.is_file():
        return named
    if named.is_dir():
        raise TakeError(f"{named} is a folder; name a take, such as one that `stage takes ls {named}` lists")
    folders = [Path(RecordSection().folder), Path()] if other is None else [Path(other.record.folder)]
    known: dict[str, Path] = {}
    if len(named.parts) == 1:
        for folder in folders:
            for path in sorted(folder.glob(f"*{SUFFIX}")):
                known.setdefault(path.stem, path)
        if (found := known.get(named.name.removesuffix(SUFFIX))) is not None:
            return found
    hint = nearest(named.stem, list(known)) if known else "name a take file, NAME.mcap"
    raise TakeError(f"{named}: there is no such take; {hint}")
