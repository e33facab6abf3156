from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.receivers.message import Received


@dataclass
class Evmc4u:
    """EVMC4U (Unity): exact types, everything cached, and a shutdown for good when an argument is missing."""

    shutdown: bool = False
    available: int = 0
    calibrated: bool = False
    time_s: float = -1.0
    root: list[float] = field(default_factory=list)
    bones: dict[str, list[float]] = field(default_factory=dict)
    blends: dict[str, float] = field(default_factory=dict)
    ignored: int = 0
    times_in_render_frame: int = 0
    times_before: int = 0
    dropped: int = 0

    def render_frame(self) -> None:
        """One Update of the engine."""
        self.times_before, self.times_in_render_frame = self.times_in_render_frame, 0

    def take(self, message: Received) -> None:
        """Process one message."""
        if self.shutdown:
            return
        if self.times_before > 30:
            self.dropped += 1
            return
        try:
            self._process(message.address, message.values)
        except IndexError:
            self.shutdown = True

    def _process(self, address: str, values: list[Any]) -> None:
        if address == "/VMC/Ext/OK" and isinstance(values[0], int):
            self.available = values[0]
            self.calibrated = len(values) >= 3 and values[1:3] == [3, 0]
        elif address == "/VMC/Ext/T" and isinstance(values[0], float):
            self.time_s = values[0]
            self.times_in_render_frame += 1
        elif address == "/VMC/Ext/Root/Pos" and self._is_pose(values):
            self.root = values[1:8]
        elif address == "/VMC/Ext/Bone/Pos" and self._is_pose(values):
            self.bones[values[0]] = values[1:8]
        elif address == "/VMC/Ext/Blend/Val" and isinstance(values[0], str) and isinstance(values[1], float):
            self.blends[values[0].lower()] = values[1]
        elif address != "/VMC/Ext/Blend/Apply":
            self.ignored += 1

    @staticmethod
    def _is_pose(values: list[Any]) -> bool:
        # All eight are looked at one after the other, so a missing one is an exception, not a "no".
        return isinstance(values[0], str) and all([isinstance(values[i], float) for i in range(1, 8)])
