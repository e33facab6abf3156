"""A switch per output, and what it does in a line. The switch shows what the output says, whoever has switched it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import viser

from protocols.show import SetOutput
from stage.config import AnyOutputSection
from stage.console import tables
from stage.console.orders import Make
from stage.console.status import StageStatus

HOLD_S = 1.5
"""How long a click stands before the output's own word counts again."""


class OutputSwitches:
    """Holds the switches."""

    def __init__(
        self,
        gui: viser.GuiApi,
        outputs: Sequence[AnyOutputSection],
        wish: Callable[[Make], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Build them.

        Args:
            gui: Where to.
            outputs: The stage's.
            wish: Told the command of a click, from another thread.
            clock: Returns seconds.
        """
        self._switches = [_Switch(gui, output, wish, clock) for output in outputs]

    def refresh(self, status: StageStatus) -> None:
        """Show what the outputs say."""
        for switch in self._switches:
            switch.refresh(status)


class _Switch:
    def __init__(
        self, gui: viser.GuiApi, output: AnyOutputSection, wish: Callable[[Make], bool], clock: Callable[[], float]
    ) -> None:
        self._output = output
        self._wish = wish
        self._clock = clock
        self._held_until_s = clock()
        self._box = gui.add_checkbox(output.id, initial_value=output.enabled, disabled=True)
        self._box.on_update(self._on_click)
        self._line = gui.add_html("")

    def refresh(self, status: StageStatus) -> None:
        state = status.output_of(self._output.id)
        self._box.disabled = state is None
        self._line.content = tables.output(self._output, state)
        if state is not None and self._clock() >= self._held_until_s:
            self._box.value = state.enabled

    def _on_click(self, event: viser.GuiEvent[viser.GuiCheckboxHandle]) -> None:
        if event.client_id is None:  # set by us
            return
        name, enabled = self._output.id, self._box.value
        self._held_until_s = self._clock() + HOLD_S
        self._wish(lambda key, surface: SetOutput(key, surface, name, enabled=enabled))
