from __future__ import annotations

import json
from typing import Any

import pytest

from protocols.mqtt_link import Received
from protocols.mqtt_payloads import ReplyReport
from protocols.mqtt_topics import Topics
from protocols.show import Command, CommandReply, SetOutput, StartRecording
from stage.command_book import PATIENCE_S, CommandBook
from stage.mqtt.command_desk import COMMANDS_PER_S, CommandDesk


class Show:
    """A desk with a clock, and what it has sent and answered."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.commands: list[Command] = []
        self.answers: list[tuple[ReplyReport, str, bytes]] = []
        self.book = CommandBook("mqtt", self.clock)
        self.desk = CommandDesk(
            Topics("stage/demo"), self.book, self.commands.append, lambda *a: self.answers.append(a), self.clock
        )

    def clock(self) -> float:
        return self.now_s

    def say(self, path: str, payload: object = None, retained: bool = False, *, to: str = "", by: bytes = b"") -> None:
        data = b"" if payload is None else json.dumps(payload).encode()
        self.desk.take(Received(f"stage/demo/command/{path}", data, retained, to, by))

    def refusal(self) -> str:
        """Why the last command was refused."""
        report = self.answers[-1][0]
        assert not report.ok
        return report.text


def done(command: Command, ok: bool = True, facts: dict[str, Any] | None = None) -> CommandReply:
    return CommandReply(command.id, command.surface, "record", ok, "done", facts or {})


def test_a_command_is_handed_on_and_its_reply_finds_the_asker() -> None:
    show = Show()
    show.say("record/start", {"id": "a", "take": 2})
    show.say("output/engine/enable", to="my/answers", by=b"\x01")
    start, enable = show.commands
    assert isinstance(start, StartRecording) and isinstance(enable, SetOutput)
    assert start.surface == "mqtt" and start.take == 2 and start.id != enable.id
    assert show.answers == []
    show.book.take(done(enable))
    show.book.take(done(start, facts={"name": "x"}))
    show.book.take(done(start))
    assert show.answers == [
        (ReplyReport("", "output/engine/enable", True, "done"), "my/answers", b"\x01"),
        (ReplyReport("a", "record/start", True, "done", {"name": "x"}), "", b""),
    ]
    assert show.desk.counters["commands"] == 2


def test_a_retained_command_never_fires() -> None:
    show = Show()
    show.say("record/stop", retained=True)
    assert show.commands == []
    assert "without retain" in show.refusal()
    assert show.desk.counters["commands_refused"] == 1


@pytest.mark.parametrize(
    "topic",
    ["a/+/b", "#", "$SYS/x", "stage/demo", "stage/demo/$state", "stage/demo/command/record/stop", "stage/demo/replyx",
     "a\0b", "a" * 2000],
)  # fmt: skip
def test_an_answer_is_not_given_where_the_stage_itself_speaks(topic: str) -> None:
    show = Show()
    show.say("record/stop", to=topic, by=b"x")
    assert show.commands == []
    assert "response topic" in show.refusal()
    assert show.answers[-1][1:] == ("", b"x")


def test_answers_below_reply_and_elsewhere_are_given() -> None:
    show = Show()
    for topic in ("stage/demo/reply", "stage/demo/reply/tablet", "other/place", "stage/demo2/x"):
        show.say("nonsense", to=topic)
        assert show.answers[-1][1] == topic


def test_what_is_not_understood_is_answered_with_its_id() -> None:
    show = Show()
    show.say("record/start", {"id": "a", "tke": 1})
    assert show.answers[-1][0].id == "a" and "tke" in show.refusal()
    show.say("x" * 10_000)
    assert len(show.answers[-1][0].command) <= 80


def test_a_flood_is_bounded_and_so_are_its_answers() -> None:
    show = Show()
    for number in range(1000):
        show.now_s = number * 1e-3
        show.say("record/stop")
    assert len(show.commands) == pytest.approx(2 * COMMANDS_PER_S, abs=1)  # at once, and over the second
    assert len(show.answers) == 1 and "too many" in show.refusal()
    assert show.desk.counters["commands_over_rate"] == 1000 - len(show.commands)
    show.now_s = 10.0
    show.say("record/stop")
    assert len(show.answers) == 1


def test_nobody_waits_for_ever() -> None:
    show = Show()
    show.say("record/stop", {"id": "a"})
    show.now_s = PATIENCE_S + 1.0
    show.book.expire()
    assert show.answers[0][0].id == "a" and "in time" in show.refusal()
