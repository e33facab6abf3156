from __future__ import annotations

import struct
from typing import Any

from tests.receivers.message import Received


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
