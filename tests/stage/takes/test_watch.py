from __future__ import annotations

from pathlib import Path

from stage.news import News
from stage.takes.folder import create_take
from stage.takes.watch import FolderWatch, crash_report
from tests.waiting import until


def test_it_sees_space_numbers_and_what_a_crash_has_left(tmp_path: Path) -> None:
    _, crashed = create_take(tmp_path, "scene", 4, "test")
    crashed.close()
    watch = FolderWatch(tmp_path, "scene")
    until(lambda: watch.free_bytes > 0)
    assert list(watch.news) == [News("warning", crash_report([tmp_path / "scene_004.mcap"]))] and watch.fault == ""
    until(lambda: watch.last_number("scene") == 4)
    assert watch.last_number("other") == 0  # and from now on it looks after that one
    _, other = create_take(tmp_path, "other", 2, "test")
    watch.look()
    until(lambda: watch.last_number("other") == 2)
    other.close()
    watch.stop()
    watch.join(10.0)
    assert not watch.is_alive()
    watch.free_bytes = 1
    assert "MB free" in watch.fault


def test_a_crash_report_is_one_line_however_many_there_are() -> None:
    report = crash_report([Path(f"/takes/scene_{n:03d}.mcap") for n in range(50)])
    assert "scene_004.mcap and 45 more" in report and "scene_005" not in report and "\n" not in report
    assert crash_report([]) == ""
