"""The timecode of a take: what the stage that recorded it said at its moments, on whatever machine this is asked.

    day       the zone of the recording machine is found by the label with which the take begins
    start     counted from that stage's start
    network   what its timecode machine said, followed anew; before its first word it is counted back from that

A take without a config, as other programs may have made it, has at least its first label: from there on it is counted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress

from msgspec.structs import replace

from protocols.errors import DecodeError, TakeError
from protocols.show import TimecodeSync
from protocols.takefile import TakeReader
from protocols.timecode import NS_PER_S, FrameRate, Timecode, TimecodeError
from stage.config import TimecodeSection
from stage.takes.contents import CONFIG, recorded_config
from stage.timecode import Count, Follower, TimecodeClock

_ZONE_STEP_NS = 15 * 60 * NS_PER_S
_ZONES = range(-12 * 4, 14 * 4 + 1)
"""Distances from UTC that there are, in quarters of an hour."""
_INSIDE_NS = 1_000
"""Steps land so far inside a frame: its edge is rounded."""


class RecordedTimecode:
    """Tells the timecode of recorded stage times; see `recorded_timecode`."""

    def __init__(
        self, rate: FrameRate, counts: Sequence[Count | TimecodeClock] = (), times_ns: Sequence[int] = ()
    ) -> None:
        """Each count goes from its time on, the first also before it; without any there is no timecode."""
        self.rate = rate
        """Frames per second, and how they are labelled."""
        self._counts, self._times_ns = counts, times_ns

    def at(self, time_ns: int) -> Timecode | None:
        """The timecode of a recorded stage time, wherever it lies; None when the take has none."""
        if len(self._counts) == 0:
            return None
        count = self._counts[max(0, bisect_right(self._times_ns, time_ns) - 1)]
        return count.at(time_ns, self.rate) if isinstance(count, Count) else count.at(time_ns)

    def text(self, time_ns: int) -> str:
        """The label of a recorded stage time; "" when the take has none."""
        moment = self.at(time_ns)
        return "" if moment is None else moment.text

    def find(self, label: str, begin_ns: int, end_ns: int) -> int | None:
        """The recorded stage time in [begin_ns, end_ns] at which the frame of a label begins; None: it is not there.

        Raises:
            TimecodeError: It is no label of the rate.
        """
        wanted = Timecode.parse(label, self.rate).frame
        wrap = self.rate.frames_per_day
        for edge_ns in [begin_ns, *(time_ns for time_ns in self._times_ns if begin_ns < time_ns <= end_ns)]:
            time_ns = edge_ns
            # A step lands where the count is even; the next one mends what a midnight between has moved.
            for _ in range(3):
                if (moment := self.at(time_ns)) is None:
                    return None
                into_ns = round(moment.subframe * self.rate.denominator * NS_PER_S / self.rate.numerator)
                apart = (wanted - moment.frame) % wrap
                apart = apart - wrap if apart > wrap // 2 else apart
                if apart == 0:
                    if begin_ns - self.rate.begin_ns(1) < time_ns - into_ns <= end_ns:
                        return max(begin_ns, time_ns - into_ns)  # the take may begin within the frame
                    break
                time_ns += self.rate.begin_ns(apart) - into_ns + _INSIDE_NS
        return None


def recorded_timecode(take: TakeReader) -> RecordedTimecode:
    """The timecode of a take. That of a timecode machine is read out of the whole file.

    Raises:
        TakeError: The take is damaged, or its facts name a timecode that cannot be.
    """
    facts, clock = take.facts.get("take", {}), take.facts.get("clock", {})
    known = CONFIG in take.attachments
    try:
        section = recorded_config(take).timecode if known else TimecodeSection()
        section = replace(section, rate=facts.get("timecode_rate") or section.rate or "30")
        rate = FrameRate.parse(section.rate)
        began_ns, label = int(facts.get("began_ns", "0")), facts.get("timecode", "")
        if (facts.get("timecode_source") or section.source) == "network" and (heard := _heard(take, rate)):
            return RecordedTimecode(rate, heard, [count.at_ns for count in heard])
        if known and "epoch_ns" in clock and section.source != "network":
            told = TimecodeClock(section, int(clock["epoch_ns"]), _zone_ns(section, began_ns, label))
            if not label or _label(told, began_ns) == label:
                return RecordedTimecode(rate, [told], [began_ns])
        if not label:
            return RecordedTimecode(rate)
        return RecordedTimecode(rate, [Count(began_ns, rate.begin_ns(Timecode.parse(label, rate).frame))], [began_ns])
    except (TimecodeError, ValueError, OverflowError) as error:
        raise TakeError(f"{take.path}: its timecode is not understood ({error})") from error


def _zone_ns(section: TimecodeSection, began_ns: int, label: str) -> int:
    """How far the recording machine's zone was ahead of UTC: so that the take began with this label."""
    if section.source == "day" and section.zone == "local":
        for quarters in sorted(_ZONES, key=abs):
            if _label(TimecodeClock(section, began_ns, quarters * _ZONE_STEP_NS), began_ns) == label:
                return quarters * _ZONE_STEP_NS
    return 0


def _label(clock: TimecodeClock, time_ns: int) -> str:
    moment = clock.at(time_ns)
    return "" if moment is None else moment.text


def _heard(take: TakeReader, rate: FrameRate) -> list[Count]:
    """What a follower of the machine made of each of its words."""
    follower, counts = Follower(rate), []
    for entry in take.records("timecode"):
        with suppress(DecodeError):
            record = entry.decoded().record
            if isinstance(record, TimecodeSync) and follower.hear(record) and follower.count is not None:
                counts.append(follower.count)
    return sorted(counts)
