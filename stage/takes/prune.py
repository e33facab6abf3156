"""Makes a lighter copy of a take: some kinds of messages left out, all else byte for byte as it was.

scene_001-light.mcap       the copy, a take of its own
scene_001.mcap.original    with `replace`: the take as it was, when the copy has taken its name
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from protocols.errors import TakeError
from protocols.takefile import VIDEO, Described, RawMessage, TakeReader
from stage.takes.names import SUFFIX
from stage.takes.rewrite import nobody_else, take_its_name, take_its_place, written_beside

ORIGINAL = ".original"
FACTS = "pruned"
"""Name of the facts that say that a take is a lighter copy."""

DROPPED = {
    "video": (VIDEO,),
    "landmarks": ("landmarks.",),
    "solver": ("step.", "keyframe."),
    "transforms": ("tf",),
    "frames": ("frame.",),
    "outputs": ("output.",),
}
"""What can be left out, and the topics that it is."""


class Pruned(NamedTuple):
    """A lighter copy."""

    path: Path
    original: Path
    """The take as it was, where it is now."""
    saved_bytes: int


def prune(path: Path, drop: Sequence[str], out: Path | None = None, *, replace: bool = False) -> Pruned:
    """Writes a lighter copy of a take, and verifies it.

    Args:
        path: The take.
        drop: What is left out, of `DROPPED`.
        out: The copy; None: beside it, with "-light" behind its name.
        replace: The copy takes the name of the take, which is kept under another.

    Raises:
        TakeError: Nothing to leave out, the take is damaged or has no end, or the copy cannot be written.
    """
    unknown = [one for one in drop if one not in DROPPED]
    if unknown or len(drop) == 0:
        raise TakeError(f"--drop {' '.join(unknown)}: leave out some of {', '.join(DROPPED)}")
    if replace and out is not None:
        raise TakeError("--replace and --out exclude each other")
    take = TakeReader(path)
    if not take.finished:
        raise TakeError(f"{path} has no end; `stage takes recover {path}` mends it first")
    prefixes = tuple(prefix for one in drop for prefix in DROPPED[one])
    if not any(topic.startswith(prefixes) for topic in take.counts):
        raise TakeError(f"{path}: no {' or '.join(drop)} in it; it is as light as can be")
    copy = path if replace else out or path.with_name(f"{path.stem}-light{SUFFIX}")
    if copy.suffix != SUFFIX or (copy.exists() and not replace):
        raise TakeError(f"{copy}: not the name of a new take; it ends in {SUFFIX} and is not there yet")
    records = 0

    def kept() -> Iterator[tuple[Described, RawMessage]]:
        nonlocal records
        records = 0
        for channel, message in take.messages():
            if not channel.topic.startswith(prefixes):
                records += 1
                yield channel, message

    facts = {name: of for name, of in take.facts.items() if name != "end"}
    before = facts.get(FACTS, {}).get("dropped", "")
    facts[FACTS] = {
        "of": facts.get(FACTS, {}).get("of", path.stem),
        "dropped": ", ".join(dict.fromkeys([*filter(None, before.split(", ")), *drop])),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with nobody_else(path):
        size = path.stat().st_size
        new = written_beside(take, copy, kept, facts, lambda: _end(take, drop, records))
        saved = size - new.stat().st_size
        if replace:
            return Pruned(path, take_its_place(new, path, ORIGINAL), saved)
    take_its_name(new, copy)
    return Pruned(copy, path, saved)


def _end(take: TakeReader, drop: Sequence[str], records: int) -> dict[str, str]:
    pictures = ("frames", "dropped") if "video" in drop else ()
    end = take.facts.get("end", {})
    return {key: text for key, text in end.items() if key.partition(".")[0] not in pictures} | {"records": str(records)}
