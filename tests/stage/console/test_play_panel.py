"""The transport of a replay follows the player, and tells it what somebody has moved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import viser

from protocols.playback import PlayerState, SetPlayback
from stage.console.play_panel import HOLD_S, SETTLED_S, PlayPanel
from stage.console.status import SHOW_SILENT_S, StageStatus
from tests.stage.console.browser import until
from tests.stage.console.clicks import Hands, Wishes

STATE = PlayerState(
    at_ns=1,
    take="scene_001",
    track="",
    source="performances",
    playing=True,
    position_s=2.5,
    seconds=10.0,
    begin_s=0.0,
    end_s=10.0,
    speed=1.0,
    loop=False,
    timecode="10:00:02:15",
)


class Table:
    """A panel whose clock is turned by hand."""

    def __init__(self, server: viser.ViserServer) -> None:
        self.now_s = 0.0
        self.status = StageStatus(lambda: self.now_s)
        self.wishes = Wishes()
        self.panel = PlayPanel(server.gui, self.wishes, lambda: self.now_s)
        self.hands = Hands(server)

    def says(self, **state: Any) -> None:
        self.status.take_player(
            PlayerState(**({name: getattr(STATE, name) for name in STATE.__struct_fields__} | state))
        )
        self.panel.refresh(self.status)

    def later(self, seconds: float) -> None:
        self.now_s += seconds
        self.panel.refresh(self.status)


@pytest.fixture
def table(server: viser.ViserServer) -> Iterator[Table]:
    table = Table(server)
    yield table
    table.hands.close()


def test_it_shows_what_the_player_says(table: Table) -> None:
    table.panel.refresh(table.status)
    assert table.hands.element("Play").disabled
    assert "silent" in table.panel._line.content
    table.says(track="smooth", speed=0.5, begin_s=1.0)
    assert table.hands.element("Pause").disabled is False
    assert (table.hands.element("Position").value, table.hands.element("Position").max) == (2.5, 10.0)
    for text in ("scene_001", "smooth", "10:00:02:15", "2.50 of 10.00 s", "0.5 x", "1.00 to 10.00 s"):
        assert text in table.panel._line.content
    table.says(playing=False, fault="the file is <damaged>")
    assert table.hands.element("Play")
    assert "&lt;damaged&gt;" in table.panel._line.content
    table.later(SHOW_SILENT_S)
    assert table.hands.element("Play").disabled
    assert table.wishes.wished == []


def test_buttons_and_keys_are_orders(table: Table) -> None:
    table.says()
    table.hands.put("Pause", True)
    assert table.wishes.commands(1) == [SetPlayback("key", "console", playing=False)]
    table.says(playing=False)
    table.hands.press("Play or pause")
    assert table.wishes.commands(1) == [SetPlayback("key", "console", playing=True)]
    table.hands.press("Step back")
    assert table.wishes.commands(1) == [SetPlayback("key", "console", step=-1)]
    for label, value, wish in (
        ("Step", "+10", {"step": 10}),
        ("Speed", "0.25", {"speed": 0.25}),
        ("Loop", True, {"loop": True}),
        ("Points", "In here", {"begin_s": 2.5}),
        ("Points", "Out here", {"end_s": 2.5}),
        ("Points", "Clear", {"begin_s": 0.0, "end_s": 0.0}),
    ):
        table.hands.put(label, value)
        assert table.wishes.commands(1) == [SetPlayback("key", "console", **wish)]  # type: ignore[arg-type]


def test_a_dragged_slider_is_one_jump(table: Table) -> None:
    table.says()
    for place in (4.0, 5.0, 6.25):
        table.hands.set("Position", place)
    until(lambda: table.panel._moved_s is not None)
    table.says(position_s=2.6)
    assert table.hands.element("Position").value == 6.25, "the player's word waits"
    table.later(SETTLED_S)
    assert table.wishes.commands(1) == [SetPlayback("key", "console", position_s=6.25)]
    table.says(position_s=2.7)
    assert table.hands.element("Position").value == 6.25
    table.later(HOLD_S)
    table.says(position_s=7.5)
    assert table.hands.element("Position").value == 7.5
