"""The modules of USD that are used here; they are compiled and untyped, so each is `Any`."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def _module(name: str) -> Any:
    return import_module(f"pxr.{name}")


Gf, Kind, Sdf, Tf, Usd = (_module(name) for name in ("Gf", "Kind", "Sdf", "Tf", "Usd"))
UsdGeom, UsdShade, UsdSkel, UsdUtils, Vt = (
    _module(name) for name in ("UsdGeom", "UsdShade", "UsdSkel", "UsdUtils", "Vt")
)
