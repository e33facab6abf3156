"""What is said of a take: in its file, at its begin and its end, and in replies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stage.timecode import TimecodeClock

if TYPE_CHECKING:
    from stage.takes.take import Take


def begin_facts(take: Take, stage: str, timecode: TimecodeClock) -> dict[str, str]:
    """The metadata record "take".

    Args:
        take: One that has its name.
        stage: The stage's name.
        timecode: Its timecode.
    """
    began = datetime.fromtimestamp(take.began_ns / 1e9, UTC)
    return {
        "name": take.name,
        "slate": take.slate,
        "number": str(take.number),
        "stage": stage,
        "began": began.isoformat(timespec="milliseconds"),
        "began_ns": str(take.began_ns),
        "from_ns": str(take.from_ns),
        "timecode": take.timecode,
        "timecode_rate": timecode.rate.text,
        "timecode_source": timecode.source,
    }


def end_facts(take: Take, frames: Mapping[str, int], ended_ns: int) -> dict[str, str]:
    """The metadata record "end".

    Args:
        take: One of which all is written.
        frames: Pictures that were written, by camera.
        ended_ns: Stage time of its end.
    """
    dropped = take.dropped
    pictures = {f"frames.{camera}": str(count) for camera, count in sorted(frames.items())}
    pictures |= {f"dropped.{camera}": str(count) for camera, count in sorted(dropped.items())}
    return {
        "ended_ns": str(ended_ns),
        "seconds": f"{(ended_ns - take.began_ns) / 1e9:.3f}",
        "timecode": take.timecode,
        "records": str(take.records),
        "lost": str(take.lost),
        "frames": str(sum(frames.values())),
        "dropped": str(sum(dropped.values())),
        **pictures,
        "marks": str(take.marks),
        "fault": take.fault,
    }


def reply_facts(take: Take) -> dict[str, str]:
    """What a reply says, for programs."""
    paths = [str(path) for path in take.files]
    tables = [path for path in paths if path.endswith(".csv")]
    return {
        "take": take.name,
        "slate": take.slate,
        "number": str(take.number),
        "timecode": take.timecode,
        "mcap": next(iter(paths), ""),
        "csv": next(iter(tables), ""),
        "files": "\n".join(paths),
    }
