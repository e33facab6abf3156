"""`stage solve`: what is asked of a take and of a stage, and what cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from stage import cli
from stage.takes.tracks import tracks_of
from tests.stage.takes.small_take import a_performance, write_take


@pytest.fixture
def take(tmp_path: Path) -> Path:
    return write_take(tmp_path / "scene_001.mcap", [a_performance(n) for n in range(20)])


def test_a_track_is_made_and_said(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["solve", str(take), "--out", "calm", "--smooth", "1", "--from", "0.2", "--to", "0.4"]) == 0
    assert tracks_of(take) == ["calm"]
    assert "scene_001.calm.mcap: 6 performances and faces from performances" in capsys.readouterr().out
    assert cli.run(["solve", str(take.with_name("scene_001.calm.mcap")), "--out", "calmer", "--smooth", "2"]) == 0
    assert tracks_of(take) == ["calm", "calmer"]  # of the take, not of the track


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--out", "calm"], "holds no landmarks"),
        (["--out", "calm", "--smooth", "-1"], "is no strength"),
        (["--out", "calm", "--smooth", "1", "--from", "soon"], "is no moment"),
        (["--out", "no/path", "--smooth", "1"], "a track is called by"),
        (["--out", "calm", "--smooth", "1", "--source", "landmarks"], "holds no landmarks"),
    ],
)
def test_what_cannot_be_is_one_line(
    take: Path, options: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["solve", str(take), *options]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert tracks_of(take) == []


def test_a_stage_has_no_tracks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stage = tmp_path / "stage.toml"
    assert cli.run(["solve", str(stage), "--out", str(tmp_path / "out.npz"), "--smooth", "1"]) == 2
    assert "the other options are for takes" in capsys.readouterr().err
