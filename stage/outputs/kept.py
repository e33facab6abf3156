"""What every output of an actor asks for is reckoned once, and for all performances that have come together at once.

A step of numpy costs a microsecond however little it is given. So the arithmetic of 16 performances in one array takes
little longer than that of one. Streams know nothing of that: they ask for one result, by the bytes of which it is a
function, and the first who asks has those of all that were announced reckoned. What nobody asks for is not reckoned.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from protocols.errors import DecodeError

_MOST = 256
"""Results; when there are more, all are forgotten: only those of the newest performances are asked for again."""

Key = TypeVar("Key", bound=Hashable)
Reckoned = tuple[NDArray[np.floating], NDArray[np.bool_]]
"""A row for each key, and which of them are fit to be sent."""


class Kept(Generic[Key]):
    """A function of bytes: its newest results, and what is about to be asked."""

    def __init__(self, reckon: Callable[[Sequence[Key]], Reckoned]) -> None:
        """Takes the function.

        Args:
            reckon: Of several keys at once; a row must not depend on the others. It may raise `DecodeError`.
        """
        self._reckon = reckon
        self._rows: dict[Key, NDArray[np.floating]] = {}
        self._announced: list[Key] = []

    def announce(self, keys: Iterable[Key]) -> None:
        """These are likely to be asked for next."""
        self._announced = list(keys)

    def __call__(self, key: Key) -> NDArray[np.floating] | None:
        """The row of a key, which others see too and which cannot be written to; None where it is not fit to be sent.

        Raises:
            DecodeError: The key is of another size than it should be.
        """
        row = self._rows.get(key)
        if row is not None:
            return row
        announced, self._announced = self._announced, []
        if len(self._rows) > _MOST:
            self._rows.clear()
        if key in announced:
            try:
                self._keep(announced)
            except DecodeError:  # of one among them, perhaps of another
                pass
            else:
                return self._rows.get(key)
        self._keep([key])
        return self._rows.get(key)

    def _keep(self, keys: Sequence[Key]) -> None:
        rows, fit = self._reckon(keys)
        rows.flags.writeable = False
        for key, row, fine in zip(keys, rows, fit.tolist(), strict=True):
            if fine:
                self._rows[key] = row
