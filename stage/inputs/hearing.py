"""Whether an input is heard: what to tell the operator when it falls silent or comes back."""

from __future__ import annotations

from collections import deque

_RATE_NS = 1_000_000_000
_MOST = 512


class Hearing:
    """Of one input; times are stage time."""

    def __init__(self, timeout_ns: int) -> None:
        self._timeout_ns = timeout_ns
        self._times: deque[int] = deque(maxlen=_MOST)
        self._heard = self._ever = False

    def hear(self, now_ns: int) -> None:
        """Something that can be used has come."""
        self._times.append(now_ns)

    def rate_hz(self, now_ns: int) -> float:
        """Records in the last second."""
        return float(sum(now_ns - time_ns <= _RATE_NS for time_ns in self._times))

    def news(self, now_ns: int) -> str:
        """What has changed since the last call: "is heard", "is heard again", "has fallen silent", or ""."""
        heard = len(self._times) > 0 and now_ns - self._times[-1] <= self._timeout_ns
        if heard == self._heard:
            return ""
        self._heard = heard
        if not heard:
            return "has fallen silent"
        again, self._ever = self._ever, True
        return "is heard again" if again else "is heard"

    @property
    def heard(self) -> bool:
        """As of the last `news`."""
        return self._heard
