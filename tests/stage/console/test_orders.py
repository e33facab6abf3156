from __future__ import annotations

import threading

from protocols.show import Calibrate, CommandReply, SetOutput, StopRecording
from stage.command_book import PATIENCE_S
from stage.console.orders import MOST_WISHES, Orders, Said


def test_wishes_of_any_thread_become_commands_in_order() -> None:
    orders = Orders()
    for number in range(5):
        thread = threading.Thread(
            target=orders.wish, args=(lambda key, surface, n=number: SetOutput(key, surface, f"output-{n}"),)
        )
        thread.start()
        thread.join()
    commands = orders.commands()
    assert [command.output for command in commands if isinstance(command, SetOutput)] == [
        f"output-{number}" for number in range(5)
    ]
    assert {command.surface for command in commands} == {"console"} and len({command.id for command in commands}) == 5
    assert orders.commands() == []


def test_wishes_are_bounded() -> None:
    orders = Orders()
    assert sum(orders.wish(StopRecording) for _ in range(1000)) == MOST_WISHES
    assert len(orders.commands()) == MOST_WISHES


def test_commands_that_wait_are_bounded() -> None:
    orders = Orders()
    given = 0
    for _ in range(20):
        for _ in range(MOST_WISHES):
            orders.wish(StopRecording)
        given += len(orders.commands())
    assert given < 300 and orders.said[-1].kind == "warning"


def test_replies_are_said() -> None:
    orders = Orders()
    orders.wish(lambda key, surface: Calibrate(key, surface, "ada"))
    (command,) = orders.commands()
    orders.take(CommandReply(command.id, "mqtt", "solve", True, "of somebody else"))
    orders.take(CommandReply(command.id, "console", "solve", False, 'no actor "ada"'))
    assert list(orders.said) == [Said("solve", "warning", 'no actor "ada"')]


def test_silence_is_said() -> None:
    now_s = [0.0]
    orders = Orders(lambda: now_s[0])
    orders.wish(StopRecording)
    orders.commands()
    orders.expire()
    assert not orders.said
    now_s[0] = PATIENCE_S + 0.1
    orders.expire()
    assert orders.said[0].worker == "console" and orders.said[0].kind == "warning"


def test_a_click_that_was_not_noticed_for_long_is_not_obeyed() -> None:
    now_s = 0.0
    orders = Orders(lambda: now_s)
    orders.wish(StopRecording)
    now_s = PATIENCE_S + 0.1
    assert orders.commands() == [] and orders.said[-1].kind == "warning"
