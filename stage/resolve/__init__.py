"""Solves takes again: as they were solved live, byte for byte, or anew, with other settings.

with tempfile.TemporaryDirectory() as folder:
    take = TakeReader(path)
    config = unpack(take, Path(folder))
    for record in resolve(take, config, as_live=True):
        ...
"""

from __future__ import annotations

from stage.resolve._follower import Follower as Follower
from stage.resolve._follower import Outcome as Outcome
from stage.resolve._resolve import INPUT_TOPICS as INPUT_TOPICS
from stage.resolve._resolve import Resolved as Resolved
from stage.resolve._resolve import resolve as resolve
from stage.resolve._threads import reckon_with as reckon_with
