from __future__ import annotations

from pathlib import Path
from typing import Any

from protocols.show import CommandReply, SetSlate, StartRecording, StopRecording
from stage.control.take_files import TakeFiles
from stage.control.take_watch import Began, Ended, TakeWatch
from tests.stage.control.show import recorder_reply


def watch_of(folder: Path) -> TakeWatch:
    watch = TakeWatch(TakeFiles(folder))
    watch.command(StartRecording("1", "control"))
    watch.command(StopRecording("2", "control"))
    watch.command(SetSlate("3", "control", "forest"))
    return watch


def test_begin_and_end_are_told_apart_by_their_commands(tmp_path: Path) -> None:
    watch = watch_of(tmp_path)
    facts: dict[str, Any] = {
        "timecode": "10:00:00:00",
        "csv": str(tmp_path / "a.csv"),
        "files": str(tmp_path / "a.mcap"),
    }
    assert watch.reply(recorder_reply("1", **facts)) == Began("10:00:00:00")
    assert watch.reply(recorder_reply("2", **facts)) == Ended("10:00:00:00", "a.csv", "")
    assert watch.reply(recorder_reply("2", **facts)) is None


def test_what_tells_of_no_take(tmp_path: Path) -> None:
    watch = watch_of(tmp_path)
    assert watch.reply(recorder_reply("3")) is None
    assert watch.reply(recorder_reply("1", surface="console")) is None
    assert watch.reply(CommandReply("1", "control", "broadcast", True, "")) is None
    assert watch.reply(recorder_reply("1", ok=False)) is None


def test_commands_without_replies_are_forgotten(tmp_path: Path) -> None:
    watch = watch_of(tmp_path)
    for number in range(1000):
        watch.command(StartRecording(str(number), "mqtt"))
    assert watch.reply(recorder_reply("1")) is None
    assert watch.reply(recorder_reply("999", surface="mqtt")) == Began("")
