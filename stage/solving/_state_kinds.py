"""How parts of a state become plain data for msgpack, and are checked when they come back.

A kind knows one sort of value. `told` makes plain data of a value, `read` makes a value of plain data or says what is
wrong with it, and `put` gives the value to the object that has it. Kinds are put together to a description of all that
changes in a solver; see `stage.solving._state_parts`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

_DTYPES = {name: np.dtype(f"<{name}") for name in ("f8", "f4", "i8", "b1")}
_LONGEST_TEXT = 256
_INT64 = range(-(2**63), 2**63)


class Unfit(Exception):
    """Plain data that are not of this kind; says where."""


class Kind:
    """One sort of value."""

    def told(self, value: Any) -> Any:
        """Plain data of a value: numbers, text, bytes, lists of them."""
        raise NotImplementedError

    def read(self, data: Any, at: str) -> Any:
        """The value of plain data, checked.

        Raises:
            Unfit: They are of no such value.
        """
        raise NotImplementedError

    def put(self, owner: Any, name: str, value: Any) -> None:
        """Give the owner a value that was read."""
        setattr(owner, name, value)


class Plain(Kind):
    """An int, float, bool or text."""

    def __init__(self, kind: type, choices: Sequence[Any] = ()) -> None:
        self._kind, self._choices = kind, choices

    def told(self, value: Any) -> Any:
        return self._kind(value)

    def read(self, data: Any, at: str) -> Any:
        fits = type(data) is self._kind and (not self._choices or data in self._choices)
        if not fits or (self._kind is str and len(data) > _LONGEST_TEXT) or (self._kind is int and data not in _INT64):
            raise Unfit(f"{at} is no {self._kind.__name__} that it can be")
        return data


class Maybe(Kind):
    """A value or None."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def told(self, value: Any) -> Any:
        return None if value is None else self._kind.told(value)

    def read(self, data: Any, at: str) -> Any:
        return None if data is None else self._kind.read(data, at)


class Array(Kind):
    """A numpy array of a shape, in which None is any length up to `longest`.

    The order of the axes in memory is kept: products of matrices that lie otherwise may be rounded otherwise.
    """

    def __init__(self, *shape: int | None, dtype: str = "f8", longest: int = 4096) -> None:
        self._shape, self._dtype, self._longest = shape, _DTYPES[dtype], longest

    def told(self, value: Any) -> Any:
        assert value.dtype == self._dtype and self._is_of(value.shape), (value.dtype, value.shape)
        if value.flags.c_contiguous:
            return [value.shape, None, value.tobytes()]
        order = sorted(range(value.ndim), key=lambda axis: -abs(value.strides[axis]))
        return [value.shape, order, value.transpose(order).tobytes()]

    def read(self, data: Any, at: str) -> Any:
        shape, order, content = _three(data, at)
        if not (isinstance(shape, list) and all(type(n) is int for n in shape) and self._is_of(shape)):
            raise Unfit(f"{at} is an array of shape {str(shape)[:40]} where {self._shape} was expected")
        if order is not None and (not isinstance(order, list) or sorted(map(repr, order)) != _axes(len(shape))):
            raise Unfit(f"{at} is an array of no order")
        size = int(np.prod(shape, dtype=np.int64)) * self._dtype.itemsize
        if type(content) is not bytes or len(content) != size:
            raise Unfit(f"{at} is an array of another size than {size} bytes")
        if order is None:
            return np.frombuffer(content, self._dtype).reshape(shape).copy()
        flat = np.frombuffer(content, self._dtype).reshape([shape[axis] for axis in order]).copy()
        return flat.transpose(np.argsort(order))

    def _is_of(self, shape: Sequence[int]) -> bool:
        return len(shape) == len(self._shape) and all(
            0 <= n <= self._longest if wanted is None else n == wanted
            for n, wanted in zip(shape, self._shape, strict=True)
        )


