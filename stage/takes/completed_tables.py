"""Completes the tables of faces that a crash has cut, from the mended take."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from protocols.errors import ProtocolError
from protocols.takefile import TakeReader, sync_folder
from stage.errors import RecordError
from stage.takes.contents import recorded_config
from stage.takes.face_table import FaceTables
from stage.takes.rewrite import Pause, no_pause

_PAUSE_AFTER = 100


def complete_tables(path: Path, pause: Pause = no_pause) -> list[Path]:
    """Writes a take's tables anew where what is there is a beginning of them, or nothing.

    A table that says something else, because somebody has worked on it, stays as it is.

    Returns:
        Those that were completed; none when the take does not say enough, such as which timecode it had.
    """
    try:
        take = TakeReader(path)
        section, epoch_ns = recorded_config(take).timecode, int(take.facts["clock"]["epoch_ns"])
        with tempfile.TemporaryDirectory(prefix=f".{path.stem}.", dir=path.parent) as folder:
            tables = FaceTables(Path(folder) / path.name, section, epoch_ns)
            for number, entry in enumerate(take.records("performance.", "face.", "timecode")):
                if number % _PAUSE_AFTER == 0:
                    pause()
                tables.hear(entry.decoded().record, entry.received_ns)
            tables.close()
            done = [place for table in tables.paths if _completed(table, place := path.with_name(table.name))]
            sync_folder(path.parent)
            return done
    except (ProtocolError, RecordError, KeyError, ValueError, OverflowError, OSError):
        return []  # the take has all that they would have


def _completed(table: Path, place: Path) -> bool:
    whole = table.read_bytes()
    try:
        there = place.read_bytes()
    except FileNotFoundError:
        there = b""
    if there == whole or not whole.startswith(there):
        return False
    os.replace(table, place)
    return True
