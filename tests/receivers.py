"""Small models of what real receivers do with a datagram, strict where they are strict and naive where they are naive.

Engines cannot run in a test. These models follow the rules that were read in the receivers' sources, among them the
ones that hurt: a cursor that trusts the sender, a latch that stops everything for good.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Received(NamedTuple):
    address: str
    values: list[Any]


class UOscReader:
    """uOSC (Unity): one cursor over the datagram, no end to any message, tags i f s b T F only."""

    def __init__(self) -> None:
        self.messages: list[Received] = []
        self.errors: list[str] = []

    def read(self, datagram: bytes) -> list[Received]:
        """Parse a datagram; what went wrong is appended to `errors`."""
        self.messages = []
        self._data, self._at = datagram, 0
        try:
            self._parse(len(datagram))
        except (IndexError, struct.error, ValueError) as error:
            self.errors.append(f"the rest of the datagram is lost: {error}")
        return self.messages

    def _parse(self, end: int) -> None:
        first = self._string()
        if first == "#bundle":
            self._at += 8
            while self._at < end:
                size = self._number("i")
                if size % 4 == 0:
                    self._parse(self._at + size)
                else:
                    self.errors.append("element size")
                    self._at += size
        else:
            self.messages.append(Received(first, self._values()))
        if self._at != end:
            self.errors.append(f"{first}: stopped at {self._at}, expected {end}")

    def _values(self) -> list[Any]:
        tags = self._string()
        if not tags:
            raise ValueError("no type tags")
        values: list[Any] = []
        for tag in tags[1:]:
            match tag:
                case "i" | "f":
                    values.append(self._number(tag))
                case "s":
                    values.append(self._string())
                case "b":
                    size = self._number("i")
                    values.append(self._data[self._at : self._at + size])
                    self._at += size + -size % 4
                case "T" | "F":
                    values.append(tag == "T")
                case _:
                    values.append(None)  # and the cursor stays where it is
                    self.errors.append(f"unknown tag {tag}")
        return values

    def _number(self, tag: str) -> Any:
        (value,) = struct.unpack_from(f">{tag}", self._data, self._at)
        self._at += 4
        return value

    def _string(self) -> str:
        end = self._data.index(b"\0", self._at)
        text = self._data[self._at : end].decode()
        self._at += len(text.encode()) // 4 * 4 + 4
        return text


@dataclass
class Evmc4u:
    """EVMC4U (Unity): exact types, everything cached, and a shutdown for good when an argument is missing."""

    shutdown: bool = False
    available: int = 0
    calibrated: bool = False
    time_s: float = -1.0
    root: list[float] = field(default_factory=list)
    bones: dict[str, list[float]] = field(default_factory=dict)
    blends: dict[str, float] = field(default_factory=dict)
    ignored: int = 0
    times_in_render_frame: int = 0
    times_before: int = 0
    dropped: int = 0

    def render_frame(self) -> None:
        """One Update of the engine."""
        self.times_before, self.times_in_render_frame = self.times_in_render_frame, 0

    def take(self, message: Received) -> None:
        """Process one message."""
        if self.shutdown:
            return
        if self.times_before > 30:
            self.dropped += 1
            return
        try:
            self._process(message.address, message.values)
        except IndexError:
            self.shutdown = True

    def _process(self, address: str, values: list[Any]) -> None:
        if address == "/VMC/Ext/OK" and isinstance(values[0], int):
            self.available = values[0]
            self.calibrated = len(values) >= 3 and values[1:3] == [3, 0]
        elif address == "/VMC/Ext/T" and isinstance(values[0], float):
            self.time_s = values[0]
            self.times_in_render_frame += 1
        elif address == "/VMC/Ext/Root/Pos" and self._is_pose(values):
            self.root = values[1:8]
        elif address == "/VMC/Ext/Bone/Pos" and self._is_pose(values):
            self.bones[values[0]] = values[1:8]
        elif address == "/VMC/Ext/Blend/Val" and isinstance(values[0], str) and isinstance(values[1], float):
            self.blends[values[0].lower()] = values[1]
        elif address != "/VMC/Ext/Blend/Apply":
            self.ignored += 1

    @staticmethod
    def _is_pose(values: list[Any]) -> bool:
        # All eight are looked at one after the other, so a missing one is an exception, not a "no".
        return isinstance(values[0], str) and all([isinstance(values[i], float) for i in range(1, 8)])


@dataclass
class Vrm4u:
    """VRM4U (Unreal): strings and floats collected apart, ints not at all; shown on OK, T or Apply."""

    pending: dict[str, tuple[float, ...]] = field(default_factory=dict)
    shown: list[dict[str, tuple[float, ...]]] = field(default_factory=list)

    def take(self, message: Received) -> None:
        """Process one message."""
        strings = [value for value in message.values if isinstance(value, str)]
        floats = [value for value in message.values if isinstance(value, float)]
        if message.address in ("/VMC/Ext/Root/Pos", "/VMC/Ext/Bone/Pos") and len(floats) >= 7:
            x, y, z, qx, qy, qz, qw = floats[:7]
            self.pending[strings[0]] = (-x * 100, z * 100, y * 100, -qx, qz, qy, qw)
        elif message.address in ("/VMC/Ext/OK", "/VMC/Ext/T", "/VMC/Ext/Blend/Apply") and self.pending:
            self.shown.append(dict(self.pending))
            self.pending.clear()


def unreal_accepts(address: str) -> bool:
    """Whether Unreal's OSC plugin can bind an event to this address: ANSI, a container, no pattern characters."""
    return address.isascii() and re.fullmatch(r"(/[^\s#,*?\[\]{}/]+){2,}", address) is not None
