"""Objects that change: their state is put into those that a new solver has; see `stage.solving._state_kinds`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stage.solving._state_kinds import Kind, read_list, read_named


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
        rows = read_list(data, len(self.kinds), at)
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
        rows = read_list(data, len(self.kinds), at)
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
        return read_named(self.kind, self._names, data, at)

    def put(self, owner: Any, name: str, value: Any) -> None:
        made = {}
        for key, part in value.items():
            made[key] = self._make(owner)
            self.kind.fill(made[key], part)
        setattr(owner, name, made)


def _values(items: Any) -> list[Any]:
    return list(items.values()) if isinstance(items, dict) else list(items)
