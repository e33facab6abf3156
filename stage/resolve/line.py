"""The line that leads from a take's time to stage time while it is solved again live, and from where on it is shown.

After a jump the solver catches up from a state before the position. What it makes on the way is not shown; of an actor
who stands still at the position, the newest is.
"""

from __future__ import annotations

from protocols.playback import PlayerState
from stage.replay.item import Pace

_SLACK_NS = 5_000_000
"""The player tells of a new place a moment after it has begun there."""


class Line:
    """As the newest `PlayerState` says."""

    def __init__(self, begin_ns: int) -> None:
        """Nothing has been said.

        Args:
            begin_ns: Where positions are counted from, in the take's time.
        """
        self.pace: Pace | None = None
        """None before the first state."""
        self.standing = False
        """Whether the player stands still."""
        self._begin_ns = begin_ns
        self._runs = -1
        self._shown_from_ns = self._shown_to_ns = 0

    def update(self, state: PlayerState) -> None:
        """The player has told what it does."""
        if state.runs != self._runs:
            self._runs = state.runs
            self._shown_from_ns = self._begin_ns + round(state.position_s * 1e9) - _SLACK_NS
        self._shown_to_ns = self._begin_ns + round(state.end_s * 1e9)
        self.pace = Pace(state.at_ns, state.at_ns - state.shift_ns, max(state.speed, 1e-3))
        self.standing = not state.playing

    def is_due(self, capture_ns: int) -> bool:
        """Whether what was captured then, in the take's time, is shown; if not, it is what leads to the position.

        What lies beyond the out point was solved before what does not, and is not shown either.
        """
        return self._shown_from_ns <= capture_ns < self._shown_to_ns
