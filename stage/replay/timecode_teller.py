"""Sets the timecode of a replaying stage: to an engine it is that of the take.

The stage follows a "network" source (`stage.timecode`), and this is it. It speaks when what it said last is not true
any more: after a jump, at another speed, after a pause, over midnight. Otherwise once a second, as a sign of life.
"""

from __future__ import annotations

from protocols.show import TimecodeSync
from protocols.timecode import NS_PER_S
from stage.takes.recorded_timecode import RecordedTimecode
from stage.timecode import Count

SOURCE = "take"

_NEAR_NS = 20_000
_PERIOD_NS = NS_PER_S


class TimecodeTeller:
    """Knows what was said, and says what is to be said before a record goes out."""

    def __init__(self, recorded: RecordedTimecode) -> None:
        """Has said nothing.

        Args:
            recorded: Timecode of the take.
        """
        self._recorded = recorded
        self._rate = recorded.rate
        self._wrap_ns = self._rate.begin_ns(self._rate.frames_per_day)
        self._said: Count | None = None

    def before(self, log_ns: int, stage_ns: int, speed: float) -> TimecodeSync | None:
        """What to say before something goes out; None: it is known.

        Args:
            log_ns: When it was captured, stage time of the take.
            stage_ns: As when it is told, stage time now.
            speed: How many times as fast as then time passes; 0 while the player stands.
        """
        moment = self._recorded.at(log_ns)
        if moment is None:
            return None
        into_ns = int(moment.subframe * self._rate.denominator * NS_PER_S / self._rate.numerator)
        told = Count(stage_ns, self._rate.begin_ns(moment.frame) + into_ns, speed)
        if self._said is not None and self._said.speed == told.speed and stage_ns - self._said.at_ns < _PERIOD_NS:
            apart_ns = (self._said.after_ns(stage_ns) - told.count_ns) % self._wrap_ns
            if min(apart_ns, self._wrap_ns - apart_ns) <= _NEAR_NS:
                return None
        self._said = told
        return TimecodeSync(stage_ns, moment.text, SOURCE, told.speed, into_ns)
