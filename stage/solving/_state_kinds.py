"""How parts of a state become plain data for msgpack, and are checked when they come back.

A kind knows one sort of value. `told` makes plain data of a value, `read` makes a value of plain data or says what is
wrong with it, and `put` gives the value to the object that has it. Kinds are put together to a description of all that
changes in a solver; see `stage.solving._state_parts`. Many values of one kind are in `stage.solving._state_columns`,
objects in `stage.solving._state_objects`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
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
        self._shape, self.dtype, self._longest = shape, _DTYPES[dtype], longest

    def told(self, value: Any) -> Any:
        assert value.dtype == self.dtype and self._is_of(value.shape), (value.dtype, value.shape)
        if value.flags.c_contiguous:
            return [value.shape, None, value.tobytes()]
        order = sorted(range(value.ndim), key=lambda axis: -abs(value.strides[axis]))
        return [value.shape, order, value.transpose(order).tobytes()]

    def read(self, data: Any, at: str) -> Any:
        shape, order, content = read_list(data, 3, at)
        if not (isinstance(shape, list) and all(type(n) is int for n in shape) and self._is_of(shape)):
            raise Unfit(f"{at} is an array of shape {str(shape)[:40]} where {self._shape} was expected")
        if order is not None and (not isinstance(order, list) or sorted(map(repr, order)) != _axes(len(shape))):
            raise Unfit(f"{at} is an array of no order")
        size = int(np.prod(shape, dtype=np.int64)) * self.dtype.itemsize
        if type(content) is not bytes or len(content) != size:
            raise Unfit(f"{at} is an array of another size than {size} bytes")
        if order is None:
            return np.frombuffer(content, self.dtype).reshape(shape).copy()
        flat = np.frombuffer(content, self.dtype).reshape([shape[axis] for axis in order]).copy()
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
        rows = read_list(data, len(self._kinds), at)
        read = {n: k.read(row, f"{at}.{n}") for (n, k), row in zip(self._kinds.items(), rows, strict=True)}
        return self._make(**read)


class Row(Kind):
    """A tuple of fixed kinds."""

    def __init__(self, *kinds: Kind) -> None:
        self._kinds = kinds

    def told(self, value: Any) -> Any:
        return [kind.told(item) for kind, item in zip(self._kinds, value, strict=True)]

    def read(self, data: Any, at: str) -> Any:
        rows = read_list(data, len(self._kinds), at)
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


class Named(Kind):
    """A dict of one kind, by some of the given names."""

    def __init__(self, kind: Kind, names: Sequence[str]) -> None:
        self._kind, self._names = kind, names

    def told(self, value: Any) -> Any:
        return [[name, self._kind.told(item)] for name, item in value.items()]

    def read(self, data: Any, at: str) -> Any:
        return read_named(self._kind, self._names, data, at)


INT, FLOAT, BOOL, TEXT = Plain(int), Plain(float), Plain(bool), Plain(str)
STATE = Plain(str, ("tracking", "holding", "fading", "absent"))
"""Of an actor or a face."""


def read_list(data: Any, length: int, at: str) -> list[Any]:
    """A list of so many plain data.

    Raises:
        Unfit: It is none.
    """
    if not isinstance(data, list) or len(data) != length:
        raise Unfit(f"{at} is no list of {length}")
    return data


def read_named(kind: Kind, names: Sequence[str], data: Any, at: str) -> dict[str, Any]:
    """The values of pairs of a name and plain data, by name.

    Raises:
        Unfit: A name is none of these or comes twice, or a value is none of the kind.
    """
    if not isinstance(data, list) or len(data) > len(names):
        raise Unfit(f"{at} is no list of up to {len(names)}")
    pairs = [read_list(row, 2, at) for row in data]
    if any(name not in names for name, _ in pairs) or len({name for name, _ in pairs}) < len(pairs):
        raise Unfit(f"{at} has names that are none")
    return {name: kind.read(row, f"{at}.{name}") for name, row in pairs}


def put_list(owner: Any, name: str, value: Any) -> None:
    """Give an owner a list; where it has a deque, one of the same length."""
    old = getattr(owner, name, None)
    setattr(owner, name, deque(value, old.maxlen) if isinstance(old, deque) else value)


def _axes(count: int) -> list[str]:
    return sorted(map(repr, range(count)))
