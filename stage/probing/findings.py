"""What is wrong with a stream: each kind of fault once, with how often it was met and an example."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

_MOST_KINDS = 200
_EXAMPLE_LENGTH = 120


class Finding(msgspec.Struct, frozen=True):
    """One kind of fault."""

    fault: str
    """What is wrong, and who suffers from it."""
    count: int
    example: str
    """The first case."""


class Findings:
    """Collects faults; bounded, whatever arrives."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[int, str]] = {}
        self.count = 0
        """Faults met."""

    def add(self, fault: str, example: str = "") -> None:
        """Counts one fault.

        Args:
            fault: The kind: what is wrong and who suffers from it, without particulars.
            example: The particulars of this case.
        """
        self.count += 1
        if fault not in self._kinds and len(self._kinds) >= _MOST_KINDS:
            return
        count, first = self._kinds.get(fault, (0, example[:_EXAMPLE_LENGTH]))
        self._kinds[fault] = (count + 1, first)

    def __iter__(self) -> Iterator[Finding]:
        """The kinds, most frequent first."""
        ordered = sorted(self._kinds.items(), key=lambda item: -item[1][0])
        return (Finding(fault, count, example) for fault, (count, example) in ordered)
