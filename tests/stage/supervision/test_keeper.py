from __future__ import annotations

import os

import pytest

from stage.supervision.keeper import MAX_PATIENCE, patience


@pytest.mark.parametrize(("load_per_core", "expected"), [(0.1, 1.0), (1.0, 1.0), (2.5, 2.5), (60.0, MAX_PATIENCE)])
def test_patience_grows_with_the_load(monkeypatch: pytest.MonkeyPatch, load_per_core: float, expected: float) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load_per_core * (os.cpu_count() or 1), 0.0, 0.0))
    assert patience() == expected
