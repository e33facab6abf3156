from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from protocols.errors import TakeError
from protocols.takefile import TakeReader, TakeRecord, TakeWriter, verify
from stage.takes.contents import recorded_config
from stage.takes.face_table import write_face_tables
from stage.takes.folder import last_number, unfinished_takes
from stage.takes.recover import recover
from stage.takes.tracks import tracks_of
from tests.stage.takes.managed_take import managed_take
from tests.stage.takes.small_take import a_face, a_performance, write_take


def whole_records(path: Path) -> list[TakeRecord]:
    return list(TakeReader(path).records())


def test_an_unfinished_take_becomes_a_finished_one_with_all_its_records(tmp_path: Path) -> None:
    path = managed_take(tmp_path, finish=False)
    with path.open("ab") as file:
        file.write(struct.pack("<BQ", 6, 1000) + b"half a chunk")
    before, bytes_before = whole_records(path), path.read_bytes()
    mended = recover(path)
    assert mended is not None and mended.records == len(before) > 0 and mended.losses == []
    assert whole_records(path) == before and verify(path) == (True, len(before), 0, "")
    take = TakeReader(path)
    assert take.finished and "not ended by its recorder" in take.facts["end"]["fault"]
    assert take.facts["take"]["slate"] == "scene" and "config.json" in take.attachments
    assert float(take.facts["end"]["seconds"]) == pytest.approx(10.0, abs=0.1)
    assert mended.original.name == "scene_001.mcap.unfinished" and mended.original.read_bytes() == bytes_before
    assert unfinished_takes(tmp_path) == [] and tracks_of(path) == [] and last_number(tmp_path, "scene") == 1
    assert recover(path) is None


def test_a_damaged_take_gives_all_that_is_whole_and_says_what_is_not(tmp_path: Path) -> None:
    path = managed_take(tmp_path)
    before = whole_records(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    found = verify(path)
    assert "damaged at byte" in found.fault and 0 < found.records < len(before)
    mended = recover(path)
    assert mended is not None and found.records < mended.records < len(before) and len(mended.losses) == 2
    after = whole_records(path)
    assert [record for record in before if record in after] == after and verify(path).fault == ""
    assert "damaged at byte" in TakeReader(path).facts["end"]["fault"]
    assert mended.original.read_bytes() == bytes(data)


def test_a_take_that_is_being_recorded_is_left_alone(tmp_path: Path) -> None:
    writer = TakeWriter(tmp_path / "scene_001.mcap")
    with pytest.raises(TakeError, match="being recorded"):
        recover(writer.path)
    writer.finish({})
    assert [path.name for path in tmp_path.iterdir()] == ["scene_001.mcap"]


@pytest.mark.parametrize("content", [b"", b"no take", bytes(100)])
def test_what_is_no_take_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "scene_001.mcap"
    path.write_bytes(content)
    with pytest.raises(TakeError):
        recover(path)
    assert path.read_bytes() == content and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("when", ["full", "stopped"])
def test_what_fails_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    path = managed_take(tmp_path, finish=False)
    before = path.read_bytes()

    def fail(*_: object) -> int:
        raise OSError(28, os.strerror(28)) if when == "full" else KeyboardInterrupt

    def pause() -> None:
        monkeypatch.setattr("protocols.takefile._disk.os.write", fail)

    with pytest.raises(TakeError if when == "full" else KeyboardInterrupt):
        recover(path, pause)
    monkeypatch.undo()
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_what_a_crash_leaves_of_the_mending_is_in_nobodys_way(tmp_path: Path) -> None:
    path = managed_take(tmp_path, finish=False)
    (tmp_path / "scene_001.mcap.new").write_bytes(b"half")
    os.link(path, tmp_path / "scene_001.mcap.unfinished")  # it came between the two names
    mended = recover(path)
    assert mended is not None and mended.original.name == "scene_001.mcap.unfinished"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["scene_001.mcap", "scene_001.mcap.unfinished"]


def test_an_older_original_is_kept_too(tmp_path: Path) -> None:
    path = managed_take(tmp_path, finish=False)
    (tmp_path / "scene_001.mcap.unfinished").write_text("an older one")
    mended = recover(path)
    assert mended is not None and mended.original.name == "scene_001.mcap.unfinished-2"
    assert (tmp_path / "scene_001.mcap.unfinished").read_text() == "an older one"


def test_tables_of_faces_that_a_crash_has_cut_are_completed_and_others_left(tmp_path: Path) -> None:
    faces = [a_performance(number, actor, a_face(number / 100)) for number in range(50) for actor in ("anna", "ben")]
    path = write_take(tmp_path / "scene_001.mcap", faces)
    take = TakeReader(path)
    config = recorded_config(take)
    anna, ben = write_face_tables(take, config.timecode, int(take.facts["clock"]["epoch_ns"]))
    whole = anna.read_bytes()
    anna.write_bytes(whole[: len(whole) // 2])
    ben.write_text("somebody has worked on it\n")
    data = path.read_bytes()
    path.write_bytes(data[:-40])  # its end is gone
    mended = recover(path)
    assert mended is not None and mended.tables == [anna]
    assert anna.read_bytes() == whole and ben.read_text() == "somebody has worked on it\n"
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "scene_001.mcap", "scene_001.mcap.unfinished", "scene_001_anna.csv", "scene_001_ben.csv",
    ]  # fmt: skip
