from __future__ import annotations

from typing import Any, NamedTuple


class Received(NamedTuple):
    """An OSC message as a receiver's library hands it on."""

    address: str
    values: list[Any]

    @property
    def strings(self) -> list[str]:
        return [value for value in self.values if isinstance(value, str)]

    @property
    def floats(self) -> list[float]:
        """Numbers that came as f or d; an int is none."""
        return [value for value in self.values if isinstance(value, float)]
