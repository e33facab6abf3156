"""Files inside a take file, read when somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

Fetch = Callable[[int, int], bytes]
"""Reads the attachment at a place in the file, so many bytes with its head; checked."""


class Attached(Mapping[str, bytes]):
    """Attachments by name; the last one of a name counts."""

    def __init__(self, fetch: Fetch) -> None:
        """None yet."""
        self._fetch = fetch
        self._data: dict[str, bytes] = {}
        self._places: dict[str, tuple[int, int]] = {}

    def hold(self, name: str, data: bytes) -> None:
        """Adds one that has been read."""
        self._data[name] = data

    def place(self, name: str, position: int, length: int) -> None:
        """Adds one that can be read."""
        self._places[name] = (position, length)
        self._data.pop(name, None)

    def __getitem__(self, name: str) -> bytes:
        if name not in self._data:
            self._data[name] = self._fetch(*self._places[name])
        return self._data[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._places, *self._data]))

    def __len__(self) -> int:
        return len(self._places.keys() | self._data.keys())

    def __contains__(self, name: object) -> bool:
        return name in self._places or name in self._data
