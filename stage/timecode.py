"""The stage's timecode: from stage time to SMPTE timecode.

    day       frames counted since midnight, of the clock on the wall or of UTC, plus an offset
    start     frames counted since the stage's start, from an offset on
    network   frames as a timecode machine tells them

The zone's distance from UTC is taken once, at the stage's start: a timecode that jumps by an hour in the middle of a
night would spoil every take. At 1000/1001 rates the count of a day ends before or behind 24:00:00:00 and starts anew
at midnight (the daily jam).

A timecode machine is followed in small steps, for its samples come late by more or less, never early by much. What
differs by more than `_JUMP_NS` is a jump, once `_AGREED` samples in a row say the same; until then the old count runs
on. So a single stray sample changes nothing. A label that is told again says nothing new: a machine that stands still
is not followed but lost. A replayed take is no machine: it knows its timecode, and sets it.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from protocols.show import TimecodeSync
from protocols.timecode import NS_PER_S, FrameRate, Timecode, TimecodeError
from stage.config import TimecodeSection

LOST_NS = 2_000_000_000
"""Without a sample so long, the source is lost; the count runs on."""

_DAY_NS = 24 * 60 * 60 * NS_PER_S
_JUMP_NS = 75_000_000
_AGREED = 3
_GAIN = 0.05


class TimecodeClock:
    """Tells the timecode of any stage time; pure, no I/O."""

    def __init__(self, section: TimecodeSection, epoch_ns: int, zone_ns: int | None = None) -> None:
        """Begins to count.

        Args:
            section: What to count, and from where.
            epoch_ns: Stage time of the stage's start.
            zone_ns: How far the local zone is ahead of UTC; None asks this machine.

        Raises:
            TimecodeError: An offset that is no label of the rate.
        """
        self.rate = FrameRate.parse(section.rate or "30")
        self.source = section.source
        self._offset = Timecode.parse(section.offset, self.rate).frame
        self._epoch_ns = epoch_ns
        local = section.zone == "local"
        if zone_ns is None:
            zone_ns = time.localtime(epoch_ns // NS_PER_S).tm_gmtoff * NS_PER_S
        self._zone_ns = zone_ns if local else 0
        self._follower = Follower(self.rate)
        self._asked_ns: int | None = None
        self._told: Timecode | None = None

    def at(self, time_ns: int) -> Timecode | None:
        """The timecode of a stage time; None while a network source has not spoken."""
        if time_ns != self._asked_ns:  # every output asks for that of the same capture
            self._asked_ns, self._told = time_ns, self._reckoned(time_ns)
        return self._told

    def _reckoned(self, time_ns: int) -> Timecode | None:
        if self.source == "network":
            return self._follower.at(time_ns)
        if self.source == "start":
            since_ns = time_ns - self._epoch_ns
        else:
            since_ns = (time_ns + self._zone_ns) % _DAY_NS
        return Timecode.at(since_ns, self.rate).plus(self._offset)

    def sync(self, sample: TimecodeSync) -> bool:
        """A timecode machine has spoken, or a replay has set the timecode.

        Returns:
            Whether it was believed: False for what is no label of the rate, and for a stray one.
        """
        self._asked_ns = None
        return self._follower.hear(sample)

    def fault(self, time_ns: int) -> str:
        """What is wrong with a network source at a stage time, and what to do; "" when all is well."""
        if self.source != "network":
            return ""
        heard_ns = self._follower.heard_ns
        if heard_ns is None:
            return f"no timecode has come yet; does its source send at {self.rate.text}?"
        silent_ns = time_ns - heard_ns
        return (
            "" if silent_ns <= LOST_NS else f"no usable timecode for {silent_ns / 1e9:.0f} s; its count runs on alone"
        )


class Count(NamedTuple):
    """How a timecode runs."""

    at_ns: int
    """A stage time,"""
    count_ns: int
    """and how long after frame 0 that was."""
    speed: float = 1.0

    def after_ns(self, time_ns: int) -> int:
        """How long after frame 0 a stage time is."""
        since_ns = time_ns - self.at_ns
        return self.count_ns + (since_ns if self.speed == 1.0 else round(since_ns * self.speed))

    def at(self, time_ns: int, rate: FrameRate) -> Timecode:
        """The timecode of a stage time."""
        return Timecode.at(self.after_ns(time_ns) % rate.begin_ns(rate.frames_per_day), rate)


class Follower:
    """Follows the samples of a timecode machine."""

    def __init__(self, rate: FrameRate) -> None:
        self._rate = rate
        self._wrap_ns = rate.begin_ns(rate.frames_per_day)
        self._last = -1
        self._other_ns = 0
        self._others = 0
        self.count: Count | None = None
        """What is believed; None before the first sample."""
        self.heard_ns: int | None = None
        """Stage time of the last sample that was believed; None before the first."""

    def at(self, time_ns: int) -> Timecode | None:
        """The timecode of a stage time; None before the first sample."""
        return None if self.count is None else self.count.at(time_ns, self._rate)

    def hear(self, sample: TimecodeSync) -> bool:
        """Takes what came over the bus; says whether it was believed."""
        try:
            frame = Timecode.parse(sample.text, self._rate).frame
        except TimecodeError:
            return False
        if sample.speed is None:
            return self.sync(sample.at_ns, frame)
        self._last = -1
        self._believe(Count(sample.at_ns, self._rate.begin_ns(frame) + sample.into_ns, sample.speed))
        return True

    def sync(self, at_ns: int, frame: int) -> bool:
        """Takes a sample: this frame began at this stage time; says whether it was believed."""
        if frame == self._last:
            return False
        self._last = frame
        told_ns = self._rate.begin_ns(frame)
        if self.count is None:
            self._believe(Count(at_ns, told_ns))
            return True
        counted_ns = self.count.after_ns(at_ns)
        error_ns = self._apart(told_ns, counted_ns)
        if abs(error_ns) <= _JUMP_NS:
            self._believe(Count(at_ns, counted_ns + round(_GAIN * error_ns)))
            return True
        ahead_ns = told_ns - at_ns
        if self._others == 0 or abs(self._apart(ahead_ns, self._other_ns)) > _JUMP_NS // 2:
            self._other_ns, self._others = ahead_ns, 0
        self._others += 1
        if self._others < _AGREED:
            return False
        self._believe(Count(at_ns, told_ns))
        return True

    def _believe(self, count: Count) -> None:
        self.count, self.heard_ns, self._others = count, count.at_ns, 0

    def _apart(self, a_ns: int, b_ns: int) -> int:
        half_ns = self._wrap_ns // 2
        return (a_ns - b_ns + half_ns) % self._wrap_ns - half_ns
