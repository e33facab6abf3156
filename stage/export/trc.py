"""TRC: places of named points as a table, as OpenSim and motion-capture systems read it.

    PathFileType  4  (X/Y/Z)  scene_001_anna.trc
    DataRate  CameraRate  NumFrames  NumMarkers  Units  OrigDataRate  OrigDataStartFrame  OrigNumFrames
    30        30          1800       53          mm     30            1                   1800
    Frame#  Time  Root              pelvis ...
                  X1    Y1    Z1    X2     ...

    1       0.0   0.0   0.0   0.0   ...

Columns are parted by tabs. The points are the heads of the rig's bones, in millimetres and in OpenSim's axes: Y up, an
actor at rest faces +X. TRC knows no timecode and no confidence; while an actor is absent its last place is held.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from protocols.axes import OPENSIM_FROM_WORLD, AxisChange
from protocols.names import RIG_BONES
from stage.export._files import placed
from stage.export._pose import check_body
from stage.export._source import ExportOptions, ExportSource

TRC_FROM_WORLD = AxisChange((0, 1, 2), (1, 1, 1), 1000.0) @ OPENSIM_FROM_WORLD

_BLOCK = 4096


def write_trc(source: ExportSource, path: Path, options: ExportOptions) -> list[Path]:
    """Writes one actor.

    Args:
        source: The actor.
        path: A file that is not there.
        options: Whether it may replace one.

    Returns:
        The file.

    Raises:
        ExportError: The actor has no body, or the file is there or cannot be written.
    """
    check_body(source, "trc")
    count, rate = len(source), f"{source.hertz:.10g}"
    facts = {
        "DataRate": rate,
        "CameraRate": rate,
        "NumFrames": count,
        "NumMarkers": len(RIG_BONES),
        "Units": "mm",
        "OrigDataRate": rate,
        "OrigDataStartFrame": 1,
        "OrigNumFrames": count,
    }
    axes = [f"{axis}{number}" for number in range(1, len(RIG_BONES) + 1) for axis in "XYZ"]
    head = [
        ["PathFileType", "4", "(X/Y/Z)", path.name],
        list(facts),
        [str(value) for value in facts.values()],
        ["Frame#", "Time", *(cell for bone in RIG_BONES for cell in (bone, "", ""))],
        ["", "", *axes],
        [""],
    ]
    with placed(path, overwrite=options.overwrite) as unfinished, unfinished.open("x", newline="\n") as file:
        file.writelines("\t".join(row) + "\n" for row in head)
        for begin in range(0, count, _BLOCK):
            part = slice(begin, begin + _BLOCK)
            places = TRC_FROM_WORLD.positions(source.motion.joints[part].astype(np.float64))
            numbers = np.arange(begin + 1, begin + 1 + len(places))
            rows = np.column_stack([numbers, source.seconds[part], places.reshape(len(places), -1)])
            np.savetxt(file, rows, ["%d", "%.9f", *["%.5f"] * (3 * len(RIG_BONES))], "\t")
    return [path]
