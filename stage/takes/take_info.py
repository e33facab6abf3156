"""What a take is, in short: from its head and its end, without reading what is in between."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import msgspec

from protocols.errors import TakeError
from protocols.takefile import TakeReader
from stage.takes.rewrite import nobody_else

_MOST_S = 1e9
"""Thirty years; what claims more is not believed."""

State = Literal["finished", "recording", "unfinished", "damaged"]


class TakeInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A take, or a track of one."""

    name: str
    file: str
    """Its name in its folder."""
    bytes: int
    changed_ns: int
    """When the file was last written to, as the file system tells it."""
    state: State
    fault: str = ""
    """What went wrong while it was recorded, or what is damaged."""
    slate: str = ""
    number: int = 0
    began: str = ""
    """ISO 8601, UTC."""
    timecode: str = ""
    timecode_rate: str = ""
    seconds: float = 0.0
    """0 when it has no end, or is empty."""
    span_ns: tuple[int, int] = (0, 0)
    """Stage time of the first and the last message; (0, 0) when it has no end."""
    counts: dict[str, int] = {}
    """Messages by topic; none when it has no end."""
    lost: int = 0
    dropped: int = 0
    """Pictures that were given up."""
    marks: int = 0
    mended: bool = False
    made_of: str = ""
    """The take that it is a part of, or a lighter copy."""

    @property
    def actors(self) -> list[str]:
        """Whose performances are in it."""
        return self._named("performance.", "face.")

    @property
    def cameras(self) -> list[str]:
        """Of which there are landmarks, frames or video."""
        return self._named("landmarks.", "frame.", "video.")

    @property
    def video(self) -> list[str]:
        """Cameras of which there are pictures."""
        return self._named("video.")

    def _named(self, *prefixes: str) -> list[str]:
        return sorted(
            {topic[len(prefix) :] for topic in self.counts for prefix in prefixes if topic.startswith(prefix)}
        )


def take_info(path: Path) -> TakeInfo:
    """What a take is; a damaged one is one whose state says so.

    Raises:
        TakeError: There is no such file.
    """
    return opened_take(path)[0]


def opened_take(path: Path) -> tuple[TakeInfo, TakeReader | None]:
    """What a take is, and the take; None when it is damaged, or was begun this moment.

    Raises:
        TakeError: There is no such file.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise TakeError(f"{path}: {error.strerror}") from error
    if not path.is_file():
        raise TakeError(f"{path} is no file")
    known = {"name": path.stem, "file": path.name, "bytes": status.st_size, "changed_ns": status.st_mtime_ns}
    try:
        take = TakeReader(path)
    except TakeError as error:
        if _is_locked(path):
            return TakeInfo(**known, state="recording"), None
        return TakeInfo(**known, state="damaged", fault=str(error)), None
    facts, end = take.facts.get("take", {}), take.facts.get("end", {})
    made = take.facts.get("trimmed", {}) | take.facts.get("pruned", {})
    # Of a file without an index only reading all of it would tell.
    span_ns, counts = (take.span_ns, take.counts) if take.is_counted else ((0, 0), {})
    info = TakeInfo(
        **known,
        state="finished" if take.finished else "recording" if _is_locked(path) else "unfinished",
        fault=end.get("fault", ""),
        slate=facts.get("slate", ""),
        number=_number(facts.get("number")),
        began=facts.get("began", ""),
        timecode=facts.get("timecode", ""),
        timecode_rate=facts.get("timecode_rate", ""),
        seconds=_seconds(end, span_ns),
        span_ns=span_ns,
        counts=counts,
        lost=_number(end.get("lost")),
        dropped=_number(end.get("dropped")),
        marks=_number(end.get("marks")),
        mended="recovered" in take.facts,
        made_of=made.get("of", ""),
    )
    return info, take


def _is_locked(path: Path) -> bool:
    try:
        with nobody_else(path):
            return False
    except TakeError:
        return True


def _seconds(end: dict[str, str], span_ns: tuple[int, int]) -> float:
    try:
        seconds = float(end["seconds"])
    except (KeyError, ValueError):
        seconds = math.nan
    return seconds if 0.0 <= seconds < _MOST_S else (span_ns[1] - span_ns[0]) / 1e9


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 19 else 0
