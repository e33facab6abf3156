"""Tracks: other solves of a take, in files of their own beside it.

    scene_001.mcap           the take
    scene_001.smooth.mcap    a track of it, called "smooth"

A track is a take file: `TakeReader` opens it, and whatever reads performances of a take reads those of a track. In it
are the performances and faces of the other solve, the settings and profiles it was made with, and of the take what
places it in time: its name, its clock, its timecode. The take is never touched, a track never overwritten; see
`stage.takes.track_writer`.
"""

from __future__ import annotations

import os
import re
from itertools import count
from pathlib import Path
from typing import Literal, NamedTuple

from protocols.errors import TakeError
from protocols.takefile import TakeReader
from stage.takes.names import SUFFIX

FACTS = "track"
"""Name of the facts that make a take file a track."""

MadeFrom = Literal["landmarks", "frames", "performances", "import"]

_NAME = re.compile(r"[A-Za-z0-9-]{1,32}")


class TrackFacts(NamedTuple):
    """What a track says of itself."""

    of: str
    """File name of its take."""
    name: str
    made: str
    """When, ISO 8601, UTC."""
    made_from: str
    """What was solved again: "landmarks" or "frames"; "performances" that were smoothed; or "import"."""
    settings: str
    """What was asked for, as one would write it; "" for nothing but the take's own settings."""


def track_path(take_path: Path, name: str) -> Path:
    """Where a track of a take is, or would be.

    Raises:
        TakeError: No track can be called so.
    """
    if not _NAME.fullmatch(name):
        raise TakeError(f'track "{name}": a track is called by up to 32 letters, digits and "-"')
    return take_path.with_name(f"{take_path.stem}.{name}{SUFFIX}")


def tracks_of(take_path: Path) -> list[str]:
    """Names of a take's tracks, sorted."""
    begin = f"{take_path.stem}."
    try:
        files = os.listdir(take_path.parent)
    except OSError:
        return []
    names = (file[len(begin) : -len(SUFFIX)] for file in files if file.startswith(begin) and file.endswith(SUFFIX))
    return sorted(name for name in names if _NAME.fullmatch(name))


def take_and_track(path: Path) -> tuple[Path, str]:
    """The take of a file that may be one of its tracks, and the track's name; "" for the take itself.

    By names alone: a file is a track where its take lies beside it.
    """
    stem, dot, name = path.stem.rpartition(".")
    take = path.with_name(f"{stem}{SUFFIX}")
    return (take, name) if dot and stem and _NAME.fullmatch(name) and take.is_file() else (path, "")


def free_name(take_path: Path, name: str) -> str:
    """The name, with the first number behind it that makes it one no track has."""
    taken = {track.lower() for track in tracks_of(take_path)}
    if name.lower() not in taken:
        return name
    return next(free for number in count(2) if (free := f"{name[:28]}-{number}").lower() not in taken)


def opened_track(take_path: Path, name: str) -> TakeReader:
    """A track of a take, to be read in its place; the take itself where `name` is "".

    Raises:
        TakeError: There is no such track, or its file is none; the message names those there are.
    """
    if not name:
        return TakeReader(take_path)
    path = track_path(take_path, name)
    if not path.is_file():
        known = tracks_of(take_path)
        hint = f"it has {', '.join(known)}" if known else f"it has none; stage solve {take_path} --out {name} makes one"
        raise TakeError(f'{take_path}: no track "{name}"; {hint}')
    reader = TakeReader(path)
    if FACTS not in reader.facts:
        raise TakeError(f"{path}: a take, not a track of {take_path.name}; rename one of the two")
    return reader


def track_facts(reader: TakeReader) -> TrackFacts | None:
    """What a track says of itself; None of a take."""
    facts = reader.facts.get(FACTS)
    if facts is None:
        return None
    said = {key: facts.get(key, "") for key in ("of", "name", "made", "settings")}
    return TrackFacts(made_from=facts.get("from", ""), **said)
