"""Where Stage keeps what it has downloaded or computed once."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """`$STAGE_CACHE`, else `~/.cache/stage`; not created here."""
    configured = os.environ.get("STAGE_CACHE")
    return Path(configured) if configured else Path.home() / ".cache" / "stage"
