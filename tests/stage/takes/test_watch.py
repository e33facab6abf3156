from __future__ import annotations

import time
from pathlib import Path

from protocols.takefile import TakeReader
from stage.takes.folder import create_take, unfinished_takes
from stage.takes.watch import FolderWatch
from tests.waiting import until


def test_it_sees_space_and_numbers(tmp_path: Path) -> None:
    create_take(tmp_path, "scene", 4, "test")[1].finish({})
    watch = FolderWatch(tmp_path, "scene")
    until(lambda: watch.free_bytes > 0)
    assert watch.fault == ""
    until(lambda: watch.last_number("scene") == 4)
    assert watch.last_number("other") == 0  # and from now on it looks after that one
    _, other = create_take(tmp_path, "other", 2, "test")
    watch.look()
    until(lambda: watch.last_number("other") == 2)
    other.close()
    watch.stop()
    watch.join(10.0)
    assert not watch.is_alive() and list(watch.news) == []
    watch.free_bytes = 1
    assert "MB free" in watch.fault


def crashed(folder: Path, number: int) -> Path:
    _, writer = create_take(folder, "scene", number, "test")
    writer.note("take", {"name": writer.path.stem})
    for count in range(50):
        writer.write("event.solve", "Event", b"x", 1 + count, 1 + count)
    writer.close_chunk()
    writer.close()
    return writer.path


def test_what_a_crash_has_left_is_mended_and_what_is_being_recorded_left_alone(tmp_path: Path) -> None:
    path = crashed(tmp_path, 1)
    _, running = create_take(tmp_path, "scene", 2, "test")
    growing = crashed(tmp_path, 3)  # on a disk without locks
    watch = FolderWatch(tmp_path, "scene", settled_s=0.2)

    def told() -> bool:
        with growing.open("ab") as file:
            file.write(b"\0")
        return len(watch.news) == 2

    until(told)
    assert "is being mended" in watch.news[0].text
    assert watch.news[1].text == (
        "scene_001.mcap mended: 50 records; as it was it is kept as scene_001.mcap.unfinished"
    )
    assert len(list(TakeReader(path).records())) == 50 and TakeReader(path).finished
    running.finish({})
    watch.stop()
    assert unfinished_takes(tmp_path) == [growing]


def test_what_is_no_take_is_told_and_stays(tmp_path: Path) -> None:
    (tmp_path / "scene_001.mcap").write_bytes(b"")
    watch = FolderWatch(tmp_path, "scene", settled_s=0.0)
    until(lambda: len(watch.news) == 2)
    assert "could not be mended" in watch.news[1].text and (tmp_path / "scene_001.mcap").read_bytes() == b""
    watch.stop()


def test_a_stage_that_ends_leaves_nothing_half_mended(tmp_path: Path) -> None:
    path = crashed(tmp_path, 1)
    before = path.read_bytes()
    watch = FolderWatch(tmp_path, "scene", settled_s=5.0)
    begin_s = time.monotonic()
    watch.stop()
    watch.join(5.0)
    assert time.monotonic() - begin_s < 2.0
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
