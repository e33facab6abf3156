from __future__ import annotations

from protocols import osc
from protocols.phone_app import Address
from protocols.show import Calibrate, CommandReply, StopRecording
from stage.command_book import PATIENCE_S
from stage.control.outgoing import NEWS_S, Outgoing, sendable

HERE = Address("127.0.0.1", 9000)


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_command_gets_its_reply_once() -> None:
    outgoing, answers = Outgoing(recorder=True), []
    outgoing.order(StopRecording, answers.append)
    (command,) = outgoing.commands
    reply = CommandReply(command.id, "control", "record", True, "done")
    outgoing.take(CommandReply(command.id, "console", "record", True, "of somebody else"))
    outgoing.take(reply)
    outgoing.take(reply)
    assert answers == [reply]


def test_a_command_that_nobody_carries_out_is_answered() -> None:
    clock, answers = Clock(), []
    outgoing = Outgoing(True, clock)
    outgoing.order(StopRecording, answers.append)
    outgoing.expire()
    assert answers == []
    clock.now_s = PATIENCE_S + 0.1
    outgoing.expire()
    assert [answer.ok for answer in answers] == [False]


def test_without_a_recorder_nobody_waits_for_one() -> None:
    outgoing, answers = Outgoing(recorder=False), []
    outgoing.order(StopRecording, answers.append)
    assert len(outgoing.commands) == 0
    assert not answers[0].ok and "record.enabled" in answers[0].text
    outgoing.order(lambda key, surface: Calibrate(key, surface, "ada"), answers.append)
    assert len(outgoing.commands) == 1


def test_commands_are_bounded() -> None:
    outgoing, answers = Outgoing(recorder=True), []
    for _ in range(1000):
        outgoing.order(StopRecording, answers.append)
    assert len(outgoing.commands) + len(answers) == 1000 and len(outgoing.commands) < 500


def test_one_piece_of_news_of_a_kind_every_few_seconds_says_how_many_there_were() -> None:
    clock = Clock()
    outgoing = Outgoing(True, clock)
    for number in range(100):
        outgoing.complain("foreign", f"stranger {number}")
    outgoing.complain("malformed", "nonsense")
    clock.now_s = NEWS_S
    outgoing.complain("foreign", "stranger again")
    assert [news.text for news in outgoing.news] == [
        "stranger 0",
        "nonsense",
        "stranger again (and 99 more of this kind)",
    ]
    assert outgoing.counters == {"foreign": 101, "malformed": 1}


def test_texts_are_made_fit_to_be_sent() -> None:
    outgoing = Outgoing(recorder=True)
    outgoing.send(HERE, lambda *shown: osc.message("/a", "s", *shown), "a\0b" + "c" * 5000)
    (packet,) = outgoing.packets
    assert len(packet.data) < 400 and packet.target == HERE
    assert sendable("a\0b") == "ab"


def test_what_cannot_be_packed_is_counted() -> None:
    outgoing = Outgoing(recorder=True)
    outgoing.send(HERE, lambda *shown: osc.message("/a", "i", *shown), 2**40)
    assert len(outgoing.packets) == 0 and outgoing.counters["unsent"] == 1
