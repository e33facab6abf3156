"""Points of C3D files, read without a library: nothing in the file is believed before it is checked.

    block 1     header: block of the parameters, point count, frames, scale, block of the data
    parameters  groups and their parameters, each with its length, name, type and dimensions
    data        per frame: x, y, z, residual of every point, then the analog samples

Numbers are float32 where the scale is negative, else int16 times the scale; in Intel's, DEC's or MIPS' order of bytes.
A residual below 0 says that the point was not seen. Vicon writes what it has reckoned (angles, forces, joint centres)
as further points; those that the file's own groups name are left out.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stage.errors import ForeignFileError
from stage.imports._imported import read_bytes

_BLOCK = 512
_KEY = 0x50
_INTEL, _DEC, _MIPS = 84, 85, 86
_MOST_POINTS, _MOST_VALUES = 10_000, 100_000_000
_COMPUTED = ("ANGLES", "FORCES", "MOMENTS", "POWERS", "SCALARS", "REACTIONS", "MODELED_MARKERS")
_METRES = {"mm": 0.001, "cm": 0.01, "m": 1.0, "in": 0.0254, "dm": 0.1}

Parameters = dict[str, dict[str, Any]]


class Recording(NamedTuple):
    """Points as the file has them, in metres and its own axes."""

    labels: tuple[str, ...]
    points: NDArray[np.float64]
    """(T, M, 3)."""
    seen: NDArray[np.bool_]
    """(T, M)."""
    rate: float
    up: str
    """"x", "y", "z", or "" where the file does not say."""
    told: tuple[str, ...] = ()
    timecode: str = ""
    """Label of the first frame, where the file has one."""
    timecode_rate: str = ""


@dataclass(frozen=True)
class _Form:
    """How numbers are written."""

    order: str
    dec: bool

    def floats(self, data: bytes) -> NDArray[np.float64]:
        if not self.dec:
            with np.errstate(invalid="ignore"):  # a damaged file may hold any kind of NaN
                return np.frombuffer(data, f"{self.order}f4").astype(np.float64)
        words = np.frombuffer(data, "<u2").reshape(-1, 2)  # the halves of a DEC number are swapped
        return (((words[:, 0].astype(np.uint32) << 16) | words[:, 1]).view(np.float32) / 4.0).astype(np.float64)

    def shorts(self, data: bytes) -> NDArray[np.int64]:
        return np.frombuffer(data, f"{self.order}i2").astype(np.int64)


def read_c3d(path: Path) -> Recording:
    """Reads the points of a C3D file.

    Raises:
        ForeignFileError: It is none, or says what cannot be.
    """
    data = read_bytes(path)
    if len(data) < 2 * _BLOCK or data[1] != _KEY:
        raise ForeignFileError(f"{path} is no C3D file: its second byte is not 0x50")
    begin = (max(1, data[0]) - 1) * _BLOCK
    if begin + 4 > len(data):
        raise ForeignFileError(f"{path}: its parameters would begin behind its end; is it complete?")
    form = {_INTEL: _Form("<", False), _DEC: _Form("<", True), _MIPS: _Form(">", False)}.get(data[begin + 3])
    if form is None:
        raise ForeignFileError(f"{path}: processor type {data[begin + 3]} is none of C3D (84, 85, 86); is it damaged?")
    try:
        parameters = _parameters(data[begin : begin + max(1, data[begin + 2]) * _BLOCK], form)
        return _recording(path, data, form, parameters)
    except (struct.error, ValueError, IndexError, KeyError, OverflowError) as error:
        raise ForeignFileError(f"{path}: its parameters are damaged ({error}); export it anew") from error


def _parameters(section: bytes, form: _Form) -> Parameters:
    names: dict[int, str] = {}
    found: dict[int, dict[str, Any]] = {}
    position, steps = 4, 0
    while position + 2 < len(section) and steps < 100_000:
        steps += 1
        length, group = struct.unpack_from("<bb", section, position)
        if length == 0 or group == 0:
            break
        name = section[position + 2 : position + 2 + abs(length)].decode("latin-1").strip().upper()
        at = position + 2 + abs(length)
        (offset,) = struct.unpack_from(f"{form.order}h", section, at)
        if group < 0:
            names[-group] = name
        else:
            found.setdefault(group, {})[name] = _value(section, at + 2, form)
        if offset <= 0:
            break
        position = at + offset
    return {names[group]: values for group, values in found.items() if group in names}


def _value(section: bytes, at: int, form: _Form) -> Any:
    kind, count = struct.unpack_from("<bB", section, at)
    if count > 7:
        raise ValueError(f"a parameter of {count} dimensions")
    sizes = list(section[at + 2 : at + 2 + count])
    total = int(np.prod(sizes, dtype=np.int64)) if sizes else 1
    width = abs(kind)
    raw = section[at + 2 + count : at + 2 + count + total * width]
    if width not in (1, 2, 4) or len(raw) < total * width:
        raise ValueError("a parameter that ends behind its section")
    if kind == -1:
        step = sizes[0] if sizes else 1
        text = raw.decode("latin-1")
        return [text[i : i + step].strip(" \0") for i in range(0, len(text), step)] if step else []
    if kind == 4:
        return form.floats(raw).tolist()
    return (form.shorts(raw) & 0xFFFF if kind == 2 else np.frombuffer(raw, np.uint8)).tolist()


def _recording(path: Path, data: bytes, form: _Form, parameters: Parameters) -> Recording:
    header = form.shorts(data[2:24]) & 0xFFFF  # words 2 to 12
    point = parameters.get("POINT", {})
    count, analog = int(header[0]), int(header[1])
    scale = float((point.get("SCALE") or form.floats(data[12:16]).tolist())[0])
    rate = float((point.get("RATE") or form.floats(data[20:24]).tolist())[0])
    first_block = int((point.get("DATA_START") or [0])[0]) or int(header[7])
    claimed = _frames(header, parameters)
    if not 0 < count <= _MOST_POINTS or not 0 < rate <= 20_000 or claimed < 1 or not np.isfinite(scale) or scale == 0:
        raise ForeignFileError(
            f"{path}: {count} points, {claimed} frames at {rate:g} Hz, scale {scale:g} cannot be; export it anew"
        )
    width = 4 if scale < 0 else 2
    per_frame = (4 * count + analog) * width
    begin = (first_block - 1) * _BLOCK
    there = (len(data) - begin) // per_frame if 0 < begin < len(data) else 0
    if there < claimed or claimed * (4 * count + analog) > _MOST_VALUES:
        raise ForeignFileError(f"{path} ends within frame {there + 1} of {claimed}; is it complete?")
    raw = data[begin : begin + claimed * per_frame]
    values = (form.floats(raw) if scale < 0 else form.shorts(raw).astype(np.float64)).reshape(claimed, -1)
    table = values[:, : 4 * count].reshape(claimed, count, 4)
    points = table[..., :3] * (1.0 if scale < 0 else scale)
    with np.errstate(invalid="ignore"):
        seen = np.isfinite(points).all(-1) & np.isfinite(table[..., 3]) & (table[..., 3] > -0.5)
    seen &= np.abs(np.where(seen[..., None], points, 0.0)).max(-1) < 1e6
    seen &= (np.where(seen[..., None], points, 0.0) != 0.0).any(-1)  # the origin stands for nothing in many files
    labels = _labels(point, count)
    kept, told = _measured(labels, point)
    unit = str((point.get("UNITS") or ["mm"])[0]).lower() or "mm"
    if unit not in _METRES:
        raise ForeignFileError(f"{path}: lengths in {unit!r}; known are {', '.join(_METRES)}")
    return Recording(
        tuple(labels[i] for i in kept),
        np.where(seen[:, kept, None], points[:, kept] * _METRES[unit], 0.0),
        seen[:, kept],
        rate,
        _up(point),
        told,
        _text(parameters, "STAGE", "TIMECODE"),
        _text(parameters, "STAGE", "TIMECODE_RATE"),
    )


def _frames(header: NDArray[np.int64], parameters: Parameters) -> int:
    """How many frames there are; the header counts to 65,535, longer files say it elsewhere."""
    point, trial = parameters.get("POINT", {}), parameters.get("TRIAL", {})
    first, last = (trial.get(f"ACTUAL_{edge}_FIELD") or [] for edge in ("START", "END"))
    if point.get("LONG_FRAMES"):
        return int(point["LONG_FRAMES"][0])
    if len(first) == len(last) == 2:
        return int(last[0] + (last[1] << 16) - first[0] - (first[1] << 16)) + 1
    return int(header[3]) - int(header[2]) + 1


def _text(parameters: Parameters, group: str, name: str) -> str:
    """A text that the stage's own exports have, "" in others."""
    value = parameters.get(group, {}).get(name) or [""]
    return str(value[0] if isinstance(value, list) else value)


def _labels(point: dict[str, Any], count: int) -> list[str]:
    labels: list[str] = []
    for number in range(1, count // 200 + 3):
        labels += point.get("LABELS" if number == 1 else f"LABELS{number}") or []
    labels = [label.rsplit(":", 1)[-1].strip() for label in labels[:count]]  # "Subject:LASI"
    return [label or f"*{number}" for number, label in enumerate([*labels, *[""] * (count - len(labels))])]


def _measured(labels: list[str], point: dict[str, Any]) -> tuple[list[int], tuple[str, ...]]:
    """Which points are measured, and not reckoned from others."""
    computed = {label for group in _COMPUTED for label in point.get(group) or []}
    kept = [number for number, label in enumerate(labels) if label not in computed]
    left = len(labels) - len(kept)
    return kept, (f"{left} points are angles, forces and the like: left out",) if left else ()


def _up(point: dict[str, Any]) -> str:
    """The axis that the file shows upwards on a screen."""
    text = str((point.get("Y_SCREEN") or [""])[0]).strip().lower()
    return text[-1] if text[-1:] in ("x", "y", "z") else ""
