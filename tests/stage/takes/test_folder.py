from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from protocols.show import MAX_TAKE
from stage.errors import RecordError
from stage.takes import folder as folder_module
from stage.takes.folder import MIN_FREE_BYTES, check_space, create_take, free_bytes, last_number, unfinished_takes


def test_numbers_go_on_from_the_files_and_nothing_is_overwritten(tmp_path: Path) -> None:
    takes = tmp_path / "deep" / "takes"
    assert last_number(takes, "scene") == 0 and unfinished_takes(takes) == []
    made = []
    for wish in (0, 0, 1, 7, 7, 0):
        number, writer = create_take(takes, "scene", wish, "test")
        writer.finish({})
        made.append(number)
    assert made == [1, 2, 3, 7, 8, 9]
    assert last_number(takes, "scene") == 9 and last_number(takes, "other") == 0
    (takes / "scene_012_anna.csv").touch()  # what is left of a take that was moved away
    number, writer = create_take(takes, "scene", 12, "test")
    writer.close()
    assert number == 13


def test_two_recorders_of_one_folder_share_the_numbers(tmp_path: Path) -> None:
    made: list[int] = []

    def record() -> None:
        for _ in range(10):
            number, writer = create_take(tmp_path, "scene", 0, "test")
            writer.finish({})
            made.append(number)

    threads = [threading.Thread(target=record) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == len(set(made)) == len(list(tmp_path.iterdir())) == 30


def test_a_take_that_is_being_written_is_not_taken_for_a_crash(tmp_path: Path) -> None:
    _, writer = create_take(tmp_path, "scene", 0, "test")
    assert unfinished_takes(tmp_path) == []
    writer.close()
    assert unfinished_takes(tmp_path) == [tmp_path / "scene_001.mcap"]
    _, finished = create_take(tmp_path, "scene", 0, "test")
    finished.finish({})
    (tmp_path / "empty_001.mcap").touch()
    assert [path.name for path in unfinished_takes(tmp_path)] == ["empty_001.mcap", "scene_001.mcap"]


def test_a_disk_without_locks_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    _, writer = create_take(tmp_path, "scene", 0, "test")
    writer.close()
    assert unfinished_takes(tmp_path) == [tmp_path / "scene_001.mcap"]


def test_numbers_end(tmp_path: Path) -> None:
    number, writer = create_take(tmp_path, "scene", MAX_TAKE, "test")
    writer.close()
    assert number == MAX_TAKE
    with pytest.raises(RecordError, match="another slate"):
        create_take(tmp_path, "scene", 0, "test")


def test_free_space_is_that_of_the_folder_or_of_where_it_will_be(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "a" / "b") > 0
    check_space(-1, tmp_path)
    check_space(MIN_FREE_BYTES, tmp_path)
    with pytest.raises(RecordError, match=r"150 MB free.*record\.folder"):
        check_space(150_000_000, tmp_path)


def test_a_folder_that_cannot_be_is_a_typed_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match=r"record\.folder"):
        create_take(tmp_path / "file", "scene", 0, "test")
    with pytest.raises(RecordError, match=r"record\.folder"):
        create_take(tmp_path / "file" / "takes", "scene", 0, "test")

    def refuse(_path: str) -> list[str]:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(folder_module.os, "listdir", refuse)
    with pytest.raises(RecordError, match="Permission denied"):
        create_take(tmp_path, "scene", 0, "test")
    assert last_number(tmp_path, "scene") == 0
