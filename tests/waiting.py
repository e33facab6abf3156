"""Waiting in tests: for a condition, never for a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PATIENCE_S = 20.0


def until(condition: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
    """Returns as soon as the condition holds; fails when it does not in time."""
    deadline_s = time.monotonic() + timeout_s
    pause = threading.Event()  # a test may have replaced `time.sleep`
    while not condition():
        assert time.monotonic() < deadline_s, "it did not happen"
        pause.wait(0.002)
