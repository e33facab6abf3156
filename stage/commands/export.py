"""`stage export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from stage.commands.options import Actors, From, Switch, TakePath, To, Track

OptionalPath = Annotated[Path | None, tyro.conf.arg(metavar="FILE|DIR", help_behavior_hint="")]


def export(
    take: TakePath,
    *,
    format: Annotated[str, tyro.conf.arg(metavar="glb|bvh|usd|trc|c3d|csv|npz|mp4")],
    out: OptionalPath = None,
    actor: Actors = (),
    track: Track = "",
    rate: Annotated[str, tyro.conf.arg(metavar="FPS", help_behavior_hint="")] = "",
    begin: From = "",
    to: To = "",
    style: Annotated[str, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = "",
    overwrite: Switch = False,
) -> int:
    """Hand a take over to other programs, resampled to whole frames of its timecode.

    Args:
        take: The take, or a track of it: a file, or its name in the folder where takes go.
        format: What to make; docs/export.md says what opens it, in which axes and units.
        out: The file, or a folder for the files; otherwise beside the take, named after take and actor.
        actor: Only these; otherwise all, each in a file of its own, or all in one where the format holds a scene.
        track: Another solve of the take.
        rate: Frames per second, such as 24 or 29.97; otherwise the stage's, or its timecode's.
        begin: First moment: seconds since the take's begin, or a timecode of it.
        to: Last moment, likewise.
        style: Of bvh its names and rest pose: rig, mixamo or manny; of mp4 what is drawn: mesh or skeleton.
        overwrite: Allow a file of the same name to be replaced.
    """
    from stage.export.run import run_export
    from stage.takes.find import find_take

    return run_export(
        find_take(take),
        format,
        out,
        actors=actor,
        track=track,
        rate=rate,
        begin=begin,
        end=to,
        style=style,
        overwrite=overwrite,
    )