class Tensor(Kind):
    """A float64 tensor on a device, likewise."""

    def __init__(self, device: torch.device, *shape: int | None) -> None:
        self._array, self._device = Array(*shape), device

    def told(self, value: Any) -> Any:
        return self._array.told(value.cpu().numpy())

    def read(self, data: Any, at: str) -> Any:
        array = self._array.read(data, at)
        order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
        lying = torch.from_numpy(np.ascontiguousarray(array.transpose(order))).clone()  # memory of torch's own
        return lying.permute(*np.argsort(order).tolist()).to(self._device)


class Fields(Kind):
    """A named tuple."""

    def __init__(self, make: Callable[..., Any], **kinds: Kind) -> None:
        self._make, self._kinds = make, kinds

    def told(self, value: Any) -> Any:
        return [kind.told(getattr(value, name)) for name, kind in self._kinds.items()]

    def read(self, data: Any, at: str) -> Any:
        rows = _list(data, len(self._kinds), at)
        read = {n: k.read(row, f"{at}.{n}") for (n, k), row in zip(self._kinds.items(), rows, strict=True)}
        return self._make(**read)


class Row(Kind):
    """A tuple of fixed kinds."""

    def __init__(self, *kinds: Kind) -> None:
        self._kinds = kinds

    def told(self, value: Any) -> Any:
        return [kind.told(item) for kind, item in zip(self._kinds, value, strict=True)]

    def read(self, data: Any, at: str) -> Any:
        rows = _list(data, len(self._kinds), at)
        return tuple(kind.read(row, f"{at}[{i}]") for i, (kind, row) in enumerate(zip(self._kinds, rows, strict=True)))


class Several(Kind):
    """A list, tuple or deque of one kind; a deque keeps the length that it may have."""

    def __init__(self, kind: Kind, make: Callable[[Iterable[Any]], Any], most: int) -> None:
        self._kind, self._make, self._most = kind, make, most

    def told(self, value: Any) -> Any:
        return [self._kind.told(item) for item in value]

    def read(self, data: Any, at: str) -> Any:
        if not isinstance(data, list) or len(data) > self._most:
            raise Unfit(f"{at} is no list of up to {self._most}")
        return self._make(self._kind.read(item, f"{at}[{i}]") for i, item in enumerate(data))

    def put(self, owner: Any, name: str, value: Any) -> None:
        put_list(owner, name, value)


class Columns(Kind):
    """Many arrays of one shape, as one: a list of hundreds costs no more than a few."""

    def __init__(self, make: Callable[[Iterable[Any]], Any], most: int, *shape: int, dtype: str = "f8") -> None:
        self._make, self._most, self._shape = make, most, shape
        self._array = Array(None, *shape, dtype=dtype)
        self._dtype = _DTYPES[dtype]

    def told(self, value: Any) -> Any:
        rows = list(value)
        return self._array.told(np.stack(rows) if len(rows) > 0 else np.zeros((0, *self._shape), self._dtype))

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
        self._columns, self._flags = Columns(list, most, *shape), Several(Plain(bool), list, most)

    def told(self, value: Any) -> Any:
        rows = list(value)
        return [[row is not None for row in rows], self._columns.told(row for row in rows if row is not None)]

    def read(self, data: Any, at: str) -> Any:
        flags, rows = _list(data, 2, at)
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
        parts = _list(data, len(self._columns), at)
        read = [kind.read(part, f"{at}.{n}") for (n, kind), part in zip(self._columns.items(), parts, strict=True)]
        if len({len(column) for column in read}) != 1:
            raise Unfit(f"{at} has columns of different lengths")
        names = tuple(self._columns)
        return [self._make(**dict(zip(names, row, strict=True))) for row in zip(*read, strict=True)]

    def put(self, owner: Any, name: str, value: Any) -> None:
        put_list(owner, name, value)


