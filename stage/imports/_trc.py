"""TRC files: markers as text, the form of OpenSim and many marker systems.

    PathFileType  4  (X/Y/Z)  name.trc
    DataRate  CameraRate  NumFrames  NumMarkers  Units  OrigDataRate  OrigDataStartFrame  OrigNumFrames
    100       100         300        41          mm     100           1                   300
    Frame#  Time  LASI              RASI ...
                  X1   Y1   Z1      X2 ...
    1       0.0   120.1  950.2  33.0 ...

Fields are separated by tabs; an empty field, or NaN, is a marker that was not seen. OpenSim has Y up.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stage.errors import ForeignFileError
from stage.imports._c3d import Recording
from stage.imports._imported import read_text

_METRES = {"mm": 0.001, "cm": 0.01, "m": 1.0, "in": 0.0254, "inches": 0.0254}
_MOST_MARKERS, _MOST_VALUES = 10_000, 50_000_000


def is_trc(head: str) -> bool:
    """Whether a text begins as a TRC file."""
    return head.lstrip().startswith("PathFileType")


def read_trc(path: Path) -> Recording:
    """Reads a TRC file.

    Raises:
        ForeignFileError: It is none, or a line cannot be understood.
    """
    lines = read_text(path).splitlines()
    if len(lines) < 6 or not is_trc(lines[0]):
        raise ForeignFileError(f"{path} is no TRC file: its first line begins PathFileType, and five more follow")
    facts = dict(zip(lines[1].lower().split(), lines[2].split(), strict=False))
    unit = facts.get("units", "mm").lower()
    try:
        rate = float(facts.get("datarate", facts.get("camerarate", "")))
    except ValueError:
        rate = 0.0
    if unit not in _METRES or not 0.0 < rate <= 20_000.0:
        raise ForeignFileError(f"{path}, line 3: units {unit!r} and a rate of {rate:g} Hz are none; mend its head")
    fields = [name.strip() for name in lines[3].rstrip().split("\t")]
    labels = [name.rsplit(":", 1)[-1] for name in fields[2:] if name]
    if not fields or not fields[0].lower().startswith("frame") or not 0 < len(labels) <= _MOST_MARKERS:
        raise ForeignFileError(f"{path}, line 4: no names of markers behind Frame# and Time")
    rows = [(number, line) for number, line in enumerate(lines[5:], 6) if line.strip()]
    if not rows or len(rows) * len(labels) * 3 > _MOST_VALUES:
        raise ForeignFileError(f"{path}: {len(rows)} frames of {len(labels)} markers cannot be read; cut it")
    table = np.stack([_row(path, number, line, 3 * len(labels)) for number, line in rows])
    points = table.reshape(len(rows), len(labels), 3)
    seen = np.isfinite(points).all(-1) & (np.abs(np.nan_to_num(points)).max(-1) < 1e6)
    points = np.where(seen[..., None], points, 0.0) * _METRES[unit]
    claimed = facts.get("numframes", "")
    told = (f"it says {claimed} frames and has {len(rows)}",) if claimed not in ("", str(len(rows))) else ()
    return Recording(tuple(labels), points, seen & (points != 0.0).any(-1), rate, "", told)


def _row(path: Path, number: int, line: str, wanted: int) -> np.ndarray:
    fields = line.rstrip("\r\n").split("\t")
    if len(fields) == 1:
        fields = line.split()
    fields = fields[2 : 2 + wanted]
    fields += [""] * (wanted - len(fields))  # trailing gaps are often left out
    try:
        return np.array([float(field) if field.strip() else np.nan for field in fields])
    except ValueError:
        raise ForeignFileError(f"{path}, line {number}: a value that is no number; mend or remove it") from None
