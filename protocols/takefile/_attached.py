"""Files inside a take file, read when somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from mcap.records import Attachment

Fetch = Callable[[int, int], Attachment]
"""Reads the attachment at a place in the file, so many bytes with its head; checked."""


class Attached(Mapping[str, bytes]):
    """Attachments by name; the last one of a name counts."""

    def __init__(self, fetch: Fetch) -> None:
        """None yet."""
        self._fetch = fetch
        self._read: dict[str, Attachment] = {}
        self._places: dict[str, tuple[int, int]] = {}

    def hold(self, attachment: Attachment) -> None:
        """Adds one that has been read."""
        self._read[attachment.name] = attachment

    def place(self, name: str, position: int, length: int) -> None:
        """Adds one that can be read."""
        self._places[name] = (position, length)

    def whole(self, name: str) -> Attachment:
        """One with its media type and its times.

        Raises:
            KeyError: There is none.
            TakeError: It is damaged.
        """
        if name not in self._read:
            self._read[name] = self._fetch(*self._places[name])
        return self._read[name]

    def __getitem__(self, name: str) -> bytes:
        return self.whole(name).data

    def __iter__(self) -> Iterator[str]:
        return iter({**self._places, **self._read})

    def __len__(self) -> int:
        return len(self._places.keys() | self._read.keys())

    def __contains__(self, name: object) -> bool:
        return name in self._places or name in self._read
