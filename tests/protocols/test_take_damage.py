from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.stage.takes.managed_take import managed_take
from tests.take_damage import Judge, damaged


@pytest.mark.parametrize("finish", [True, False])
def test_damage_is_told_or_harms_nothing(tmp_path: Path, finish: bool) -> None:
    judge = Judge(managed_take(tmp_path, finish=finish, frames=90))
    chance, seen = random.Random(3), set[str]()
    for number in range(30):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / "scene_001.mcap"
        path.write_bytes(damaged(judge.data, chance))
        outcomes = [
            judge.reading(path, (), part=False),
            judge.reading(path, ("performance.",), part=False),
            judge.reading(path, ("performance.", "video."), part=True),
            judge.checking(path),
            judge.mending(path),
        ]
        assert "WRONG" not in outcomes, f"damage {number}: {outcomes} {judge.wrong}"
        seen.update(outcomes)
    assert seen >= {"told", "cut"}
