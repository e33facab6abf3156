"""An export makes a file whole or not at all, and never over another."""

from __future__ import annotations

from pathlib import Path

import pytest

from stage.errors import ExportError
from stage.export import check_new, free_name, placed


def test_a_file_gets_its_name_when_it_is_whole(tmp_path: Path) -> None:
    with placed(tmp_path / "a.bvh") as unfinished:
        unfinished.write_text("new")
        assert not (tmp_path / "a.bvh").exists()
        assert unfinished.suffix == ".bvh"
    assert [path.name for path in tmp_path.iterdir()] == ["a.bvh"]
    assert (tmp_path / "a.bvh").read_text() == "new"


def test_a_file_that_failed_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), placed(tmp_path / "a.bvh") as unfinished:
        unfinished.write_text("half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_refused_and_a_free_name_told(tmp_path: Path) -> None:
    for name in ("a.bvh", "a-2.bvh"):
        (tmp_path / name).write_text("old")
    with pytest.raises(ExportError, match=r"a-3\.bvh is free"):
        check_new(tmp_path / "a.bvh", overwrite=False)
    with pytest.raises(ExportError, match="is there already"), placed(tmp_path / "a.bvh"):
        raise AssertionError
    assert free_name(tmp_path / "b.bvh") == tmp_path / "b.bvh"
    assert (tmp_path / "a.bvh").read_text() == "old"


def test_a_file_that_comes_to_be_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="come to be meanwhile"), placed(tmp_path / "a.bvh") as unfinished:
        unfinished.write_text("new")
        (tmp_path / "a.bvh").write_text("old")
    assert (tmp_path / "a.bvh").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_overwriting_has_to_be_allowed(tmp_path: Path) -> None:
    (tmp_path / "a.bvh").write_text("old")
    with placed(tmp_path / "a.bvh", overwrite=True) as unfinished:
        unfinished.write_text("new")
    assert (tmp_path / "a.bvh").read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_dangling_link_counts_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.bvh").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ExportError, match="is there already"):
        check_new(tmp_path / "a.bvh", overwrite=False)


def test_folders_that_are_missing_are_told(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="is the folder"):
        check_new(tmp_path / "nowhere" / "a.bvh", overwrite=False)
    with pytest.raises(ExportError, match="is a folder"):
        check_new(tmp_path, overwrite=True)
