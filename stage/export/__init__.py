"""Hands takes over to animators, in the formats they use.

A format is a function `write_<name>(source, path, options) -> list[Path]` in a module of its name. It gets the
`ExportSource` of one actor, or, where it holds a scene, those of all; makes the file by `placed`; and returns what it
has made. Its module is imported when it is asked for, so that each needs only its own packages.
"""

from __future__ import annotations

from stage.export._files import check_new as check_new
from stage.export._files import free_name as free_name
from stage.export._files import placed as placed
from stage.export._formats import Format as Format
from stage.export._gather import Wanted as Wanted
from stage.export._gather import gather as gather
from stage.export._source import ExportOptions as ExportOptions
from stage.export._source import ExportSource as ExportSource

FORMATS = {
    entry.name: entry
    for entry in (
        Format("glb", ".glb", "stage.export.glb", scene=True),
        Format("bvh", ".bvh", "stage.export.bvh", styles=("rig", "mixamo", "manny")),
        Format("trc", ".trc", "stage.export.trc"),
        Format("c3d", ".c3d", "stage.export.c3d", package="ezc3d"),
        Format("usd", ".usdc", "stage.export.usd", scene=True, package="pxr", also=(".usd", ".usda", ".usdz")),
        Format("csv", ".csv", "stage.export.csv"),
        Format("npz", ".npz", "stage.export.npz"),
        Format("mp4", ".mp4", "stage.export.mp4", scene=True, styles=("mesh", "skeleton")),
    )
}
"""By name, as `stage export --format` takes them."""
