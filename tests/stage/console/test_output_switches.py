from __future__ import annotations

from collections.abc import Iterator

import pytest
import viser

from protocols.show import SetOutput
from stage.console.output_switches import HOLD_S, OutputSwitches
from stage.console.status import SHOW_SILENT_S, StageStatus
from tests.sections import output_section
from tests.stage.console.clicks import Hands, Wishes
from tests.stage.control.show import output_state


class Table:
    """Switches of two outputs, with a clock that is turned by hand."""

    def __init__(self, server: viser.ViserServer) -> None:
        self.now_s = 0.0
        self.status = StageStatus(self._clock)
        self.wishes = Wishes()
        outputs = [output_section("vmc", id="vmc-1"), output_section("osc", id="osc-2", enabled=False)]
        self.switches = OutputSwitches(server.gui, outputs, self.wishes, self._clock)
        self.hands = Hands(server)

    def _clock(self) -> float:
        return self.now_s

    def says(self, name: str, enabled: bool) -> None:
        self.status.take_output(output_state(name, enabled=enabled))
        self.switches.refresh(self.status)


@pytest.fixture
def table(server: viser.ViserServer) -> Iterator[Table]:
    table = Table(server)
    yield table
    table.hands.close()


def test_a_switch_follows_its_output_whoever_switches(table: Table) -> None:
    assert table.hands.element("vmc-1").value and not table.hands.element("osc-2").value
    for enabled in (False, True, False):
        table.says("vmc-1", enabled)
        assert table.hands.element("vmc-1").value is enabled
    assert table.wishes.wished == [], "what is shown is not asked for"
    assert not table.hands.element("osc-2").value


def test_a_click_is_a_command(table: Table) -> None:
    table.says("vmc-1", True)
    table.hands.set("vmc-1", False)
    assert table.wishes.commands(1) == [SetOutput("key", "console", "vmc-1", enabled=False)]


def test_a_click_stands_until_the_output_answers(table: Table) -> None:
    table.says("vmc-1", True)
    table.hands.set("vmc-1", False)
    table.wishes.commands(1)
    until_heard = table._clock() + HOLD_S
    table.says("vmc-1", True)
    assert table.hands.element("vmc-1").value is False
    table.now_s = until_heard
    table.says("vmc-1", True)
    assert table.hands.element("vmc-1").value is True, "it was refused"


def test_a_silent_output_cannot_be_switched(table: Table) -> None:
    table.switches.refresh(table.status)
    assert table.hands.element("vmc-1").disabled
    table.says("vmc-1", True)
    assert not table.hands.element("vmc-1").disabled
    table.now_s = SHOW_SILENT_S
    table.switches.refresh(table.status)
    assert table.hands.element("vmc-1").disabled
