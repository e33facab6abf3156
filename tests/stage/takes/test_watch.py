from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from stage.takes.folder import create_take
from stage.takes.watch import FolderWatch


def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.002)


def test_it_sees_space_numbers_and_what_a_crash_has_left(tmp_path: Path) -> None:
    _, crashed = create_take(tmp_path, "scene", 4, "test")
    crashed.close()
    watch = FolderWatch(tmp_path, "scene")
    until(lambda: watch.unfinished is not None and watch.free_bytes > 0)
    assert watch.unfinished == [tmp_path / "scene_004.mcap"]
    until(lambda: watch.last_number("scene") == 4)
    assert watch.last_number("other") == 0  # and from now on it looks after that one
    _, other = create_take(tmp_path, "other", 2, "test")
    watch.look()
    until(lambda: watch.last_number("other") == 2)
    other.close()
    watch.stop()
    watch.join(10.0)
    assert not watch.is_alive()
