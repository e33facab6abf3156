"""Takes as tables and sentences for a terminal, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from protocols.errors import TakeError
from stage.harmless import harmless
from stage.takes.notes import marks_of, notes_of
from stage.takes.take_info import TakeInfo, opened_take
from stage.takes.tracks import track_facts, tracks_of

_STYLES = {"finished": "green", "recording": "bold red", "unfinished": "yellow", "damaged": "bold red"}
_PIPE_WIDTH = 160
"""Characters of a line where nobody looks at the edge of a screen."""


def print_list(folder: Path, takes: Sequence[TakeInfo]) -> None:
    """One line per take."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    if len(takes) == 0:
        console.print(_cell(f"no takes in {folder}"))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, justify in (
        ("take", "left"),
        ("slate", "left"),
        ("no", "right"),
        ("began", "left"),
        ("length", "right"),
        ("size", "right"),
        ("actors", "left"),
        ("cameras", "right"),
        ("video", "right"),
        ("tracks", "left"),
        ("marks", "right"),
        ("state", "left"),
    ):
        table.add_column(name, justify=justify, min_width=len(name))  # type: ignore[arg-type]
    for info in takes:
        path = folder / info.file
        marks = info.marks + len(notes_of(path))
        table.add_row(
            _cell(info.name),
            _cell(info.slate),
            str(info.number or ""),
            local_time(info.began),
            length(info.seconds) if info.seconds else "",
            size(info.bytes),
            _cell(" ".join(info.actors)),
            str(len(info.cameras) or ""),
            str(len(info.video) or ""),
            _cell(" ".join(tracks_of(path))),
            str(marks or ""),
            f"[{_STYLES[info.state]}]{_state(info.state, info.mended, info.fault)}[/]",
        )
    console.print(table)
    count, total = len(takes), sum(info.bytes for info in takes)
    console.print(f"{count} take{'s' if count != 1 else ''}, {size(total)}")


