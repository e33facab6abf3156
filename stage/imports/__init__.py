"""Reads what others made into takes: BVH, C3D, TRC, and tables of the Live Link Face app.

A take of an import is one like any other: it is replayed into engines, exported and listed by the same commands.
"""

from __future__ import annotations

from stage.imports._gather import ImportOptions as ImportOptions
from stage.imports._gather import import_files as import_files
