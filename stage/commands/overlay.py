"""`stage overlay`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from stage.commands.options import ConfigPath, Switch
from stage.errors import StageError


def overlay(
    config: ConfigPath,
    result: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE.npz")],
    *,
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")],
    style: Literal["mesh", "skeleton"] = "mesh",
    every: int = 1,
    as_video: Switch = False,
) -> int:
    """Draw the solved body, hands and face over the video they were solved from.

    Args:
        config: The stage.toml.
        result: What `stage solve` wrote.
        out: Folder for the pictures, DIR/CAMERA/FRAME.png; a name ending in .mp4 makes one video of all cameras.
        style: What is drawn.
        every: Draw only every n-th frame.
        as_video: One MP4 per camera in the folder instead of pictures.
    """
    if every < 1:
        raise StageError(f"--every {every} draws nothing; 1 draws every frame")
    from stage.config import load

    stage_config = load(config)
    from stage.overlay import overlay as draw_overlay

    draw_overlay(stage_config, result, out, style=style, every=every, as_video=as_video)
    return 0
