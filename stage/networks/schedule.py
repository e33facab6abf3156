"""When the detector looks at a camera; what keeps the search for people cheap."""

from __future__ import annotations

PERIOD_NS = 500_000_000
"""Between looks for further people, in a camera that shows some."""

EMPTY_PERIOD_NS = 200_000_000
"""Between looks in a camera that has long shown nobody."""

EAGER_NS = 1_000_000_000
"""How long every frame of an empty camera is looked at."""

_STAGGER = 8


class DetectorSchedule:
    """The next time to look for people in one camera, by capture times only."""

    def __init__(self, index: int) -> None:
        """Cameras of different `index` look for further people at different times."""
        self._offset_ns = PERIOD_NS * (index % _STAGGER) // _STAGGER
        self.restart()

    def restart(self) -> None:
        """Nothing is known: look at the next frame, and eagerly while the camera is empty."""
        self._last_ns: int | None = None
        self._empty_since_ns: int | None = None

    def rest(self, capture_ns: int) -> None:
        """Nobody is searched at this time."""
        self._last_ns = capture_ns
        self._empty_since_ns = None

    def is_due(self, capture_ns: int, someone: bool) -> bool:
        """Whether to look at the frame of `capture_ns`; if so, it counts as done.

        Args:
            capture_ns: Time of the frame.
            someone: Whether somebody is being followed in this camera.
        """
        if someone:
            self._empty_since_ns = None
        elif self._empty_since_ns is None:
            self._empty_since_ns = capture_ns
        if self._last_ns is not None and capture_ns - self._last_ns < self._period_ns(capture_ns):
            return False
        self._last_ns = capture_ns
        return True

    def _period_ns(self, capture_ns: int) -> int:
        if self._empty_since_ns is not None:
            return 0 if capture_ns - self._empty_since_ns < EAGER_NS else EMPTY_PERIOD_NS
        return PERIOD_NS + self._offset_ns