class Inside(Kind):
    """What changes in an object that a new solver has too: it is put into that one.

    Args:
        kinds: By the names of the attributes that are the state.
        kept: Names of those that are not: constants, and what follows from the state.
        settle: Called when all has been put: makes anew what follows.
    """

    def __init__(
        self, kinds: Mapping[str, Kind], kept: Sequence[str] = (), settle: Callable[[Any], None] | None = None
    ) -> None:
        self.kinds, self.kept, self._settle = kinds, frozenset(kept), settle

    def told(self, value: Any) -> Any:
        return [kind.told(getattr(value, name)) for name, kind in self.kinds.items()]

    def read(self, data: Any, at: str) -> Any:
        rows = _list(data, len(self.kinds), at)
        return [kind.read(row, f"{at}.{name}") for (name, kind), row in zip(self.kinds.items(), rows, strict=True)]

    def put(self, owner: Any, name: str, value: Any) -> None:
        self.fill(getattr(owner, name), value)

    def fill(self, target: Any, value: Any) -> None:
        """Give an object all that was read."""
        for (name, kind), part in zip(self.kinds.items(), value, strict=True):
            kind.put(target, name, part)
        if self._settle is not None:
            self._settle(target)


class Each(Kind):
    """Objects of a list or dict that a new solver has too, in the same order."""

    def __init__(self, kinds: Sequence[Inside]) -> None:
        self.kinds = kinds

    def told(self, value: Any) -> Any:
        return [kind.told(item) for kind, item in zip(self.kinds, _values(value), strict=True)]

    def read(self, data: Any, at: str) -> Any:
        rows = _list(data, len(self.kinds), at)
        return [kind.read(row, f"{at}[{i}]") for i, (kind, row) in enumerate(zip(self.kinds, rows, strict=True))]

    def put(self, owner: Any, name: str, value: Any) -> None:
        for kind, target, part in zip(self.kinds, _values(getattr(owner, name)), value, strict=True):
            kind.fill(target, part)


class Made(Kind):
    """Objects by name that come with time; `make` makes one for their owner, to be filled."""

    def __init__(self, kind: Inside, make: Callable[[Any], Any], names: Sequence[str]) -> None:
        self.kind, self._make, self._names = kind, make, names

    def told(self, value: Any) -> Any:
        return [[name, self.kind.told(item)] for name, item in value.items()]

    def read(self, data: Any, at: str) -> Any:
        if not isinstance(data, list) or len(data) > len(self._names):
            raise Unfit(f"{at} is no list of up to {len(self._names)}")
        pairs = [_list(row, 2, at) for row in data]
        if any(name not in self._names for name, _ in pairs) or len({name for name, _ in pairs}) < len(pairs):
            raise Unfit(f"{at} has names that are none")
        return {name: self.kind.read(row, f"{at}.{name}") for name, row in pairs}

    def put(self, owner: Any, name: str, value: Any) -> None:
        made = {}
        for key, part in value.items():
            made[key] = self._make(owner)
            self.kind.fill(made[key], part)
        setattr(owner, name, made)


class Named(Kind):
    """A dict of one kind, by some of the given names."""

    def __init__(self, kind: Kind, names: Sequence[str]) -> None:
        self._kind, self._names = kind, names

    def told(self, value: Any) -> Any:
        return [[name, self._kind.told(item)] for name, item in value.items()]

    def read(self, data: Any, at: str) -> Any:
        if not isinstance(data, list) or len(data) > len(self._names):
            raise Unfit(f"{at} is no list of up to {len(self._names)}")
        pairs = [_list(row, 2, at) for row in data]
        if any(name not in self._names for name, _ in pairs) or len({name for name, _ in pairs}) < len(pairs):
            raise Unfit(f"{at} has names that are none")
        return {name: self._kind.read(row, f"{at}.{name}") for name, row in pairs}


def put_list(owner: Any, name: str, value: Any) -> None:
    """Give an owner a list; where it has a deque, one of the same length."""
    old = getattr(owner, name, None)
    setattr(owner, name, deque(value, old.maxlen) if isinstance(old, deque) else value)


def _values(items: Any) -> list[Any]:
    return list(items.values()) if isinstance(items, dict) else list(items)


def _axes(count: int) -> list[str]:
    return sorted(map(repr, range(count)))


def _list(data: Any, length: int, at: str) -> list[Any]:
    if not isinstance(data, list) or len(data) != length:
        raise Unfit(f"{at} is no list of {length}")
    return data


def _three(data: Any, at: str) -> list[Any]:
    return _list(data, 3, at)
