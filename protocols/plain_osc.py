"""Plain OSC: one actor in a flat address space, for Unreal Blueprints, TouchDesigner, Max and the like.

Two levels, printable ASCII, nothing but floats, every value every frame:

    /<actor>/<bone>       ffffffff  x y z  qx qy qz qw  confidence
    /<actor>/root         fffffff   x y z  qx qy qz qw
    /<actor>/confidence   f         mean over the bones, 0 to 1
    /<actor>/state        f         0 absent, 1 fading, 2 holding, 3 tracking
    /<actor>/time         ffff      capture: second of the UTC day, fraction; sending: second, fraction

<bone> is a name of `protocols.names.RIG_BONES`, Root excepted, which is /<actor>/root. Position: the head of the
bone in the world, metres, Z up, right-handed. Rotation: how the bone has turned from the rest pose (A-pose, facing
-Y), in world axes. `time` ends a frame. A float32 holds the whole seconds of a day exactly and the fraction to 60 ns;
sender and receiver with one clock can thus read the latency of every frame.

Unreal matches addresses against patterns, reads strings as ANSI and gets floats only as floats: hence
the container before every name, no pattern characters, and no other type.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols import osc
from protocols.errors import EncodeError
from protocols.names import RIG_BONES
from protocols.osc_template import FrameTemplate, split

PORT = 8000
"""Unreal's OSC plugin and TouchDesigner have none of their own; 8000 is common."""

STATES = ("absent", "fading", "holding", "tracking")
"""The number of a state is its place here."""

DAY_S = 86_400
_MESSAGES_PER_BUNDLE = 16
_BONE = 8
_ROOT = 7
CLOSING = 6  # confidence 1, state 1, time 4
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_.-]")


class DayTime(NamedTuple):
    """A moment as /<actor>/time sends it."""

    second: float
    """Whole seconds since midnight UTC."""
    fraction: float
    """[0, 1)."""

    @classmethod
    def of(cls, time_ns: int) -> DayTime:
        """The time of day of nanoseconds since 1970."""
        seconds, rest = divmod(time_ns, 1_000_000_000)
        # A fraction that float32 would round up to 1 stays below it.
        return cls(float(seconds % DAY_S), min(rest / 1e9, 1 - 2**-24))

    def age_ns(self, now_ns: int) -> int:
        """How long ago this was, at most half a day either way."""
        day_ns = DAY_S * 1_000_000_000
        then_ns = round(self.second) * 1_000_000_000 + round(self.fraction * 1e9)
        return (now_ns - then_ns + day_ns // 2) % day_ns - day_ns // 2


def container(actor: str) -> str:
    """The first level of an actor's addresses: its id, of which other characters become "_"."""
    return _FORBIDDEN.sub("_", actor) or "_"


def closing_numbers(confidence: NDArray[np.floating], state: str, capture_ns: int, sent_ns: int) -> tuple[float, ...]:
    """(CLOSING,) the numbers that end a body or a face: mean confidence, state, time of capture and of sending.

    Raises:
        EncodeError: An unknown state.
    """
    if state not in STATES:
        raise EncodeError(f"state {state!r} is none of {', '.join(STATES)}")
    return float(np.mean(confidence)), STATES.index(state), *DayTime.of(capture_ns), *DayTime.of(sent_ns)


class PlainOscEncoder:
    """Writes the frames of one actor into datagrams it has packed beforehand."""

    def __init__(self, actor: str, bones: Sequence[str] = RIG_BONES[1:], *, bundled: bool = True) -> None:
        """Packs everything but the numbers.

        Args:
            actor: Its id.
            bones: Names, in the order of the array given to `encode`.
            bundled: False sends every message as a datagram of its own.
        """
        top = f"/{container(actor)}"
        messages = [osc.message(f"{top}/root", "f" * _ROOT, *[0.0] * _ROOT)]
        messages += [osc.message(f"{top}/{bone}", "f" * _BONE, *[0.0] * _BONE) for bone in bones]
        messages += [osc.message(f"{top}/{name}", "f", 0.0) for name in ("confidence", "state")]
        messages.append(osc.message(f"{top}/time", "ffff", *[0.0] * 4))
        self._template = FrameTemplate(split(messages, _MESSAGES_PER_BUNDLE), bundled=bundled)
        first = 1 + len(bones)
        closing = [self._template.trailing(first, 2, 1), self._template.trailing(first + 2, 1, 4)]
        places = [self._template.trailing(0, 1, _ROOT), self._template.trailing(1, len(bones), _BONE), *closing]
        self._places = np.concatenate([place.ravel() for place in places])  # all numbers of a frame
        self._values = np.zeros(len(self._places), np.float32)
        self._bones = self._values[_ROOT:-CLOSING].reshape(len(bones), _BONE)

    def encode(
        self,
        root: NDArray[np.floating],
        bones: NDArray[np.floating],
        *,
        state: str,
        capture_ns: int,
        sent_ns: int,
    ) -> tuple[memoryview, ...]:
        """Writes one frame.

        Args:
            root: (7,), position [m] and rotation.
            bones: (bones, 8), position [m], rotation and confidence.
            state: One of `STATES`.
            capture_ns: When the frame was captured, stage time.
            sent_ns: Now, stage time.

        Returns:
            The datagrams in the order to send them. They are views of one buffer, which the next call overwrites.

        Raises:
            EncodeError: A number that is not finite, or an unknown state.
        """
        self._values[:_ROOT] = root
        self._bones[:] = bones
        self._values[-CLOSING:] = closing_numbers(self._bones[:, -1], state, capture_ns, sent_ns)
        if not np.isfinite(self._values).all():
            raise EncodeError("OSC frame with a number that is not finite; not sent")
        self._template.write(self._places, self._values)
        return self._template.datagrams
