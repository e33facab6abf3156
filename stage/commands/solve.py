"""`stage solve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from stage.commands.options import ConfigPath, check_writable


def solve(config: ConfigPath, *, out: Annotated[Path, tyro.conf.arg(metavar="FILE.npz")]) -> int:
    """Solve all framesets of a stage's files, as fast as possible, into one result file.

    Args:
        config: The stage.toml.
        out: The result: joints, rotations, root, coco, confidence and more as arrays.
    """
    check_writable(out, "--out")
    from stage.config import load

    stage_config = load(config)
    from stage.offline import solve as solve_offline

    solve_offline(stage_config, out)
    return 0
