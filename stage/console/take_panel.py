"""Slate, number and button of takes, and marks in them; keys R and M do what the buttons do.

The fields show what the recorder says, except while somebody writes in them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import viser

from protocols.show import MAX_NOTE, MAX_SLATE, MAX_TAKE, Mark, RecorderState, SetSlate, StartRecording, StopRecording
from stage.console import tables
from stage.console.orders import Make
from stage.console.status import StageStatus

WRITTEN_S = 0.8
"""How long after the last key a slate is taken for written."""

HOLD_S = 1.5
"""How long what was written, or a press of the button, stands before the recorder's own word counts again."""


class TakePanel:
    """Holds the fields and the button."""

    def __init__(
        self,
        gui: viser.GuiApi,
        slate: str,
        wish: Callable[[Make], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Build them.

        Args:
            gui: Where to.
            slate: The first slate.
            wish: Told the commands, from another thread or from `refresh`.
            clock: Returns seconds.
        """
        self._wish = wish
        self._clock = clock
        self._recording = False
        self._slate_written_s: float | None = None
        self._number_written_s: float | None = None
        self._held_until_s = clock()
        self._slate = gui.add_text("Slate", initial_value=slate)
        self._number = gui.add_number("Take", initial_value=1, min=1, max=MAX_TAKE, step=1)
        self._button = gui.add_button("Record", color="red", icon=viser.Icon.PLAYER_RECORD_FILLED, disabled=True)
        self._line = gui.add_html("")
        self._note = gui.add_text("Note", initial_value="", hint="Goes with the next mark.", disabled=True)
        self._mark = gui.add_button(
            "Mark", color="gray", icon=viser.Icon.FLAG, disabled=True, hint="At this moment of the take. Key: M"
        )
        keys = (
            gui.add_command("Record or stop", hotkey="R", icon=viser.Icon.PLAYER_RECORD_FILLED),
            gui.add_command("Mark in the take", hotkey="M", icon=viser.Icon.FLAG),
        )
        for key, act in zip(keys, (self._on_button, self._on_mark), strict=True):
            key.on_trigger(act)
        self._slate.on_update(self._on_slate)
        self._number.on_update(self._on_number)
        self._button.on_click(self._on_button)
        self._mark.on_click(self._on_mark)

    def refresh(self, status: StageStatus, now_ns: int) -> None:
        """Show what the recorder says at a stage time; give the slate to it when it is written."""
        state = status.recorder_state
        self._line.content = tables.recorder(state, now_ns)
        self._give_what_is_written()
        if state is None:
            self._button.disabled = self._mark.disabled = self._note.disabled = True
            return
        if self._clock() < self._held_until_s:
            return
        self._button.disabled = False
        self._show(state)

    def _show(self, state: RecorderState) -> None:
        self._recording = state.recording
        self._button.label = "Stop" if state.recording else "Record"
        self._button.icon = viser.Icon.PLAYER_STOP_FILLED if state.recording else viser.Icon.PLAYER_RECORD_FILLED
        self._slate.disabled = self._number.disabled = state.recording
        self._mark.disabled = self._note.disabled = not state.recording
        if self._slate_written_s is None:
            self._slate.value = state.slate
        if self._number_written_s is None and state.take > 0:
            self._number.value = state.take

    def _give_what_is_written(self) -> None:
        latest_s = max(
            (at_s for at_s in (self._slate_written_s, self._number_written_s) if at_s is not None), default=None
        )
        if latest_s is None or self._clock() < latest_s + WRITTEN_S:
            return
        slate, take = self._written()
        if slate or take:
            self._wish(lambda key, surface: SetSlate(key, surface, slate, take))
            self._held_until_s = self._clock() + HOLD_S

    def _written(self) -> tuple[str, int]:
        """Slate and number where somebody has written them, else "" and 0; takes them out."""
        slate = self._slate.value.strip()[: MAX_SLATE + 1] if self._slate_written_s is not None else ""
        take = min(max(int(self._number.value), 0), MAX_TAKE) if self._number_written_s is not None else 0
        self._slate_written_s = self._number_written_s = None
        return slate, take

    def _on_slate(self, event: viser.GuiEvent[Any]) -> None:
        if event.client_id is not None:  # else set by us
            self._slate_written_s = self._clock()

    def _on_number(self, event: viser.GuiEvent[Any]) -> None:
        if event.client_id is not None:
            self._number_written_s = self._clock()

    def _on_mark(self, _: object) -> None:
        if self._mark.disabled:
            return
        note = self._note.value.strip()[: MAX_NOTE + 1]
        self._note.value = ""
        self._wish(lambda key, surface: Mark(key, surface, note))

    def _on_button(self, _: object) -> None:
        if self._button.disabled:  # a key is never disabled
            return
        self._button.disabled = True
        self._held_until_s = self._clock() + HOLD_S
        if self._recording:
            self._wish(StopRecording)
        else:
            slate, take = self._written()
            self._wish(lambda key, surface: StartRecording(key, surface, slate, take))