def listed(folder: Path, takes: Sequence[TakeInfo]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [_as_json(folder / info.file, info) for info in takes]


def about(path: Path) -> dict[str, Any]:
    """Everything that a take says of itself, for programs.

    Raises:
        TakeError: There is no such take.
    """
    info, take = opened_take(path)
    found = _as_json(path, info) | {"notes": [msgspec.to_builtins(note) for note in notes_of(path)]}
    if take is None:
        return found
    try:
        marks = marks_of(take) if info.marks or (take.is_counted and "marks" not in take.facts.get("end", {})) else []
    except TakeError as error:
        return found | {"state": "damaged", "fault": str(error)}
    track = track_facts(take)
    return found | {
        "facts": take.facts,
        "track": None if track is None else track._asdict(),
        "attachments": sorted(take.attachments),
        "told_marks": [{"seconds": (mark.at_ns - info.span_ns[0]) / 1e9, "text": mark.text} for mark in marks],
    }


def print_about(found: dict[str, Any]) -> None:
    """The same for people."""
    console = Console(highlight=False)
    _print_lines(console, _lines(found))
    if counts := found["counts"]:
        table = Table(box=None, header_style="bold", pad_edge=False)
        table.add_column("messages", justify="right")
        table.add_column("per second", justify="right")
        table.add_column("topic")
        began_ns, ended_ns = found["span_ns"]
        for topic, count in counts.items():
            rate = f"{count * 1e9 / (ended_ns - began_ns):.1f}" if ended_ns > began_ns else ""
            table.add_row(str(count), rate, _cell(topic))
        console.print()
        console.print(table)


def print_notes(found: dict[str, Any]) -> None:
    """Marks and notes alone."""
    lines = list(_notes(found))
    _print_lines(Console(highlight=False), lines or [("", "no marks, no notes")])


def length(seconds: float) -> str:
    """A length of time, as 1:02:03.4."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    begin = f"{hours}:{minutes:02d}" if hours else str(minutes)
    return f"{begin}:{rest / 10:04.1f}"


def size(count: int) -> str:
    """A number of bytes."""
    for unit, step in (("GB", 1e9), ("MB", 1e6)):
        if count >= step:
            return f"{count / step:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"


def local_time(began: str) -> str:
    """A moment as the clock on the wall shows it here; "" for none."""
    try:
        return datetime.fromisoformat(began).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):
        return ""


def _cell(text: str) -> Text:
    """Words of others: nothing in them is obeyed, by a terminal or as markup."""
    return Text(harmless(text))


def _print_lines(console: Console, lines: Iterable[tuple[str, str]]) -> None:
    for name, text in lines:
        console.print(f"[bold]{name:<12}[/]" if name else "", end="")
        console.print(harmless(text), markup=False, soft_wrap=True)


def _as_json(path: Path, info: TakeInfo) -> dict[str, Any]:
    return msgspec.to_builtins(info) | {
        "path": str(path),
        "actors": info.actors,
        "cameras": info.cameras,
        "video": info.video,
        "tracks": tracks_of(path),
    }


def _lines(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What is worth a line, with its name."""
    facts = found.get("facts", {})
    yield "take", found["name"]
    yield "file", f"{found['path']}, {size(found['bytes'])}"
    yield "state", _state(found["state"], found["mended"], found["fault"])
    if found["slate"]:
        yield "slate", f"{found['slate']}, take {found['number']}"
    if found["began"]:
        yield "began", f"{local_time(found['began'])} here, {found['began']}"
    if found["timecode"]:
        ended = facts.get("end", {}).get("timecode", "")
        yield "timecode", found["timecode"] + (f" to {ended}" if ended else "") + f" at {found['timecode_rate']}"
    if found["seconds"]:
        yield "length", f"{length(found['seconds'])}, {sum(found['counts'].values())} messages"
    yield from _beginning(facts.get("take", {}), found["span_ns"][0])
    for name in ("actors", "cameras", "video", "tracks"):
        if found[name]:
            yield name, " ".join(found[name])
    if track := found.get("track"):
        settings = f", {track['settings']}" if track["settings"] else ""
        yield "track", f"of {track['of']}, made {local_time(track['made'])} from {track['made_from']}{settings}"
    if found["made_of"]:
        made = facts.get("pruned", {}).get("dropped")
        yield "made of", found["made_of"] + (f", without {made}" if made else ", a part of it")
    if found["lost"] or found["dropped"]:
        yield "missing", f"{found['lost']} records lost, {found['dropped']} pictures dropped while it was recorded"
    if found["fault"]:
        yield "fault", found["fault"]
    software = facts.get("software", {})
    if software:
        yield "recorded by", f"stage {software.get('stage', '?')}, python {software.get('python', '?')}"
    if found.get("attachments"):
        yield "attached", ", ".join(found["attachments"])
    yield from _notes(found)


def _beginning(take: dict[str, str], first_ns: int) -> Iterator[tuple[str, str]]:
    """Where in the take Record was pressed: seconds count from its first message, which is of before."""
    told = [take.get(key, "") for key in ("from_ns", "began_ns")]
    whole_ns, pressed_ns = (int(text) if text.isdecimal() and len(text) < 20 else 0 for text in told)
    if 0 < first_ns < whole_ns:
        pressed = f", Record at {length((pressed_ns - first_ns) / 1e9)}" if pressed_ns > whole_ns else ""
        yield "begin", f"all is in it from {length((whole_ns - first_ns) / 1e9)} on{pressed}"


def _notes(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for mark in found.get("told_marks", []):
        yield "mark", f"{length(mark['seconds'])}  {mark['text']}"
    for note in found["notes"]:
        yield "note", f"{local_time(note['at'])}  {note['text']}" + (f" ({note['by']})" if note["by"] else "")


def _state(state: str, mended: bool, fault: str) -> str:
    if state != "finished":
        return state
    return "mended" if mended else "fault" if fault else "whole"
