"""The transport of a replay: play and pause (P), position, steps (B, N), speed, loop, in and out point.

What is shown is the player's own word, except where somebody has just moved something.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import viser

from protocols.playback import PlayerState, SetPlayback
from stage.console import tables
from stage.console.orders import Make
from stage.console.status import StageStatus

HOLD_S = 1.0
"""How long what somebody has moved stands before the player's own word counts again."""
SETTLED_S = 0.15
"""A slider that is dragged says its position often; the player jumps when it has rested so long."""
SPEEDS = ("0.1", "0.25", "0.5", "1", "2", "4")
_STEP_S = 0.01
_PLAY, _PAUSE = "Play", "Pause"


class PlayPanel:
    """Holds the elements."""

    def __init__(
        self, gui: viser.GuiApi, wish: Callable[[Make], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Build them.

        Args:
            gui: Where to.
            wish: Told the commands, from another thread or from `refresh`.
            clock: Returns seconds.
        """
        self._wish = wish
        self._clock = clock
        self._state: PlayerState | None = None
        self._moved_s: float | None = None
        """When somebody moved the slider; None once that was said."""
        self._held_until_s = clock()
        self._line = gui.add_html("")
        self._position = gui.add_slider("Position", min=0.0, max=1.0, step=_STEP_S, initial_value=0.0, disabled=True)
        self._play = gui.add_button(_PLAY, icon=viser.Icon.PLAYER_PLAY_FILLED, disabled=True, hint="Key: P")
        self._steps = gui.add_button_group("Step", ("-10", "-1", "+1", "+10"), hint="Keys: B back, N next")
        self._speed = gui.add_button_group("Speed", SPEEDS)
        self._loop = gui.add_checkbox("Loop", initial_value=False, disabled=True)
        self._points = gui.add_button_group("Points", ("In here", "Out here", "Clear"))
        play, back, on = (
            gui.add_command("Play or pause", hotkey="P", icon=viser.Icon.PLAYER_PLAY_FILLED),
            gui.add_command("Step back", hotkey="B", icon=viser.Icon.PLAYER_TRACK_PREV),
            gui.add_command("Step on", hotkey="N", icon=viser.Icon.PLAYER_TRACK_NEXT),
        )
        play.on_trigger(self._on_play)
        back.on_trigger(lambda _: self._order(step=-1))
        on.on_trigger(lambda _: self._order(step=1))
        self._play.on_click(self._on_play)
        self._position.on_update(self._on_position)
        self._steps.on_click(lambda event: self._order(step=int(event.target.value)))
        self._speed.on_click(lambda event: self._order(speed=float(event.target.value)))
        self._loop.on_update(self._on_loop)
        self._points.on_click(lambda event: self._on_points(event.target.value))

    def refresh(self, status: StageStatus) -> None:
        """Show what the player says; give it the position to which somebody has moved the slider."""
        self._state = state = status.player_state
        self._line.content = tables.player(state)
        for element in (self._play, self._position, self._loop):
            element.disabled = state is None
        if state is None:
            return
        self._position.max = max(round(state.seconds, 2), _STEP_S)
        if self._moved_s is not None:
            if self._clock() - self._moved_s >= SETTLED_S:
                self._moved_s = None
                self._order(position_s=self._position.value)
            return
        self._play.label = _PAUSE if state.playing else _PLAY
        self._play.icon = viser.Icon.PLAYER_PAUSE_FILLED if state.playing else viser.Icon.PLAYER_PLAY_FILLED
        if self._clock() >= self._held_until_s:
            self._position.value = min(round(state.position_s, 2), self._position.max)
            self._loop.value = state.loop

    def _order(self, **wishes: Any) -> None:
        if self._state is None:  # groups of buttons and keys are never disabled
            return
        self._held_until_s = self._clock() + HOLD_S
        self._wish(lambda key, surface: SetPlayback(key, surface, **wishes))

    def _on_play(self, _: object) -> None:
        if self._state is not None:
            self._order(playing=not self._state.playing)

    def _on_position(self, event: viser.GuiEvent[Any]) -> None:
        if event.client_id is not None:  # else set by us
            self._moved_s = self._clock()

    def _on_loop(self, event: viser.GuiEvent[Any]) -> None:
        if event.client_id is not None:
            self._order(loop=self._loop.value)

    def _on_points(self, which: str) -> None:
        position_s = 0.0 if self._state is None else self._state.position_s
        if which == "Clear":
            self._order(begin_s=0.0, end_s=0.0)
        elif which == "In here":
            self._order(begin_s=position_s)
        else:
            self._order(end_s=position_s)
