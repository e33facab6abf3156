"""What USD itself makes of a USD file: its checks, and its own skinning."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from stage.export._pxr import Gf, Usd, UsdGeom, UsdSkel

UsdValidation: Any = import_module("pxr.UsdValidation")


def usd_issues(path: Path) -> int:
    """How many complaints all validators of usdchecker have."""
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    return len(UsdValidation.ValidationContext(validators).Validate(Usd.Stage.Open(str(path))))


def usd_vertices(path: Path, frames: Sequence[int]) -> list[np.ndarray]:
    """Vertices (V, 3) of the first actor's mesh, skinned by USD, of some frames."""
    stage = Usd.Stage.Open(Usd.Stage.Open(str(path)).Flatten())
    root = next(UsdSkel.Root(prim) for prim in stage.Traverse() if prim.IsA(UsdSkel.Root))
    mesh = UsdGeom.Mesh(root.GetPrim().GetChild("Body"))
    if not UsdSkel.BakeSkinning(root, Gf.Interval(min(frames), max(frames))):
        raise ValueError(f"{path}: USD cannot skin it")
    return [np.array(mesh.GetPointsAttr().Get(frame)) for frame in frames]
