"""C3D: places of named points in binary, as biomechanics reads it (c3d.org).

The points are the heads of the rig's bones, in millimetres, in the stage's own axes: Z up (X_SCREEN +X, Y_SCREEN +Z).

    residual    0, which the format has for points that are modelled, not measured one by one; -1, invalid, where the
                actor was absent or lost, and its pose was only held
    EVENT       the marks of the take, in seconds since the first frame
    STAGE       TAKE, ACTOR, TIMECODE of the first frame, TIMECODE_RATE

A file counts frames in 16 bits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from protocols.names import RIG_BONES
from stage.errors import ExportError
from stage.export._files import placed
from stage.export._marks import marks
from stage.export._pose import check_body
from stage.export._source import ExportOptions, ExportSource

MAX_FRAMES = 65_534

_MM = 1000.0
_MAX_TEXT = 127
"""Characters of a text."""
_MAX_EVENTS = 255
_BLOCK_BYTES = 512
_DATA_AT = 16
"""Where in the header the block stands with which the points begin, from 1."""
_POINT_BYTES = 16


def write_c3d(source: ExportSource, path: Path, options: ExportOptions) -> list[Path]:
    """Writes one actor.

    Args:
        source: The actor.
        path: A file that is not there.
        options: Whether it may replace one.

    Returns:
        The file.

    Raises:
        ExportError: The actor has no body, the range is too long for a file, or it is there or cannot be written.
    """
    import ezc3d

    check_body(source, "c3d")
    count = len(source)
    if count > MAX_FRAMES:
        raise ExportError(
            f"{count} frames are more than a C3D file can count ({MAX_FRAMES}, {MAX_FRAMES / source.hertz / 60:.0f} "
            "minutes at this rate); export parts of the take, by --from and --to"
        )
    file = ezc3d.c3d()
    point = file["parameters"]["POINT"]
    point["RATE"]["value"] = [source.hertz]
    point["UNITS"]["value"] = ["mm"]
    point["LABELS"]["value"] = list(RIG_BONES)
    point["DESCRIPTIONS"]["value"] = [f"head of {bone}" for bone in RIG_BONES]
    file.add_parameter("POINT", "X_SCREEN", "+X")
    file.add_parameter("POINT", "Y_SCREEN", "+Z")
    places = np.ones((4, len(RIG_BONES), count))
    places[:3] = _MM * source.motion.joints.transpose(2, 1, 0)
    file["data"]["points"] = places
    residuals = np.zeros((1, len(RIG_BONES), count))
    residuals[..., source.motion.state != "tracking"] = -1.0
    masks = np.zeros((7, len(RIG_BONES), count), np.bool_)
    file["data"]["meta_points"] = {"residuals": residuals, "camera_masks": masks}
    for name, text in _facts(source).items():
        file.add_parameter("STAGE", name, text[:_MAX_TEXT])
    _add_events(file, source)
    with placed(path, overwrite=options.overwrite) as unfinished:
        try:
            file.write(str(unfinished))
        except RuntimeError as error:  # all that the library raises
            raise ExportError(f"{path} cannot be written: {error}") from error
        _check_whole(unfinished, path, count)
    return [path]


def _check_whole(written: Path, path: Path, count: int) -> None:
    """The library says nothing of a full disk.

    Raises:
        ExportError: The file is shorter than what it should hold.
    """
    data = written.read_bytes()
    blocks = int.from_bytes(data[_DATA_AT : _DATA_AT + 2], "little") - 1
    if blocks < 1 or len(data) < blocks * _BLOCK_BYTES + count * len(RIG_BONES) * _POINT_BYTES:
        raise ExportError(f"{path} cannot be written: only {len(data)} bytes of it; is the disk full?")


def _facts(source: ExportSource) -> dict[str, str]:
    timecode = source.timecode_at(0)
    rate = "" if timecode is None else timecode.rate.text
    return {"TAKE": source.name, "ACTOR": source.actor, "TIMECODE": source.start_timecode, "TIMECODE_RATE": rate}


def _add_events(file: Any, source: ExportSource) -> None:
    first_ns, last_ns = (int(source.times_ns[edge]) for edge in (0, -1))
    found = marks(source.take, first_ns, last_ns)[:_MAX_EVENTS]
    file.add_parameter("EVENT", "USED", [len(found)])
    if not found:
        return
    seconds = np.array([(mark.at_ns - first_ns) * 1e-9 for mark in found])
    file.add_parameter("EVENT", "CONTEXTS", ["General"] * len(found))
    file.add_parameter("EVENT", "LABELS", [mark.text[:_MAX_TEXT] or "mark" for mark in found])
    file.add_parameter("EVENT", "TIMES", np.stack([seconds // 60.0, seconds % 60.0]))
