"""CSV: the face as the Live Link Face app records it; MetaHuman Animator, Unreal's importer and others read it.

The header, the order of the columns and the timecode are the app's; see `stage.takes.face_table`, whose tables stand
beside every take. This one is resampled to frames of a chosen rate. Where there was no face there is no row.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from protocols.timecode import FrameRate, Timecode
from stage.errors import ExportError
from stage.export._files import placed
from stage.export._source import ExportOptions, ExportSource
from stage.takes.face_table import HEADER, table_row

_COUNTED = FrameRate(60, 1)
"""Of a take without a timecode: counted from its first frame."""


def write_csv(source: ExportSource, path: Path, options: ExportOptions) -> list[Path]:
    """Writes the faces of an actor.

    Args:
        source: The actor.
        path: A file that is not there.
        options: Whether it may replace one.

    Returns:
        The file.

    Raises:
        ExportError: There is no face, or the file is there or cannot be written.
    """
    motion = source.motion
    if len(motion.face_ns) == 0:
        raise ExportError(
            f"{source.take.path}: of {source.actor} there is no face, and csv holds faces; glb, usd, bvh and npz hold "
            "bodies"
        )
    with placed(path, overwrite=options.overwrite) as unfinished:
        with unfinished.open("w", encoding="ascii", newline="\n") as file:
            file.write(HEADER + "\n")
            for frame in np.flatnonzero(source.face_present).tolist():
                moment = source.timecode_at(frame)
                if moment is None:
                    moment = Timecode.at(int(source.times_ns[frame] - source.times_ns[0]), _COUNTED)
                file.write(table_row(moment, motion.shapes[frame], motion.head[frame], motion.gaze[frame]))
    return [path]
