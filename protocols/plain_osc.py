"""Plain OSC: one actor as floats at fixed addresses, for Unreal Blueprints, TouchDesigner, Max and the like.

    /stage/<actor>/root          fffffff   x y z  qx qy qz qw
    /stage/<actor>/bone/<name>   ffffffff  x y z  qx qy qz qw  confidence
    /stage/<actor>/confidence    f         mean over the bones, 0 to 1
    /stage/<actor>/state         f         0 absent, 1 fading, 2 holding, 3 tracking
    /stage/<actor>/timecode      fffffff   hours minutes seconds frames  rate  drop-frame (0 or 1)  subframe
    /stage/<actor>/time          ffff      capture: second of the UTC day, fraction; sending: second, fraction

Every value is sent in every frame, and `time` ends it. Position: the head of the bone in the world. Rotation: how the
bone has turned from the rest pose, in world axes. Which axes, units and bones is the output's choice. The face
has addresses of its own, see `protocols.plain_osc_face`.

The rate of the timecode is 0 while the stage has none. A float32 holds the whole seconds of a day exactly and
the fraction to 60 ns; sender and receiver with one clock can thus read the latency of every frame.

Unreal matches addresses against patterns, reads strings as ANSI and gets floats only as floats: hence containers
before every name (an event bound to /stage/anna/bone/* gets all bones and nothing else), no pattern characters, and
no other type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols import osc
from protocols.errors import EncodeError
from protocols.names import RIG_BONES
from protocols.osc_template import FrameTemplate, split
from protocols.timecode import Timecode

PORT = 8000
"""Unreal's OSC plugin and TouchDesigner have none of their own; 8000 is common."""

TOP = "stage"
"""The first level of every address."""

STATES = ("absent", "fading", "holding", "tracking")
"""The number of a state is its place here."""

CLOSING_WIDTHS = {"confidence": 1, "state": 1, "timecode": 7, "time": 4}
"""The messages that end a body or a face, and their floats."""

DAY_S = 86_400
_BONE = 8
_ROOT = 7
_CLOSING = sum(CLOSING_WIDTHS.values())
_BELOW_1 = 1.0 - 2.0**-24  # the last float32 below 1, to which fractions must not be rounded up
_NO_TIMECODE = (0.0,) * CLOSING_WIDTHS["timecode"]
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_.-]")


class DayTime(NamedTuple):
    """A moment as /stage/<actor>/time sends it."""

    second: float
    """Whole seconds since midnight UTC."""
    fraction: float
    """[0, 1)."""

    @classmethod
    def of(cls, time_ns: int) -> DayTime:
        """The time of day of nanoseconds since 1970."""
        seconds, rest = divmod(time_ns, 1_000_000_000)
        return cls(float(seconds % DAY_S), min(rest / 1e9, _BELOW_1))

    def age_ns(self, now_ns: int) -> int:
        """How long ago this was, at most half a day either way."""
        day_ns = DAY_S * 1_000_000_000
        then_ns = round(self.second) * 1_000_000_000 + round(self.fraction * 1e9)
        return (now_ns - then_ns + day_ns // 2) % day_ns - day_ns // 2


def container(actor: str) -> str:
    """An actor's level of the addresses: its id, of which other characters become "_"."""
    return _FORBIDDEN.sub("_", actor) or "_"


@lru_cache(4)
def timecode_numbers(timecode: Timecode | None) -> tuple[float, ...]:
    """(7,) hours, minutes, seconds, frames as the label says them; rate, drop-frame, subframe. All 0 for None."""
    if timecode is None:
        return _NO_TIMECODE
    label = timecode.text.replace(";", ":").split(":")
    rate = timecode.rate
    return *map(float, label), rate.numerator / rate.denominator, float(rate.drop), min(timecode.subframe, _BELOW_1)


def closing_numbers(
    confidence: NDArray[np.floating], state: str, timecode: Timecode | None, capture_ns: int, sent_ns: int
) -> tuple[float, ...]:
    """The numbers of `CLOSING_WIDTHS`: mean confidence, state, timecode, time of capture and of sending.

    Raises:
        EncodeError: An unknown state.
    """
    if state not in STATES:
        raise EncodeError(f"state {state!r} is none of {', '.join(STATES)}")
    mean = float(np.add.reduce(confidence)) / len(confidence)
    return mean, STATES.index(state), *timecode_numbers(timecode), *_day_time(capture_ns), *_day_time(sent_ns)


@lru_cache(4)
def _day_time(time_ns: int) -> DayTime:
    """Body and face of a performance ask for the same two."""
    return DayTime.of(time_ns)


class FloatFrame:
    """A frame of messages with nothing but floats, packed once."""

    def __init__(self, widths: Mapping[str, int], *, bundled: bool) -> None:
        """Packs everything but the numbers.

        Args:
            widths: Floats of each address, in the order to send them.
            bundled: False sends every message as a datagram of its own.
        """
        messages = [osc.message(address, "f" * width, *[0.0] * width) for address, width in widths.items()]
        self._template = FrameTemplate(split(messages, len(messages)), bundled=bundled)
        places = [self._template.trailing(row, 1, width) for row, width in enumerate(widths.values())]
        self._numbers = self._template.numbers(*places)
        self.values = self._numbers.values
        """All numbers of the frame, in the order of the addresses."""

    def encode(self) -> tuple[memoryview, ...]:
        """The datagrams with the numbers of `values`, views of one buffer that the next call overwrites.

        Raises:
            EncodeError: A number that is not finite.
        """
        if not self._numbers.finite:
            raise EncodeError("OSC frame with a number that is not finite; not sent")
        self._numbers.write()
        return self._template.datagrams


class PlainOscEncoder:
    """Writes the frames of one actor into datagrams it has packed beforehand."""

    def __init__(self, actor: str, bones: Sequence[str] = RIG_BONES[1:], *, bundled: bool = True) -> None:
        """Packs everything but the numbers.

        Args:
            actor: Its id.
            bones: Names, in the order of the array given to `encode`.
            bundled: False sends every message as a datagram of its own.
        """
        top = f"/{TOP}/{container(actor)}"
        widths = {f"{top}/root": _ROOT} | {f"{top}/bone/{bone}": _BONE for bone in bones}
        self._frame = FloatFrame(widths | {f"{top}/{n}": w for n, w in CLOSING_WIDTHS.items()}, bundled=bundled)
        self._root = self._frame.values[:_ROOT]
        self._bones = self._frame.values[_ROOT:-_CLOSING].reshape(len(bones), _BONE)
        self._closing = self._frame.values[-_CLOSING:]

    def encode(
        self,
        root: NDArray[np.floating],
        bones: NDArray[np.floating],
        *,
        state: str,
        capture_ns: int,
        sent_ns: int,
        timecode: Timecode | None = None,
    ) -> tuple[memoryview, ...]:
        """Writes one frame.

        Args:
            root: (7,), position and rotation.
            bones: (bones, 8), position, rotation and confidence.
            state: One of `STATES`.
            capture_ns: When the frame was captured, stage time.
            sent_ns: Now, stage time.
            timecode: Of the capture; None while there is none.

        Returns:
            The datagrams in the order to send them. They are views of one buffer, which the next call overwrites.

        Raises:
            EncodeError: A number that is not finite, or an unknown state.
        """
        self._root[:] = root
        self._bones[:] = bones
        self._closing[:] = closing_numbers(self._bones[:, -1], state, timecode, capture_ns, sent_ns)
        return self._frame.encode()
