"""Finds a take by its path, or by its name in one of the folders where takes usually are."""

from __future__ import annotations

from pathlib import Path

from protocols.errors import TakeError
from stage.config import Config, RecordSection, nearest
from stage.takes.names import SUFFIX

_RECORDINGS = Path(__file__).parents[2] / "recordings"
_MOST_TOLD = 12


def usual_folders() -> list[Path]:
    """Where takes are looked for: "takes" here, here, and those of the demo recording; some may not be there."""
    return [Path(RecordSection().folder), Path(), _RECORDINGS / "demo" / "takes", _RECORDINGS / "demo-take"]


def find_take(named: Path, other: Config | None = None) -> Path:
    """The file of a take: a path, or the name of a take in the folder where takes go.

    Args:
        named: As the operator says it; of a track its file, or `<take>.<track>`.
        other: The stage whose takes are meant; None: those of `usual_folders`, the first that has it.

    Raises:
        TakeError: There is no such take; the message names one that is like it.
    """
    if named.is_file():
        return named
    if named.is_dir():
        raise TakeError(f"{named} is a folder; name a take, such as one that `stage takes ls {named}` lists")
    folders = usual_folders() if other is None else [Path(other.record.folder)]
    known: dict[str, Path] = {}
    if len(named.parts) == 1:
        for folder in folders:
            for path in sorted(folder.glob(f"*{SUFFIX}")):
                known.setdefault(path.stem, path)
        if (found := known.get(named.name.removesuffix(SUFFIX))) is not None:
            return found
    raise TakeError(f"{named}: there is no such take; {_hint(named.name.removesuffix(SUFFIX), list(known))}")


def _hint(name: str, known: list[str]) -> str:
    hint = nearest(name, known)
    if hint.startswith("did") or 0 < len(known) <= _MOST_TOLD:
        return hint
    return "`stage takes ls` lists those there are" if known else f"name a take file, NAME{SUFFIX}"
