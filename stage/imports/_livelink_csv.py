"""Tables of faces by the Live Link Face app, by the stage, or by Unreal.

    Timecode,BlendShapeCount,EyeBlinkLeft,...,RightEyeRoll       the app, and `stage.takes.face_table`
    16:48:39:43.245,61,0.0000000000,...

Columns are found by their names, for their order differs between writers. The frames of the timecode count sixtieths
of a second; a column FrameRate, which Unreal writes, says otherwise. A row without values is a moment without a face.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.livelink import VALUES
from protocols.livelink_face import read_face
from protocols.names import ARKIT_SHAPES
from stage.errors import ForeignFileError
from stage.imports._imported import Imported, read_text
from stage.imports._motions import without_body
from stage.takes.face_table import TIMECODE_BASE

Angles = Literal["guess", "radians", "degrees"]

_TIMECODE = re.compile(r"\s*(\d{1,2}):([0-5]?\d):([0-5]?\d)[:;](\d{1,3}(?:\.\d{1,9})?)\s*", re.ASCII)
_VALUE_OF = {name.lower(): index for index, name in enumerate(VALUES)}
_SHAPES = len(ARKIT_SHAPES)
_RATE = "60"
"""Of the take: in it every row begins where its text says."""
_DAY_NS = 24 * 3600 * 1_000_000_000
_MOST_ROWS = 5_000_000
_TURN_RAD = 3.3
"""No head or eye turns so far: larger angles are degrees."""


class _Columns(NamedTuple):
    width: int
    timecode: int
    frame_rate: int
    """-1: there is none."""
    values: tuple[int, ...]
    """Columns of values."""
    places: tuple[int, ...]
    """Where they go in `VALUES`."""


def is_face_table(head: str) -> bool:
    """Whether a text begins as such a table."""
    names = {name.strip().lower() for name in head.partition("\n")[0].split(",")}
    return "timecode" in names and not names.isdisjoint(_VALUE_OF)


def read_livelink_csv(path: Path, angles: Angles = "guess") -> Imported:
    """Reads a table of faces.

    Args:
        path: The file.
        angles: Unit of its head and eye angles.

    Raises:
        ForeignFileError: It is no such table, or a row cannot be understood.
    """
    lines = read_text(path).splitlines()
    if len(lines) > _MOST_ROWS:
        raise ForeignFileError(f"{path} has {len(lines)} lines; up to {_MOST_ROWS} are read, cut it")
    columns = _columns(path, lines[0] if lines else "")
    times, rows, lost, skipped = [], [], [], 0
    last_ns = -1
    for clock_ns, values in _rows(path, lines, columns):
        # Half a day back is midnight; a row that does not go on in time says nothing.
        days = max(0, -((clock_ns - last_ns + _DAY_NS // 2) // _DAY_NS))
        time_ns = clock_ns + days * _DAY_NS
        if time_ns <= last_ns:
            skipped += 1
            continue
        last_ns = time_ns
        if values is None:
            lost.append(time_ns)
        else:
            times.append(time_ns)
            rows.append(values)
    if len(times) == 0:
        raise ForeignFileError(f"{path} has no row with a face")
    table = np.zeros((len(rows), len(VALUES)))
    table[:, columns.places] = rows
    told = _told(columns, len(lost), skipped)
    table[:, _SHAPES:], guess = _radians(path, table[:, _SHAPES:], angles)
    faces = [read_face(row) for row in table]
    begin_ns = min(times[0], *lost[:1]) if lost else times[0]
    face_ns = np.array(times, np.int64) - begin_ns
    motion = without_body(
        face_ns,
        np.stack([face.shapes for face in faces]),
        np.stack([face.head for face in faces]),
        np.stack([face.gaze for face in faces]),
    )
    rate = 1e9 / float(np.median(np.diff(face_ns))) if len(face_ns) > 1 else 60.0
    lost_ns = np.array(lost, np.int64) - begin_ns
    return Imported(
        path, "csv", rate, motion, lost_ns=lost_ns, begin_ns=begin_ns, timecode_rate=_RATE, told=(*told, *guess)
    )


def _columns(path: Path, header: str) -> _Columns:
    names = [name.strip().strip('"').lower() for name in header.split(",")]
    if not is_face_table(header):
        raise ForeignFileError(
            f"{path} is no table of the Live Link Face app: its first line has no column Timecode with "
            f"EyeBlinkLeft and the like; it begins {header[:60]!r}"
        )
    found = {name: column for column, name in reversed(list(enumerate(names)))}
    known = [name for name in _VALUE_OF if name in found]
    rate = found.get("framerate", found.get("frame rate", -1))
    return _Columns(
        len(names),
        found["timecode"],
        rate,
        tuple(found[name] for name in known),
        tuple(_VALUE_OF[name] for name in known),
    )


def _rows(path: Path, lines: list[str], columns: _Columns) -> Iterator[tuple[int, NDArray[np.float64] | None]]:
    """Time since midnight and values, None where there is no face, of every line."""
    for number, line in enumerate(lines[1:], 2):
        if not line.strip(", \t"):
            continue
        fields = line.split(",")
        if len(fields) < columns.width and number == len(lines) and len(fields) > 2:
            return  # a file that was cut ends within a row
        time_ns = _time_ns(path, number, fields, columns)
        if len(fields) <= 2 or not any(field.strip() for field in fields[2:]):
            yield time_ns, None
            continue
        if len(fields) != columns.width:
            raise ForeignFileError(
                f"{path}, line {number}: {len(fields)} fields, its first line has {columns.width}; mend or remove it"
            )
        try:
            values = np.array([float(fields[column]) for column in columns.values])
        except ValueError:
            raise ForeignFileError(f"{path}, line {number}: a value that is no number; mend or remove it") from None
        if not np.isfinite(values).all() or np.abs(values).max() > 1e6:
            raise ForeignFileError(f"{path}, line {number}: a value that cannot be; mend or remove it")
        yield time_ns, values


def _time_ns(path: Path, number: int, fields: list[str], columns: _Columns) -> int:
    text = fields[columns.timecode] if columns.timecode < len(fields) else ""
    found = _TIMECODE.fullmatch(text.strip('"'))
    if found is None:
        raise ForeignFileError(
            f"{path}, line {number}: {text[:30]!r} is no timecode HH:MM:SS:FF.sss; mend or remove it"
        )
    base = float(TIMECODE_BASE)
    if 0 <= columns.frame_rate < len(fields):
        try:
            base = float(np.ceil(float(fields[columns.frame_rate]) - 1e-6))
        except (ValueError, OverflowError):
            base = 0.0
        if not 1.0 <= base <= 1000.0:
            raise ForeignFileError(f"{path}, line {number}: a frame rate that is none; mend or remove it")
    hour, minute, second = (int(found[group]) for group in (1, 2, 3))
    frame = float(found[4])
    if hour > 23 or frame >= base:
        raise ForeignFileError(
            f"{path}, line {number}: no timecode {text.strip()}: up to 23:59:59, and frames below {base:g}"
        )
    return (60 * (60 * hour + minute) + second) * 1_000_000_000 + round(frame / base * 1e9)


def _radians(path: Path, angles: NDArray[np.float64], unit: Angles) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    largest = float(np.abs(angles).max())
    told: tuple[str, ...] = ()
    if unit == "guess":
        unit = "degrees" if largest > _TURN_RAD else "radians"
        if unit == "degrees":
            told = (f"its angles reach {largest:.0f}: taken for degrees (--angles radians says otherwise)",)
    if unit == "radians":
        if largest > 100.0:
            raise ForeignFileError(f"{path}: angles up to {largest:.0f} are no radians; say --angles degrees")
        return angles, told
    return np.radians(angles), told


def _told(columns: _Columns, lost: int, skipped: int) -> tuple[str, ...]:
    told = []
    missing = [name for index, name in enumerate(VALUES) if index not in columns.places]
    if missing:
        told.append(f"it has no {', '.join(missing[:6])}{' ...' if len(missing) > 6 else ''}: taken as 0")
    if lost:
        told.append(f"{lost} rows without a face")
    if skipped:
        told.append(f"{skipped} rows whose timecode does not go on were left out")
    return tuple(told)
