"""Records of playing a take: the command that moves the player, and the player's state.

    a surface --SetPlayback on command.<surface>--> replay --CommandReply on reply.replay--> the surface
    replay --PlayerState on player--> console, control, mqtt

Positions are seconds since the take's beginning, pre-roll included.
"""

from __future__ import annotations

from protocols.messages import Record
from protocols.show import Command

MAX_SPEED = 16.0


class SetPlayback(Command, frozen=True):
    """Move the player; what is None stays as it is."""

    playing: bool | None = None
    position_s: float | None = None
    """Jump there; outside the in and out points it is brought inside."""
    step: int = 0
    """So many performances on (or back) from here, standing still afterwards."""
    speed: float | None = None
    """Above 0, up to `MAX_SPEED`."""
    loop: bool | None = None
    begin_s: float | None = None
    """In point."""
    end_s: float | None = None
    """Out point; 0 is the end of the take."""


class PlayerState(Record, frozen=True):
    """What the player does; published at every change and ten times a second while it plays, on "player"."""

    at_ns: int
    take: str
    """The take's name."""
    track: str
    """Which solve of it is played; "" is what was recorded live."""
    source: str
    """What is played: "performances", or what is solved again: "landmarks" or "frames"."""
    playing: bool
    position_s: float
    seconds: float
    """Length of the take."""
    begin_s: float
    """In point."""
    end_s: float
    """Out point."""
    speed: float
    loop: bool
    timecode: str
    """Of the position, as it was recorded; "" when the take has none."""
    shift_ns: int = 0
    """Added to the times of what was recorded: stage time now less stage time then."""
    runs: int = 0
    """How often the position was set back: loops and jumps."""
    fault: str = ""
    """What is wrong, and what to do; "" when all is well."""
