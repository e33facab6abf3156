"""`stage solve TAKE`: one take, one new track, and what an operator should know of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from protocols.takefile import TakeReader
from stage.harmless import say
from stage.resolve.track import Wish, make_track
from stage.takes.moments import chosen_span
from stage.takes.recorded_timecode import recorded_timecode
from stage.takes.tracks import take_and_track


def run_resolve(path: Path, track: str, *, begin: str = "", end: str = "", **wish: Any) -> int:
    """Solves a take again and says what was made.

    Args:
        path: The take; of one of its tracks the take is meant.
        track: Name of the new track.
        begin: First moment: seconds since the take's beginning or timecode; "" is the beginning.
        end: Last moment, likewise.
        wish: Of `Wish`.

    Raises:
        ReplayError: The wish asks for nothing, or for what contradicts itself.
        TakeError: The take is damaged, has not what is needed, or the track cannot be written.
        StageError: The settings cannot be used.
    """
    take = TakeReader(take_and_track(path)[0])
    if begin or end:
        begin_ns, last_ns = chosen_span(begin, end, take.span_ns, recorded_timecode(take))
        wish |= {"begin_ns": begin_ns, "end_ns": last_ns + 1}
    made = make_track(take, track, Wish(**wish))
    size = made.path.stat().st_size / 1e6
    say(f"{made.path}: {made.records} performances and faces from {made.source}, {size:.1f} MB")
    return 0
