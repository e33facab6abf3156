"""Tells the operator once what the workers say of themselves: engine, precision, threads, addresses, lags."""

from __future__ import annotations

from collections import defaultdict

from protocols.messages import Heartbeat
from stage.supervision.keeper import Say

_UNTOLD = frozenset({"page", "browsers"})
"""The console tells its address itself, as an event."""


class FactTeller:
    """Says every fact the first time it is heard."""

    def __init__(self, say: Say) -> None:
        """Speak through `say`."""
        self._say = say
        self._told: defaultdict[str, set[str]] = defaultdict(set)

    def hear(self, heartbeat: Heartbeat) -> None:
        """Look for facts that have not been told yet; their later values are in the report."""
        told = self._told[heartbeat.worker]
        fresh = {key: value for key, value in heartbeat.facts.items() if key not in told | _UNTOLD}
        if fresh:
            told.update(fresh)
            self._say("info", heartbeat.worker, ", ".join(f"{key} {value}" for key, value in fresh.items()))
