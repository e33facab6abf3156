from __future__ import annotations

from protocols.show import CommandReply, StopRecording
from stage.command_book import OBEYED_S, PATIENCE_S, CommandBook


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def reply(key: str, surface: str = "control") -> CommandReply:
    return CommandReply(key, surface, "record", True, "done")


def test_each_reply_finds_the_one_who_asked() -> None:
    book, heard = CommandBook("control"), []
    for key in ("a", "b"):
        assert book.enter(StopRecording(key, "control"), lambda r, key=key: heard.append((key, r.id)))
    book.take(reply("b"))
    book.take(reply("a"))
    assert heard == [("b", "b"), ("a", "a")] and len(book) == 0


def test_replies_to_others_and_second_replies_are_left_alone() -> None:
    book, heard = CommandBook("control"), []
    book.enter(StopRecording("a", "control"), heard.append)
    book.take(reply("a", surface="mqtt"))
    book.take(reply("z"))
    assert heard == [] and len(book) == 1
    book.take(reply("a"))
    book.take(reply("a"))
    assert len(heard) == 1


def test_nobody_waits_for_ever() -> None:
    clock = Clock()
    book, heard = CommandBook("control", clock), []
    book.enter(StopRecording("a", "control"), heard.append)
    book.expire()
    assert heard == []
    clock.now_s = PATIENCE_S
    book.expire()
    assert [(answer.id, answer.ok) for answer in heard] == [("a", False)]
    book.take(reply("a"))
    assert len(heard) == 1


def test_the_book_is_bounded() -> None:
    book = CommandBook("control")
    entered = [book.enter(StopRecording(book.new_id(), "control"), lambda _: None) for _ in range(1000)]
    assert entered.count(True) == len(book) < 1000


def test_who_waits_when_the_surface_ends_is_told_so() -> None:
    book, heard = CommandBook("control"), []
    book.enter(StopRecording("a", "control"), heard.append)
    book.close()
    assert [answer.ok for answer in heard] == [False] and len(book) == 0
    book.take(reply("a"))
    assert len(heard) == 1


def test_no_command_is_carried_out_after_its_surface_has_given_it_up() -> None:
    assert OBEYED_S < PATIENCE_S
