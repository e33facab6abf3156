"""Solves takes again: as they were solved live, byte for byte, or anew, with other settings.

`resolve(take, unpack(take, folder), as_live=True)` gives the performances and faces that the live solver gave.
"""

from __future__ import annotations

from stage.resolve._follower import Follower as Follower
from stage.resolve._follower import Outcome as Outcome
from stage.resolve._resolve import INPUT_TOPICS as INPUT_TOPICS
from stage.resolve._resolve import Resolved as Resolved
from stage.resolve._resolve import resolve as resolve
from stage.resolve._threads import reckon_with as reckon_with
