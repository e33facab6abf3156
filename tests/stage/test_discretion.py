from __future__ import annotations

from pathlib import Path

import pytest

from stage.config import ActorSection, Config, RecordSection
from stage.discretion import Discretion

CONFIG = Config(
    actors=(ActorSection(id="ada", profile="/srv/show/actors/ada"),), record=RecordSection(folder="/disk/takes")
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/disk/takes/scene_001.mcap", "scene_001.mcap"),
        ("/disk/takes: No space left; see record.folder", "takes: No space left; see record.folder"),
        ("kept in /srv/show/actors/ada/body.toml", "kept in ada/body.toml"),
        (f"{Path.home()}/.cache/x.npz is damaged", ".cache/x.npz is damaged"),
        ("(/disk/takes/a.csv)", "(a.csv)"),
        ("/disk/takes2/a.csv, /other/disk/takes/a.csv", "takes2/a.csv, /other/disk/takes/a.csv"),
        ("/stage/record/start takes a slate", "/stage/record/start takes a slate"),
        ("topic show/disk/takes/reply", "topic show/disk/takes/reply"),
        ("", ""),
    ],
)
def test_files_leave_without_their_folders(text: str, told: str) -> None:
    assert Discretion(CONFIG).of(text) == told


def test_facts_keep_their_keys_and_lines() -> None:
    facts = {"files": "/disk/takes/a.mcap\n/disk/takes/a_ada.csv", "number": "1"}
    assert Discretion(CONFIG).of_facts(facts) == {"files": "a.mcap\na_ada.csv", "number": "1"}


def test_a_stage_without_paths_tells_everything_but_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/")
    assert Discretion(Config(record=RecordSection(folder="takes"))).of("/a/b c") == "/a/b c"
