from __future__ import annotations

import fnmatch
import re
import struct
from typing import Any

from tests.receivers.message import Received

_LAYOUTS = {"i": ">i", "f": ">f", "h": ">q", "d": ">d", "t": ">Q", "c": ">i", "r": ">I"}
_CONSTANTS = {"T": True, "F": False, "N": None, "I": float("inf")}


def unreal_accepts(address: str) -> bool:
    """Whether Unreal's OSC plugin can bind an event to this address: ANSI, a container, no pattern characters."""
    return address.isascii() and re.fullmatch(r"(/[^\s#,*?\[\]{}/]+){2,}", address) is not None


class UnrealOsc:
    """Unreal's OSC plugin: a bundle ends at a wrong element, text is ANSI, timetags mean nothing, floats by index."""

    def __init__(self, *patterns: str) -> None:
        """Events are bound to these address patterns; a pattern of one level is none."""
        self.bound: dict[str, list[Received]] = {pattern: [] for pattern in patterns if pattern.count("/") >= 2}
        self.errors: list[str] = []

    def read(self, datagram: bytes) -> list[Received]:
        """Parse a datagram and fire the bound events; what went wrong is appended to `errors`."""
        found: list[Received] = []
        try:
            self._packet(datagram, found)
        except (struct.error, ValueError, IndexError) as error:
            self.errors.append(f"datagram: {error}")
        for message in found:
            if not re.fullmatch(r"(/[^\s#,*?\[\]{}/]+)+", message.address):
                self.errors.append(f"address {message.address!r}")
            for pattern, events in self.bound.items():
                if fnmatch.fnmatchcase(message.address, pattern) and pattern.count("/") == message.address.count("/"):
                    events.append(message)
        return found

    def float_at(self, message: Received, index: int) -> float:
        """Get OSC Message Float: 0 and a line in the log, where no float lies at the index."""
        value = message.values[index] if index < len(message.values) else None
        if not isinstance(value, float):
            self.errors.append(f"{message.address}: no float at {index}")
            return 0.0
        return value

    def _packet(self, data: bytes, found: list[Received]) -> None:
        if not data.startswith(b"#bundle\0"):
            found.append(self._message(data))
            return
        at = 16
        while at < len(data):
            (size,) = struct.unpack_from(">i", data, at)
            at += 4
            if size <= 0 or size % 4 != 0 or at + size > len(data):
                raise ValueError(f"element of {size} bytes, {len(data) - at} are left")
            self._packet(data[at : at + size], found)
            at += size

    def _message(self, data: bytes) -> Received:
        address, at = _string(data, 0)
        tags, at = _string(data, at)
        if not tags.startswith(","):
            raise ValueError(f"{address}: no type tags")
        values: list[Any] = []
        for tag in tags[1:]:
            if tag in _LAYOUTS:
                (value,) = struct.unpack_from(_LAYOUTS[tag], data, at)
                at += struct.calcsize(_LAYOUTS[tag])
            elif tag == "s":
                value, at = _string(data, at)
            elif tag == "b":
                (size,) = struct.unpack_from(">i", data, at)
                value, at = data[at + 4 : at + 4 + size], at + 4 + size + -size % 4
            elif tag in _CONSTANTS:
                value = _CONSTANTS[tag]
            else:
                raise ValueError(f"{address}: tag {tag} is not implemented")
            values.append(value)
        if at != len(data):
            raise ValueError(f"{address}: size is {len(data)}, read were {at}")
        return Received(address, values)


def _string(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode("latin-1"), at + (end - at) // 4 * 4 + 4
