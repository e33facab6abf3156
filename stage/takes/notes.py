"""What people say of a take: the marks in it, and the notes beside it, which can be added at any time.

    scene_001.notes.jsonl    one line per note: {"at": "2026-...Z", "by": "anna", "text": "best so far"}

A finished take is never written to, and lines are only ever added.
"""

from __future__ import annotations

import getpass
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from protocols.errors import DecodeError, TakeError
from protocols.show import MAX_NOTE, Mark
from protocols.takefile import TakeReader

SUFFIX = ".notes.jsonl"


class Note(msgspec.Struct, frozen=True):
    """A note beside a take."""

    at: str
    """ISO 8601, UTC."""
    by: str
    text: str


class ToldMark(NamedTuple):
    """A mark in a take."""

    at_ns: int
    """Recorded stage time."""
    text: str


def notes_path(take: Path) -> Path:
    """Where a take's notes are."""
    return take.with_name(f"{take.stem}{SUFFIX}")


def notes_of(take: Path) -> list[Note]:
    """The notes beside a take, as they were added; a line that is none is left out.

    Raises:
        TakeError: They cannot be read.
    """
    try:
        lines = notes_path(take).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise TakeError(f"{notes_path(take)}: {error.strerror}") from error
    found = []
    for line in lines:
        try:
            found.append(msgspec.json.decode(line, type=Note))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
    return found


def add_note(take: Path, text: str) -> Note:
    """Adds a note beside a take.

    Raises:
        TakeError: It is empty or too long, there is no such take, or it cannot be written.
    """
    text = " ".join(text.split())
    if not 0 < len(text) <= MAX_NOTE or not text.isprintable():
        raise TakeError(f"a note has 1 to {MAX_NOTE} printable characters")
    if not take.is_file():
        raise TakeError(f"{take}: there is no such take")
    note = Note(datetime.now(UTC).isoformat(timespec="seconds"), _who(), text)
    try:
        with notes_path(take).open("ab+", buffering=0) as file:
            if file.tell() > 0 and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n":
                file.write(b"\n")  # a line that a crash has cut takes no other with it
            file.write(msgspec.json.encode(note) + b"\n")
            os.fsync(file.fileno())
    except OSError as error:
        raise TakeError(f"{notes_path(take)}: {error.strerror}") from error
    return note


def marks_of(take: TakeReader) -> list[ToldMark]:
    """The marks that were set while a take was recorded, by time.

    Raises:
        TakeError: The take is damaged.
    """
    marks = []
    for entry in take.records("command."):
        with suppress(DecodeError):  # of another release, or none
            if entry.kind == Mark.__name__ and isinstance(record := entry.decoded().record, Mark):
                marks.append(ToldMark(entry.log_ns, record.text))
    return sorted(marks)


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
