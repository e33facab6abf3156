"""One actor's way through an output: the stream that encodes, and how often it may."""

from __future__ import annotations

import math

from stage.outputs.rate_limit import RateLimit
from stage.outputs.streams import Stream


class Lane:
    """Stream and rate limits of one actor in one output."""

    __slots__ = ("bodies", "faces", "stream")

    def __init__(self, stream: Stream, rate_hz: float, stage_rate_hz: float) -> None:
        """Bodies and faces are limited to `rate_hz` each; bodies come at most at `stage_rate_hz`."""
        self.stream = stream
        self.limit(rate_hz, stage_rate_hz)

    def limit(self, rate_hz: float, stage_rate_hz: float) -> None:
        """Sets another rate."""
        self.bodies = RateLimit(rate_hz, stage_rate_hz)
        self.faces = RateLimit(rate_hz, math.inf)
