"""A recording as fast as the solver takes it.

The solver says of every frameset that it is done; that is the credit for a later one, and no more
than `AHEAD_FRAMESETS` are ever on their way. So nothing is dropped, and nothing waits for the clock.
The feed begins when everybody in its audience has been heard of, so that nothing is shown to nobody;
and should a frameset be lost on the way, it goes on by itself after a while, and counts that.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection

from stage.cameras.feed import NS, BufferFor, RecordingFeed
from stage.cameras.playback import Playback
from stage.cameras.sources import Frame

AHEAD_FRAMESETS = 2
AUDIENCE = ("landmarks", "solve")
CREDIT_TIMEOUT_S = 1.0


class FastFeed(RecordingFeed):
    """Without credit, `poll` returns None at once."""

    def __init__(
        self,
        playback: Playback,
        stage_rate: float,
        epoch_ns: int,
        faults: Counter[str] | None = None,
        audience: Collection[str] = AUDIENCE,
    ) -> None:
        """Wait for the audience.

        Args:
            playback: The recording, opened.
            stage_rate: Framesets per second.
            epoch_ns: Stage time of the first frame.
            faults: Shared with the recording.
            audience: The workers that wait for the frames, or for what comes of them.
        """
        super().__init__(playback, Counter() if faults is None else faults)
        # A frameset per frame, where the recording is slower than the stage.
        self._frameset_ns = max(round(NS / stage_rate), self._interval_ns)
        self._solved_ns = epoch_ns - self._frameset_ns
        self._missing = set(audience)
        self._changed_s = 0.0

    @property
    def may_go_on(self) -> bool:
        """Whether `poll` could give a frame now, as far as is known without reading it."""
        if len(self._missing) > 0:
            return False
        if self._ready is None or self._ready.capture_ns is None:
            return True
        return self._is_paid(self._ready.capture_ns) or time.monotonic() - self._changed_s > CREDIT_TIMEOUT_S

    def hear(self, worker: str) -> None:
        """A worker that looks at the frames, or at what comes of them, is running."""
        if worker in self._missing:
            self._missing.discard(worker)
            self._changed_s = time.monotonic()

    def credit(self, solved_ns: int) -> None:
        """The frameset with this capture time is done."""
        if solved_ns > self._solved_ns:
            self._solved_ns = solved_ns
            self._changed_s = time.monotonic()

    def _poll(self, buffer_for: BufferFor) -> Frame | None:
        if not self.may_go_on:
            return None
        if self._ready is None:
            self._ready = self._next(buffer_for)
            if not self.may_go_on:
                return None
        frame, self._ready = self._ready, None
        if frame is None or frame.capture_ns is None:
            return None
        if self._solved_ns - frame.capture_ns > AHEAD_FRAMESETS * self._frameset_ns:
            # This worker was restarted while the others went on.
            self._playback.go_to(self._solved_ns + self._frameset_ns // 2)
            return None
        if not self._is_paid(frame.capture_ns):
            self.faults["credit_timeouts"] += 1
            self.credit(frame.capture_ns - AHEAD_FRAMESETS * self._frameset_ns)
        return frame

    def _is_paid(self, capture_ns: int) -> bool:
        return capture_ns - self._solved_ns < (AHEAD_FRAMESETS + 0.5) * self._frameset_ns
