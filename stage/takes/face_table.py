"""The faces of a take as tables, one per actor, in the form of the Live Link Face app's recordings.

    Timecode,BlendShapeCount,EyeBlinkLeft,...,RightEyeRoll
    16:48:39:43.245,61,0.0000000000,...

Tools that read the app's recordings read these: the header and the order of its columns are the app's (right before
left at jaw and mouth, unlike in its packets), so is the timecode: the frames after the last colon count sixtieths of
its second, with thousandths of one, whatever the rate of the timecode is. The file's name is `<slate>_<take>_<actor>`.

A row is a face at the moment it was captured, at its own rate: those of a face camera where there is one and it works,
else those that came with the body. While there is no face there is no row: the app writes short rows then, and Unreal's
importer stops at the first.

Tables are written while the take is recorded, so that they are done when it ends, however long it was; the same comes
of the take file afterwards, byte for byte.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from protocols.arrays import from_bytes
from protocols.livelink import VALUES
from protocols.livelink_face import write_face
from protocols.messages import Face, FacePerformance, Performance, Record
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


class FaceTables:
    """The tables of one take, a file beside it for every actor that has a face."""

    def __init__(self, take: Path, section: TimecodeSection, epoch_ns: int) -> None:
        """Makes no file before there is a face.

        Args:
            take: The take file.
            section: The stage's timecode; where it comes from a machine, what is heard of that is followed.
            epoch_ns: Stage time of the stage's start.
        """
        self._take = take
        self._timecode = TimecodeClock(section, epoch_ns)
        # While a timecode machine has not spoken, the clock on the wall must do.
        self._wall = TimecodeClock(replace(section, source="day", offset="00:00:00:00"), epoch_ns)
        self._tables: dict[str, _Table] = {}
        self._sources: defaultdict[str, FaceSource] = defaultdict(FaceSource)

    @property
    def paths(self) -> list[Path]:
        """The files, by actor."""
        return [self._tables[actor].path for actor in sorted(self._tables)]

    def hear(self, record: Record, received_ns: int) -> None:
        """Takes what the recorder has received, in that order; faces become rows.

        Raises:
            RecordError: A table cannot be written.
        """
        if isinstance(record, TimecodeSync):
            self._timecode.sync(record)
        elif isinstance(record, FacePerformance):
            self._sources[record.actor].heard_face(received_ns)
            self._add(record.actor, record.capture_ns, record.face)
        elif isinstance(record, Performance):
            body = self._sources[record.actor].heard_body(record, received_ns)
            if body.face is not None:
                self._add(record.actor, record.capture_ns, body.face)

    def close(self) -> None:
        """Ends the tables.

        Raises:
            RecordError: One cannot be written.
        """
        with self._complaints():
            for table in self._tables.values():
                table.close()

    def remove(self) -> None:
        """Takes the files away."""
        for table in self._tables.values():
            table.remove()
        self._tables.clear()

    def _add(self, actor: str, capture_ns: int, face: Face) -> None:
        moment = self._timecode.at(capture_ns) or self._wall.at(capture_ns)
        with self._complaints():
            if actor not in self._tables:
                self._tables[actor] = _Table(self._take, actor)
            self._tables[actor].add(capture_ns, moment, face)

    @contextmanager
    def _complaints(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            name = self._take.stem
            raise RecordError(f"{name}: no table of faces: {error.strerror}; the take has them all") from error


def write_face_tables(take: TakeReader, section: TimecodeSection, epoch_ns: int) -> list[Path]:
    """Writes the tables of a take that has been recorded; memory stays as it is.

    Args:
        take: The take.
        section: The timecode of the stage that recorded it.
        epoch_ns: Stage time of that stage's start.

    Returns:
        The files, by actor.

    Raises:
        RecordError: A table cannot be written; none is left.
        TakeError: The take is damaged; none is left.
    """
    tables = FaceTables(take.path, section, epoch_ns)
    try:
        for entry in take.records("performance.", "face.", "timecode"):
            tables.hear(entry.decoded().record, entry.received_ns)
        tables.close()
    except BaseException:
        tables.remove()
        raise
    return tables.paths


def table_timecode(moment: Timecode) -> str:
    """The app's way to write a moment: HH:MM:SS:FF.sss, FF in sixtieths of the timecode's second."""
    label = moment.text.replace(";", ":")
    frame = int(label[-2:]) + moment.subframe
    # A thousandth that would round up to the next second is cut off.
    sixtieths = min(frame * TIMECODE_BASE / moment.rate.nominal, TIMECODE_BASE - 0.001)
    return f"{label[:-2]}{sixtieths:06.3f}"


def table_row(
    moment: Timecode, shapes: NDArray[np.floating], head: NDArray[np.floating], gaze: NDArray[np.floating]
) -> str:
    """One line of a table, with its end; "" for a face that holds what is no number.

    Args:
        moment: When it was captured.
        shapes: (52,).
        head: (4,) xyzw.
        gaze: (2, 2) radians, as `protocols.messages.Face`.
    """
    values = write_face(shapes, head, gaze)
    if not np.isfinite(values).all():
        return ""
    return table_timecode(moment) + _ROW % tuple(values[_ORDER].tolist())


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
        arrays = from_bytes(face.shapes, (-1,)), from_bytes(face.head, (4,)), from_bytes(face.gaze, (2, 2))
        if row := table_row(moment, *arrays):
            self._last_ns = capture_ns
            self._file.write(row)

    def close(self) -> None:
        self._file.flush()
        os.fdatasync(self._file.fileno())
        self._file.close()

    def remove(self) -> None:
        with suppress(OSError):  # what could not be written is what is taken away
            self._file.close()
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
