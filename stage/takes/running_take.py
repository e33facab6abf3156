"""A take as the recorder sees it; `stage.takes.take` is one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class RunningTake(Protocol):
    """What the recorder asks of a take."""

    phase: str
    slate: str
    number: int
    name: str
    began_ns: int
    fault: str
    files: list[Path]
    records: int
    frames: int
    marks: int
    bytes_per_s: float
    """0 while it is not known."""

    @property
    def lost(self) -> int:
        """Messages that could not be written."""
        ...

    @property
    def dropped_frames(self) -> int:
        """Pictures that could not be written."""
        ...

    @property
    def facts(self) -> Mapping[str, str]:
        """For replies."""
        ...

    def lose(self, count: int) -> None:
        """Counts messages that never came."""

    def end(self) -> None:
        """Ends it."""

    def join(self, timeout: float | None = None) -> None:
        """Waits for its files, so many seconds at most."""
