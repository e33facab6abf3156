from __future__ import annotations

from pathlib import Path

import pytest

from protocols.errors import TakeError
from stage.config import Config, RecordSection
from stage.takes.find import find_take


@pytest.fixture
def take(tmp_path: Path) -> Path:
    path = tmp_path / "scene_001.mcap"
    path.touch()
    path.with_name("scene_001.smooth.mcap").touch()
    return path


def test_a_take_is_found_by_path_or_name(take: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_take(take) == take
    other = Config(record=RecordSection(folder=str(take.parent)))
    assert find_take(Path("scene_001"), other) == find_take(Path("scene_001.mcap"), other) == take
    assert find_take(Path("scene_001.smooth"), other).name == "scene_001.smooth.mcap"
    monkeypatch.chdir(take.parent)
    assert find_take(Path("scene_001")).name == take.name


def test_what_is_no_take_is_told_with_one_that_is_like_it(take: Path) -> None:
    other = Config(record=RecordSection(folder=str(take.parent)))
    with pytest.raises(TakeError, match='did you mean "scene_001"'):
        find_take(Path("scene_0001"), other)
    with pytest.raises(TakeError, match="is a folder"):
        find_take(take.parent)
    with pytest.raises(TakeError, match="name a take file"):
        find_take(take.parent / "none" / "x.mcap")
