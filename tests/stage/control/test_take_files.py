from __future__ import annotations

from pathlib import Path

import pytest

from stage.control.take_files import MOST_FILES, TakeFiles


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    folder = tmp_path / "takes"
    (folder / "forest_001").mkdir(parents=True)
    (folder / "forest_001" / "face.csv").write_text("a,b\n")
    (folder / "secret.csv").write_text("not named\n")
    (tmp_path / "outside.csv").write_text("outside\n")
    return folder


def test_a_named_file_is_found_by_its_name(takes: Path) -> None:
    files = TakeFiles(takes)
    name = files.note(str(takes / "forest_001" / "face.csv"))
    assert name == "forest_001/face.csv"
    assert files.find(name) == takes / "forest_001" / "face.csv"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "secret.csv",
        "../outside.csv",
        "forest_001/../forest_001/face.csv",
        "./forest_001/face.csv",
        "forest_001//face.csv",
        "/etc/passwd",
        "forest_001/face.csv\0",
        "FOREST_001/face.csv",
    ],
)
def test_no_other_name_finds_anything(takes: Path, name: str) -> None:
    files = TakeFiles(takes)
    files.note(str(takes / "forest_001" / "face.csv"))
    assert files.find(name) is None
    assert files.find(str(takes / "forest_001" / "face.csv")) is None


@pytest.mark.parametrize("path", ["", "../outside.csv", "/etc/passwd", ".", "a\0b", "x" * 5000])
def test_what_lies_elsewhere_is_not_named(takes: Path, path: str) -> None:
    files = TakeFiles(takes)
    assert files.note(path) in ("", path) and files.find(files.note(path)) is None


def test_links_lead_nowhere(takes: Path) -> None:
    link = takes / "link.csv"
    link.symlink_to(takes.parent / "outside.csv")
    files = TakeFiles(takes)
    assert files.note(str(link)) == "" and len(files) == 0
    named = takes / "forest_001" / "face.csv"
    name = files.note(str(named))
    named.unlink()
    assert files.find(name) is None
    named.symlink_to(takes.parent / "outside.csv")
    assert files.find(name) is None


def test_a_folder_is_no_file(takes: Path) -> None:
    files = TakeFiles(takes)
    assert files.find(files.note(str(takes / "forest_001"))) is None


def test_a_folder_of_takes_may_itself_be_a_link(takes: Path) -> None:
    link = takes.parent / "disk"
    link.symlink_to(takes)
    files = TakeFiles(link)
    name = files.note(str(link / "forest_001" / "face.csv"))
    assert name == "forest_001/face.csv" and files.find(name) is not None


def test_names_are_bounded(takes: Path) -> None:
    files = TakeFiles(takes)
    for number in range(MOST_FILES + 10):
        files.note(str(takes / f"{number}.csv"))
    assert len(files) == MOST_FILES
