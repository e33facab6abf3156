from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from protocols.errors import TakeError
from protocols.takefile import TakeReader, TakeWriter
from stage import cli
from stage.takes import library
from stage.takes.library import INDEX, takes_in
from stage.takes.notes import add_note, marks_of, notes_of, notes_path
from stage.takes.recover import recover
from stage.takes.take_info import take_info
from stage.takes.told_takes import length, size
from stage.takes.tracks import track_path
from tests.stage.takes.managed_take import managed_take
from tests.stage.takes.small_take import BEGAN_NS, FRAME_NS


def test_a_take_is_known_from_its_head_and_its_end(tmp_path: Path) -> None:
    info = take_info(managed_take(tmp_path))
    assert (info.name, info.slate, info.number, info.state, info.marks) == ("scene_001", "scene", 1, "finished", 1)
    assert (info.actors, info.cameras, info.video) == (["anna"], ["left"], ["left"])
    assert info.counts["performance.anna"] == 300 and info.seconds == pytest.approx(299 * FRAME_NS / 1e9)
    assert info.timecode == "22:13:20:00" and info.began == "2023-11-14T22:13:20.000+00:00"


def test_every_state_is_told(tmp_path: Path) -> None:
    path = managed_take(tmp_path, finish=False)
    assert take_info(path).state == "unfinished"
    recover(path)
    assert take_info(path).state == "finished" and take_info(path).mended
    path.write_bytes(path.read_bytes()[:-100] + bytes(100))
    assert take_info(path).state == "unfinished"
    path.write_bytes(b"nothing")
    assert take_info(path).state == "damaged" and "not a take file" in take_info(path).fault
    writer = TakeWriter(tmp_path / "scene_002.mcap")
    assert take_info(writer.path).state == "recording"
    writer.finish({})
    for missing in (tmp_path / "none.mcap", tmp_path):
        with pytest.raises(TakeError):
            take_info(missing)


def test_a_folder_lists_its_takes_and_reads_only_those_that_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = managed_take(tmp_path)
    other = TakeWriter(tmp_path / "b_001.mcap")
    track_path(path, "smooth").write_bytes(path.read_bytes())
    first = takes_in(tmp_path)
    assert [(info.name, info.state) for info in first] == [("scene_001", "finished"), ("b_001", "recording")]
    read: list[Path] = []
    monkeypatch.setattr(library, "take_info", lambda of: read.append(of) or take_info(of))
    assert takes_in(tmp_path) == first and read == [other.path]
    other.finish({})
    os.utime(path, ns=(1, 1))
    read.clear()
    assert {info.state for info in takes_in(tmp_path)} == {"finished"} and sorted(read) == [other.path, path]
    read.clear()
    other.path.unlink()
    assert [info.name for info in takes_in(tmp_path)] == ["scene_001"] and read == []
    with pytest.raises(TakeError):
        takes_in(tmp_path / "none")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"version": 7, "takes": {}}', b'{"version":2,"takes":{"a":1}}']
)
def test_a_wrong_index_is_made_anew(tmp_path: Path, content: bytes) -> None:
    managed_take(tmp_path)
    right = takes_in(tmp_path)
    good = (tmp_path / INDEX).read_bytes()
    (tmp_path / INDEX).write_bytes(content)
    assert takes_in(tmp_path) == right and (tmp_path / INDEX).read_bytes() == good


def test_a_folder_that_cannot_be_written_to_is_listed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    managed_take(tmp_path)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(library.os, "replace", refuse)
    assert len(takes_in(tmp_path)) == 1 and [path.name for path in tmp_path.iterdir()] == ["scene_001.mcap"]


def test_notes_lie_beside_a_take_which_stays_as_it_is(tmp_path: Path) -> None:
    path = managed_take(tmp_path)
    before = path.read_bytes()
    assert notes_of(path) == []
    add_note(path, " the best\nso far ")
    with notes_path(path).open("ab") as file:
        file.write(b'{"at": "2026')  # a crash
    add_note(path, "[bold]no[/] é")
    assert [note.text for note in notes_of(path)] == ["the best so far", "[bold]no[/] é"]
    assert path.read_bytes() == before
    assert [(mark.text, mark.at_ns) for mark in marks_of(TakeReader(path))] == [
        ("good [one]", BEGAN_NS + 100 * FRAME_NS)
    ]
    for text in ("", " ", "x" * 501, "a\x00b"):
        with pytest.raises(TakeError):
            add_note(path, text)
    with pytest.raises(TakeError, match="no such take"):
        add_note(tmp_path / "none.mcap", "x")


def test_the_commands_show_what_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = managed_take(tmp_path)
    track_path(path, "smooth").write_bytes(path.read_bytes())
    assert cli.run(["takes", "notes", str(path), "the best"]) == 0
    assert cli.run(["takes", "ls", str(tmp_path)]) == 0
    row = capsys.readouterr().out.splitlines()[-2]
    assert all(word in row for word in ("scene_001", "anna", "smooth", "0:10.0", "whole"))
    assert cli.run(["takes", "info", str(path)]) == 0
    told = capsys.readouterr().out
    assert "good [one]" in told and "the best" in told and "video.left" in told and "config.json" in told
    assert cli.run(["takes", "ls", str(tmp_path), "--as-json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["tracks"] == ["smooth"]
    assert cli.run(["takes", "info", str(path), "--as-json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["told_marks"][0]["seconds"] == pytest.approx(100 * FRAME_NS / 1e9)


def test_checking_and_mending_tell_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = managed_take(tmp_path)
    assert cli.run(["takes", "verify", str(path)]) == 0
    assert cli.run(["takes", "recover", str(tmp_path)]) == 0
    assert "nothing to mend" in capsys.readouterr().out
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert cli.run(["takes", "verify", str(tmp_path)]) == 2
    assert "DAMAGED" in capsys.readouterr().out
    assert cli.run(["takes", "recover", str(path)]) == 0
    assert "mended" in capsys.readouterr().out
    assert cli.run(["takes", "verify", str(path)]) == 0
    (tmp_path / "b.mcap").write_bytes(b"")
    assert cli.run(["takes", "recover", str(tmp_path)]) == 2
    assert cli.run(["takes", "trim", str(path)]) == 2
    assert cli.run(["takes", "trim", str(path), "--from", "1", "--to", "0:0:0"]) == 2
    assert cli.run(["takes", "trim", str(path), "--from", "1", "--to", "3"]) == 0
    assert cli.run(["takes", "prune", str(path), "--drop", "video", "landmarks"]) == 0
    assert cli.run(["takes", "ls", str(tmp_path / "none")]) == 2
    captured = capsys.readouterr()
    assert "scene_002.mcap" in captured.out and "MB lighter" in captured.out
    assert "Traceback" not in captured.err


def test_lengths_and_sizes_read_well() -> None:
    assert [length(of) for of in (0.04, 59.96, 61.5, 3723.25)] == ["0:00.0", "1:00.0", "1:01.5", "1:02:03.2"]
    assert [size(of) for of in (0, 1500, 2_500_000, 3_200_000_000)] == ["0 kB", "2 kB", "2.5 MB", "3.2 GB"]
