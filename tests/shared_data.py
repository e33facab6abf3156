"""Real recordings for tests: outside the project, never copied into it, so a test skips where they are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared_data(name: str) -> Path:
    """Folder or file `name` of the shared recordings; skips the calling test where it is missing.

    Args:
        name: Path below the shared data, such as "pose2sim_balancing".
    """
    path = SHARED_DATA / name
    if not path.exists():
        pytest.skip(f"the shared recording {name} is not on this machine")
    return path
