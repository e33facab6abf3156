from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from stage.config import Config
from stage.errors import SupervisionError
from stage.supervision.run_dir import open_run_dir, remove_stale_run_dirs

ROOT = Path(__file__).resolve().parents[3]


def test_it_holds_the_config_is_private_and_goes_away(tmp_path: Path) -> None:
    config = Config()
    with open_run_dir(config, ["solve"], tmp_path) as run_dir:
        assert msgspec.json.decode((run_dir / "config.json").read_bytes(), type=Config) == config
        assert stat.S_IMODE(run_dir.stat().st_mode) == 0o700
    assert not run_dir.exists()


def test_that_of_a_living_stage_is_left_alone(tmp_path: Path) -> None:
    with open_run_dir(Config(), [], tmp_path) as run_dir:
        assert remove_stale_run_dirs(tmp_path) == 0
        with open_run_dir(Config(), [], tmp_path) as other:
            assert other != run_dir
        assert run_dir.exists()


def test_that_of_a_killed_stage_is_removed_by_the_next(tmp_path: Path) -> None:
    script = (
        "import os, signal, pathlib\n"
        "from stage.config import Config\n"
        "from stage.supervision.run_dir import open_run_dir\n"
        f"with open_run_dir(Config(), [], pathlib.Path(r'{tmp_path}')):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False)
    assert len(list(tmp_path.glob("stage-*"))) == 1
    with open_run_dir(Config(), [], tmp_path) as run_dir:
        assert list(tmp_path.glob("stage-*")) == [run_dir]


def test_a_folder_too_deep_for_sockets_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    with pytest.raises(SupervisionError, match="set TMPDIR"), open_run_dir(Config(), ["capture.left"], deep):
        pass
    assert not list(deep.iterdir())


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SupervisionError, match="no run dir"), open_run_dir(Config(), [], tmp_path / "absent"):
        pass
