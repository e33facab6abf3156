"""Many values of one kind as few arrays: hundreds cost no more than a few; see `stage.solving._state_kinds`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from stage.solving._state_kinds import BOOL, Array, Kind, Several, Unfit, put_list, read_list


class Columns(Kind):
    """Many arrays of one shape, as one: a list of hundreds costs no more than a few."""

    def __init__(self, make: Callable[[Iterable[Any]], Any], most: int, *shape: int, dtype: str = "f8") -> None:
        self._make, self._most, self._shape = make, most, shape
        self._array = Array(None, *shape, dtype=dtype)

    def told(self, value: Any) -> Any:
        rows = list(value)
        return self._array.told(np.stack(rows) if len(rows) > 0 else np.zeros((0, *self._shape), self._array.dtype))

    def read(self, data: Any, at: str) -> Any:
        rows = self._array.read(data, at)
        if len(rows) > self._most:
            raise Unfit(f"{at} has more than {self._most} rows")
        return self._make(row.copy() for row in rows)

    def put(self, owner: Any, name: str, value: Any) -> None:
        put_list(owner, name, value)


class MaybeColumns(Kind):
    """The same of arrays some of which are None."""

    def __init__(self, most: int, *shape: int) -> None:
        self._columns, self._flags = Columns(list, most, *shape), Several(BOOL, list, most)

    def told(self, value: Any) -> Any:
        rows = list(value)
        return [[row is not None for row in rows], self._columns.told(row for row in rows if row is not None)]

    def read(self, data: Any, at: str) -> Any:
        flags, rows = read_list(data, 2, at)
        there, arrays = self._flags.read(flags, at), self._columns.read(rows, at)
        if sum(there) != len(arrays):
            raise Unfit(f"{at} has {len(arrays)} rows where {sum(there)} were expected")
        left = iter(arrays)
        return [next(left) if one else None for one in there]


class Table(Kind):
    """Many named tuples, column by column."""

    def __init__(self, make: Callable[..., Any], **columns: Kind) -> None:
        self._make, self._columns = make, columns

    def told(self, value: Any) -> Any:
        rows = list(value)
        return [kind.told([getattr(row, name) for row in rows]) for name, kind in self._columns.items()]

    def read(self, data: Any, at: str) -> Any:
        parts = read_list(data, len(self._columns), at)
        read = [kind.read(part, f"{at}.{n}") for (n, kind), part in zip(self._columns.items(), parts, strict=True)]
        if len({len(column) for column in read}) != 1:
            raise Unfit(f"{at} has columns of different lengths")
        names = tuple(self._columns)
        return [self._make(**dict(zip(names, row, strict=True))) for row in zip(*read, strict=True)]

    def put(self, owner: Any, name: str, value: Any) -> None:
        put_list(owner, name, value)
