"""The faces of a take as tables, one per actor, in the form of the Live Link Face app's recordings.

    Timecode,BlendShapeCount,EyeBlinkLeft,...,RightEyeRoll
    16:48:39:43.245,61,0.0000000000,...

Tools that read the app's recordings read these: the header and the order of its columns are the app's (right before
left at jaw and mouth, unlike in its packets), so is the timecode: the frames after the last colon count sixtieths of
its second, with thousandths of one, whatever the rate of the timecode is. The file's name is `<slate>_<take>_<actor>`.

A row is a face at the moment it was captured, at its own rate: those of a face camera where there is one and it works,
else those that came with the body. While there is no face there is no row: the app writes short rows then, and Unreal's
importer stops at the first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
from msgspec.structs import replace

from protocols.arrays import from_bytes
from protocols.livelink import VALUES
from protocols.livelink_face import write_face
from protocols.messages import Face, FacePerformance, Performance
from protocols.show import TimecodeSync
from protocols.takefile import TakeReader
from protocols.timecode import Timecode
from stage.config import TimecodeSection
from stage.errors import RecordError
from stage.outputs.face_source import FaceSource
from stage.takes.names import safe_name
from stage.timecode import TimecodeClock

_SWAPPED = {"JawLeft": "JawRight", "JawRight": "JawLeft", "MouthLeft": "MouthRight", "MouthRight": "MouthLeft"}

COLUMNS = tuple(_SWAPPED.get(name, name) for name in VALUES)
"""The values in the order of the app's tables."""

HEADER = ",".join(("Timecode", "BlendShapeCount", *COLUMNS))
TIMECODE_BASE = 60
"""What the app's tables count after the last colon, per second."""

_ORDER = np.array([VALUES.index(name) for name in COLUMNS])
_ROW = f",{len(VALUES)}," + ",".join(["%.10f"] * len(VALUES)) + "\n"
_LOOK_EVERY = 256
"""Rows between two looks at whether to go on."""


def write_face_tables(
    take: TakeReader, section: TimecodeSection, epoch_ns: int, abandoned: Callable[[], bool] = lambda: False
) -> list[Path]:
    """Writes a table beside the take for every actor that has a face in it; memory stays as it is.

    Args:
        take: The take.
        section: The stage's timecode; where it comes from a machine, what the take heard of that is followed.
        epoch_ns: Stage time of the stage's start.
        abandoned: Asked now and then whether to give up.

    Returns:
        The files, by actor.

    Raises:
        RecordError: A table cannot be written, or it was given up; none is left.
        TakeError: The take is damaged.
    """
    tables: dict[str, _Table] = {}
    # While a timecode machine has not spoken, the clock on the wall must do.
    wall = TimecodeClock(replace(section, source="day", offset="00:00:00:00"), epoch_ns)
    timecode = TimecodeClock(section, epoch_ns)
    try:
        for count, (actor, capture_ns, face) in enumerate(_faces(take, timecode)):
            if count % _LOOK_EVERY == 0 and abandoned():
                raise RecordError(f"{take.path.stem}: its tables of faces were given up, the take itself is whole")
            if actor not in tables:
                tables[actor] = _Table(take.path, actor)
            tables[actor].add(capture_ns, timecode.at(capture_ns) or wall.at(capture_ns), face)
        for table in tables.values():
            table.close()
    except BaseException as error:
        for table in tables.values():
            table.remove()
        if isinstance(error, OSError):
            raise RecordError(f"{take.path.stem}: no table of faces: {error.strerror}; the take is whole") from error
        raise
    return [tables[actor].path for actor in sorted(tables)]


def table_timecode(moment: Timecode) -> str:
    """The app's way to write a moment: HH:MM:SS:FF.sss, FF in sixtieths of the timecode's second."""
    label = moment.text.replace(";", ":")
    frame = int(label[-2:]) + moment.subframe
    # A thousandth that would round up to the next second is cut off.
    sixtieths = min(frame * TIMECODE_BASE / moment.rate.nominal, TIMECODE_BASE - 0.001)
    return f"{label[:-2]}{sixtieths:06.3f}"


class _Table:
    """The table of one actor."""

    def __init__(self, take: Path, actor: str) -> None:
        """Makes a file that must not be there yet; two actors of one name get two files."""
        self.path, self._file = _create(take.with_name(f"{take.stem}_{safe_name(actor, 'actor')}"))
        self._file.write(HEADER + "\n")
        self._last_ns = -1

    def add(self, capture_ns: int, moment: Timecode | None, face: Face) -> None:
        """Adds a row; time runs forward, and what has no time has no row."""
        if moment is None or capture_ns <= self._last_ns or face.state == "absent":
            return
        values = write_face(from_bytes(face.shapes, (-1,)), from_bytes(face.head, (4,)), from_bytes(face.gaze, (2, 2)))
        if not np.isfinite(values).all():
            return
        self._last_ns = capture_ns
        self._file.write(table_timecode(moment) + _ROW % tuple(values[_ORDER].tolist()))

    def close(self) -> None:
        self._file.close()

    def remove(self) -> None:
        try:
            self._file.close()
        except OSError:
            pass  # what could not be written is what is taken away
        self.path.unlink(missing_ok=True)


def _create(path: Path) -> tuple[Path, IO[str]]:
    number = 1
    while True:
        candidate = path.with_name(path.name + (f"_{number}" if number > 1 else "") + ".csv")
        try:
            descriptor = os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            return candidate, open(descriptor, "w", encoding="ascii", newline="\n")
        except FileExistsError:
            number += 1


def _faces(take: TakeReader, timecode: TimecodeClock) -> Iterator[tuple[str, int, Face]]:
    """The faces of a take as an output would send them: actor, time of capture, face."""
    sources: dict[str, FaceSource] = {}
    for entry in take.records("performance.", "face.", "timecode"):
        record = entry.decoded().record
        if isinstance(record, TimecodeSync):
            timecode.sync(record)
        elif isinstance(record, FacePerformance):
            sources.setdefault(record.actor, FaceSource()).heard_face(entry.received_ns)
            yield record.actor, record.capture_ns, record.face
        elif isinstance(record, Performance):
            body = sources.setdefault(record.actor, FaceSource()).heard_body(record, entry.received_ns)
            if body.face is not None:
                yield record.actor, record.capture_ns, body.face
