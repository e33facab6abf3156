"""What a take says of itself is printed, never obeyed."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from protocols.errors import TakeError
from protocols.takefile import TakeReader, TakeWriter
from stage import cli
from stage.takes.folder import unfinished_takes

EVIL = "\x1b]0;title\x07[/][bold]\x9b31mred"


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """A take by mail."""
    writer = TakeWriter(tmp_path / "mailed_001.mcap")
    writer.note("take", {"slate": EVIL, "timecode": EVIL, "began": EVIL, "name": EVIL})
    writer.attach(EVIL, b"x", EVIL, 0)
    writer.write(f"performance.{EVIL}", "Performance", b"\xc1", 1, 1)
    writer.write("command.console", "Mark", b"\x91" * 100_000, 2, 2)
    writer.finish({"fault": EVIL, "marks": "1"})
    note = msgspec.json.encode({"at": "", "by": EVIL, "text": EVIL})
    (tmp_path / "mailed_001.notes.jsonl").write_bytes(note)
    return writer.path


@pytest.mark.parametrize("command", ["info", "notes", "ls", "verify", "trim"])
def test_nothing_is_obeyed(take: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    target = str(take.parent if command == "ls" else take)
    status = cli.run(["takes", command, target, *(["--from", "0"] if command == "trim" else [])])
    said = capsys.readouterr()
    assert status == (2 if command == "trim" else 0)
    assert not set(said.out + said.err) & {"\x1b", "\x07", "\x9b"}
    assert "title" in said.out + said.err or command == "verify"


@pytest.mark.parametrize("seconds", ["nan", "inf", "1e400", "-5", "9" * 5000, "x"])
def test_a_length_that_is_none_hides_no_other_take(
    tmp_path: Path, seconds: str, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = TakeWriter(tmp_path / "mailed_001.mcap")
    writer.note("take", {"began": "0001-01-01T00:00:00+14:00", "number": "9" * 5000, "began_ns": "9" * 5000})
    writer.finish({"seconds": seconds, "lost": seconds})
    for command in ("ls", "info", "recover"):
        assert cli.run(["takes", command, str(tmp_path if command == "ls" else writer.path)]) == 0
    assert "mailed_001" in capsys.readouterr().out


def test_nobody_waits_for_a_pipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = tmp_path / "scene_001.mcap"
    os.mkfifo(pipe)
    assert unfinished_takes(tmp_path) == []
    with pytest.raises(TakeError, match="no file"):
        TakeReader(pipe)
    for command in ("verify", "recover"):
        assert cli.run(["takes", command, str(tmp_path)]) == 2
    assert cli.run(["takes", "ls", str(tmp_path)]) == 0
    assert "no file" in capsys.readouterr().err
