"""SMPTE timecode: frames, their labels, and the moments they begin.

A timecode names frames by labels HH:MM:SS:FF. Three things are kept apart here:

    frame   counts real frames since 00:00:00:00; this is what travels and what one calculates with
    label   how a frame is written; at 29.97 and 59.94 frames per second there are two ways to write it
    time    frame * denominator / numerator seconds

The labels count to the next whole rate, so at 1000/1001 of it they lag behind the clock on the wall by 3.6 s an hour.
Drop-frame labels make up for that: they leave out the first 2 (59.94: 4) of every minute but each tenth. No frame is
dropped, only labels. Drop-frame is written with a semicolon before the frames, 01:00:00;02.

After 24 hours of labels the count starts again; the text of a frame beyond that is that of the next day.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from protocols.errors import ProtocolError

NS_PER_S = 1_000_000_000

_SECONDS_PER_DAY = 24 * 60 * 60
_LABEL = re.compile(r"(\d\d):([0-5]\d):([0-5]\d)([:;.,])(\d\d)", re.ASCII)
_RATES = {
    "23.976": (24000, 1001),
    "23.98": (24000, 1001),
    "24": (24, 1),
    "25": (25, 1),
    "29.97": (30000, 1001),
    "30": (30, 1),
    "50": (50, 1),
    "59.94": (60000, 1001),
    "60": (60, 1),
}
_DROPPED_PER_MINUTE = {30: 2, 60: 4}


class TimecodeError(ProtocolError):
    """A rate or a label that is none."""


class FrameRate(NamedTuple):
    """Frames per second as a fraction, and how they are labelled."""

    numerator: int
    denominator: int
    drop: bool = False
    """Drop-frame labels; only at 30000/1001 and 60000/1001."""

    @classmethod
    def parse(cls, text: str) -> FrameRate:
        """The rate written "29.97" (labels of all frames) or "29.97df" (drop-frame).

        Raises:
            TimecodeError: It is none of those that timecode has.
        """
        name = text.strip().lower()
        drop = name.endswith("df") and not name.endswith("ndf")
        fraction = _RATES.get(name.removesuffix("df").removesuffix("n"))
        if fraction is None:
            raise TimecodeError(f'no timecode rate "{text}"; there are {", ".join(_RATES)}, and 29.97df, 59.94df')
        rate = cls(*fraction, drop)
        if drop and rate.dropped_per_minute == 0:
            raise TimecodeError(f'no timecode rate "{text}"; drop-frame exists at 29.97 and 59.94 only')
        return rate

    @property
    def nominal(self) -> int:
        """Labels per second: the next whole rate."""
        return -(-self.numerator // self.denominator)

    @property
    def dropped_per_minute(self) -> int:
        """Labels left out at the start of a minute; 0 without drop-frame."""
        exact = self.denominator == 1
        return 0 if exact or not self.drop else _DROPPED_PER_MINUTE.get(self.nominal, 0)

    @property
    def frames_per_day(self) -> int:
        """Frames until the labels start again."""
        return self.nominal * _SECONDS_PER_DAY - self.dropped_per_minute * (24 * 60 - 24 * 6)

    @property
    def text(self) -> str:
        """As `parse` reads it."""
        fraction = (self.numerator, self.denominator)
        name = next((name for name, known in _RATES.items() if known == fraction), f"{fraction[0]}/{fraction[1]}")
        return f"{name}df" if self.drop else name

    def begin_ns(self, frame: int) -> int:
        """When a frame begins, in nanoseconds after frame 0, rounded up: this moment is in the frame, not before it."""
        return -(-frame * self.denominator * NS_PER_S // self.numerator)


class Timecode(NamedTuple):
    """A moment in timecode."""

    frame: int
    """Real frames since 00:00:00:00."""
    subframe: float
    """How far into the frame, in [0, 1)."""
    rate: FrameRate

    @classmethod
    def at(cls, time_ns: int, rate: FrameRate) -> Timecode:
        """The moment so long after frame 0 began; below 24 hours of labels."""
        unit = rate.denominator * NS_PER_S
        frame, rest = divmod(time_ns * rate.numerator, unit)
        return cls(frame % rate.frames_per_day, rest / unit, rate)

    @classmethod
    def parse(cls, text: str, rate: FrameRate) -> Timecode:
        """The begin of the frame with this label.

        Args:
            text: HH:MM:SS:FF, or HH:MM:SS;FF, which says that it is drop-frame.
            rate: How to count it.

        Raises:
            TimecodeError: It is no label, or none of this rate.
        """
        found = _LABEL.fullmatch(text.strip())
        if found is None:
            raise TimecodeError(f'"{text[:40]}" is no timecode; write HH:MM:SS:FF, or HH:MM:SS;FF for drop-frame')
        hour, minute, second, frame = (int(found[group]) for group in (1, 2, 3, 5))
        if hour > 23 or frame >= rate.nominal:
            raise TimecodeError(f"no timecode {text.strip()} at {rate.text}: up to 23:59:59:{rate.nominal - 1}")
        if found[4] != ":" and not rate.drop:
            raise TimecodeError(f"{text.strip()} is drop-frame, and {rate.text} is not; set the rate of its source")
        dropped = rate.dropped_per_minute
        if second == 0 and frame < dropped and minute % 10 != 0:
            raise TimecodeError(f"no timecode {text.strip()} at {rate.text}: drop-frame leaves this label out")
        minutes = 60 * hour + minute
        labels = (60 * minutes + second) * rate.nominal + frame
        return cls(labels - dropped * (minutes - minutes // 10), 0.0, rate)

    @property
    def text(self) -> str:
        """The label of the frame."""
        nominal, dropped = self.rate.nominal, self.rate.dropped_per_minute
        label = self.frame % self.rate.frames_per_day
        if dropped > 0:
            per_minute = 60 * nominal - dropped
            tens, rest = divmod(label, 10 * per_minute + dropped)
            label += dropped * (9 * tens + max(0, rest - dropped) // per_minute)
        seconds, frame = divmod(label, nominal)
        minutes, second = divmod(seconds, 60)
        hour, minute = divmod(minutes, 60)
        return f"{hour:02}:{minute:02}:{second:02}{';' if self.rate.drop else ':'}{frame:02}"

    def plus(self, frames: int) -> Timecode:
        """So many frames later, or earlier; below 24 hours of labels."""
        return self._replace(frame=(self.frame + frames) % self.rate.frames_per_day)
