"""When the recorder's state is to be published: at every change, and once a second."""

from __future__ import annotations

from msgspec.structs import replace

from protocols.show import RecorderState

PERIOD_S = 1.0


class ToldState:
    """The state that was told last."""

    def __init__(self) -> None:
        """Nothing has been told."""
        self._told: RecorderState | None = None
        self._due_s = 0.0

    def due(self, state: RecorderState, now_s: float) -> bool:
        """Whether this state is to be told now; if so, it counts as told."""
        due = self._told is None or now_s >= self._due_s or _still(self._told) != _still(state)
        if due:
            self._told, self._due_s = state, now_s + PERIOD_S
        return due


def _still(state: RecorderState) -> RecorderState:
    """A state without what moves all the time: its counts, what is free, what was, and the clock."""
    return replace(
        state, records=0, lost=0, free_bytes=0, at_ns=0, minutes_left=0, frames=0, dropped_frames=0, pre_roll_s=0
    )
