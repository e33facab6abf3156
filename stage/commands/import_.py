"""`stage import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from stage.commands.options import Actors, OptionalFile
from stage.errors import StageError

Files = Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FILE ...", help_behavior_hint="")]


def import_(
    files: Files,
    *,
    out: OptionalFile = None,
    slate: Annotated[str, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = "",
    actor: Actors = (),
    config: OptionalFile = None,
    timecode: Annotated[str, tyro.conf.arg(metavar="HH:MM:SS:FF", help_behavior_hint="")] = "",
    timecode_rate: Annotated[str, tyro.conf.arg(metavar="FPS", help_behavior_hint="")] = "",
    units: Literal["guess", "m", "cm", "mm", "inch"] = "guess",
    up: Literal["guess", "y", "z"] = "guess",
    angles: Literal["guess", "radians", "degrees"] = "guess",
) -> int:
    """Make a take of motion that others recorded: BVH, C3D, TRC, or tables of the Live Link Face app (CSV).

    Args:
        files: Several become one take: a file for each actor, or a body and a face of one.
        out: The take, NAME.mcap; otherwise the next take of the slate.
        slate: The take's slate.
        actor: Whose motion it is: one for each file, or one for all; otherwise by the files' names.
        config: The stage.toml whose take it becomes: bodies of its actors, timecode, folder of takes.
        timecode: Of the first frame, for files that have none.
        timecode_rate: Frames per second of the timecode, such as 29.97df; otherwise what fits the files.
        units: Of lengths in a BVH file; otherwise by the skeleton's height.
        up: The vertical axis of C3D and TRC; otherwise as the file says, else z for C3D and y for TRC.
        angles: Of head and eyes in a CSV file; otherwise by how far they turn.
    """
    if len(files) == 0:
        raise StageError("no file to import; name .bvh, .c3d, .trc or .csv files")
    from stage.config import load
    from stage.imports import ImportOptions, import_files

    import_files(
        files,
        out=out,
        slate=slate,
        config=None if config is None else load(config),
        options=ImportOptions(actor, timecode, timecode_rate, units, up, angles),
    )
    return 0
