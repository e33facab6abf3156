from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import viser

from protocols.show import Mark, SetSlate, StartRecording, StopRecording
from stage.console.status import SHOW_SILENT_S, StageStatus
from stage.console.take_panel import HOLD_S, WRITTEN_S, TakePanel
from tests.stage.console.browser import until
from tests.stage.console.clicks import Hands, Wishes
from tests.stage.control.show import recorder_state


class Table:
    """A panel whose clock is turned by hand."""

    def __init__(self, server: viser.ViserServer) -> None:
        self.now_s = 0.0
        self.status = StageStatus(self._clock)
        self.wishes = Wishes()
        self.panel = TakePanel(server.gui, "scene", self.wishes, self._clock)
        self.hands = Hands(server)

    def _clock(self) -> float:
        return self.now_s

    def says(self, **state: Any) -> None:
        self.status.take_recorder(recorder_state(**state))
        self.panel.refresh(self.status, now_ns=0)

    def later(self, seconds: float) -> None:
        self.now_s += seconds
        self.panel.refresh(self.status, now_ns=0)

    def write(self, label: str, value: object) -> None:
        """Somebody writes, and the panel has noticed."""
        self.hands.set(label, value)
        name = "_slate_written_s" if label == "Slate" else "_number_written_s"
        until(lambda: getattr(self.panel, name) == self.now_s)

    @property
    def button(self) -> Any:
        return self.panel._button


@pytest.fixture
def table(server: viser.ViserServer) -> Iterator[Table]:
    table = Table(server)
    yield table
    table.hands.close()


def test_fields_and_button_follow_the_recorder(table: Table) -> None:
    assert table.button.disabled
    table.says(slate="forest", take=4)
    assert (table.hands.element("Slate").value, table.hands.element("Take").value) == ("forest", 4)
    assert table.button.label == "Record" and not table.button.disabled
    table.says(slate="forest", take=4, recording=True, name="forest_004")
    assert table.button.label == "Stop" and table.hands.element("Slate").disabled
    assert "forest_004" in table.panel._line.content
    table.says(slate="forest", take=5)
    assert table.hands.element("Take").value == 5 and not table.hands.element("Slate").disabled
    assert table.wishes.wished == []


def test_the_button_begins_and_ends_a_take(table: Table) -> None:
    table.says()
    table.hands.put("Record", True)
    assert table.wishes.commands(1) == [StartRecording("key", "console")]
    assert table.button.disabled, "until the recorder has answered"
    table.later(HOLD_S)
    table.says(recording=True)
    table.hands.put("Stop", True)
    assert table.wishes.commands(1) == [StopRecording("key", "console")]


def test_a_slate_is_given_when_it_is_written(table: Table) -> None:
    table.says(slate="forest")
    table.write("Slate", "riv")
    table.later(WRITTEN_S / 2)
    table.write("Slate", "river")
    table.says(slate="forest")
    assert table.hands.element("Slate").value == "river", "nobody writes over who writes"
    table.later(WRITTEN_S / 2)
    assert table.wishes.wished == []
    table.later(WRITTEN_S)
    assert table.wishes.commands(1) == [SetSlate("key", "console", "river", 0)]
    table.says(slate="forest")
    assert table.hands.element("Slate").value == "river", "the recorder has not heard of it yet"
    table.later(HOLD_S)
    table.says(slate="meadow")
    assert table.hands.element("Slate").value == "meadow", "set elsewhere"


def test_what_is_being_written_goes_into_the_take(table: Table) -> None:
    table.says(slate="forest", take=4)
    table.write("Slate", " river ")
    table.write("Take", 7)
    table.hands.put("Record", True)
    assert table.wishes.commands(1) == [StartRecording("key", "console", "river", 7)]
    table.later(WRITTEN_S + HOLD_S)
    assert table.wishes.wished == []


def test_an_empty_slate_is_none(table: Table) -> None:
    table.says(slate="forest")
    table.write("Slate", "  ")
    table.later(WRITTEN_S)
    table.says(slate="forest")
    assert table.wishes.wished == [] and table.hands.element("Slate").value == "forest"


def test_without_a_recorder_there_is_no_button(table: Table) -> None:
    table.says()
    table.later(SHOW_SILENT_S)
    assert table.button.disabled and "silent" in table.panel._line.content


def test_marks_are_for_a_take_that_runs_and_take_their_note_along(table: Table) -> None:
    table.says()
    assert table.hands.element("Mark").disabled and table.hands.element("Note").disabled
    table.says(recording=True)
    table.hands.set("Note", "he stumbles ")
    table.hands.put("Mark", True)
    assert table.wishes.commands(1) == [Mark("key", "console", "he stumbles")]
    assert table.hands.element("Note").value == ""
    table.hands.put("Mark", True)
    assert table.wishes.commands(1) == [Mark("key", "console", "")]


def test_keys_do_what_the_buttons_do(table: Table) -> None:
    table.says()
    table.hands.press("Mark in the take")
    table.hands.press("Record or stop")
    assert table.wishes.commands(1) == [StartRecording("key", "console")]
    table.later(HOLD_S)
    table.says(recording=True)
    table.hands.press("Mark in the take")
    assert table.wishes.commands(1) == [Mark("key", "console")]
    table.hands.press("Record or stop")
    assert table.wishes.commands(1) == [StopRecording("key", "console")]
