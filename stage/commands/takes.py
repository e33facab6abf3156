"""`stage takes ...`: a group of commands, dispatched by `stage.cli`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import tyro

from stage.commands.options import From, OptionalFile, OptionalText, Switch, TakePath, To
from stage.errors import StageError
from stage.harmless import say

_MISSING = Path()

TakesFolder = Annotated[
    Path,
    tyro.conf.Positional,
    tyro.conf.arg(metavar="[FOLDER]", help_behavior_hint="(default: takes here, or of the demo recording)"),
]
TakeOrFolder = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="TAKE|FOLDER")]
Kinds = Annotated[tuple[str, ...], tyro.conf.arg(metavar="KIND ...")]

app = tyro.extras.SubcommandApp()


def takes() -> int:
    """List, show, check, mend, cut and annotate takes: `stage takes --help` shows how."""
    return run([])


def run(arguments: list[str]) -> int:
    """Run a command of the group and return its status."""
    return app.cli(
        prog="stage takes",
        description="What became of the takes of a stage, and what can be done with them. A take is never changed: "
        "what is made of it is a new file.",
        args=arguments or ["--help"],
    )


@app.command
def ls(folder: TakesFolder = _MISSING, *, as_json: Switch = False) -> int:
    """List the takes of a folder.

    Args:
        folder: Where they are, or the stage.toml that says so.
        as_json: Print JSON, for programs.
    """
    from stage.takes.library import takes_in
    from stage.takes.told_takes import listed, print_list

    folder = _folder(folder)
    found = takes_in(folder)
    if as_json:
        _print_json(listed(folder, found))
    else:
        print_list(folder, found)
    return 0


@app.command
def info(take: TakePath, *, as_json: Switch = False) -> int:
    """Show all that a take says of itself: when, who, how much of what, marks and notes.

    Args:
        take: The take, or a track of it: a file, or its name in the folder where takes go.
        as_json: Print JSON, for programs.
    """
    from stage.takes.find import find_take
    from stage.takes.told_takes import about, print_about

    found = about(find_take(take))
    if as_json:
        _print_json(found)
    else:
        print_about(found)
    return 0


@app.command
def sheet(take: TakePath, *, out: OptionalFile = None, columns: Annotated[int, tyro.conf.arg(metavar="N")] = 8) -> int:
    """Make a contact sheet: pictures of all cameras and figures of all actors along the take, in one image.

    Args:
        take: The take, or a track of it: a file, or its name in the folder where takes go.
        out: The image, .jpg or .png; otherwise beside the take.
        columns: Pictures per row.
    """
    from stage.takes.contact_sheet import write_contact_sheet
    from stage.takes.find import find_take

    take = find_take(take)
    out = out or take.with_suffix(".jpg")
    write_contact_sheet(take, out, columns)
    say(str(out))
    return 0


@app.command
def verify(take: TakeOrFolder) -> int:
    """Read all of a take, or of every take of a folder, and check it; status 2 when something is damaged.

    Args:
        take: The take, or a track of it; or a folder with all its takes and tracks.
    """
    from protocols.takefile import verify as verify_file

    status = 0
    for path in _files(take):
        found = verify_file(path)
        if found.fault:
            say(f"{path.name}: DAMAGED, {found.records} records before it: {found.fault}")
        elif not found.finished:
            say(f"{path.name}: no end; {found.records} whole records, {found.unread_bytes} bytes behind them")
        else:
            say(f"{path.name}: whole, {found.records} records")
        status = 2 if found.fault or not found.finished else status
    return status


@app.command
def recover(take: TakeOrFolder) -> int:
    """Mend takes that a crash has cut or a disk has damaged: what is whole becomes a finished take, the old file stays.

    Args:
        take: The take, or a track of it; or a folder with all its takes and tracks.
    """
    from protocols.errors import TakeError
    from stage.takes.recover import recover as mend

    status = 0
    for path in _files(take):
        try:
            mended = mend(path)
        except TakeError as error:
            say(f"stage: error: {error}", sys.stderr)
            status = 2
            continue
        say(f"{path.name}: whole, nothing to mend" if mended is None else mended.text)
    return status


@app.command
def trim(take: TakePath, *, begin: From = "", to: To = "", out: OptionalFile = None) -> int:
    """Make a new take of a part of one, with all that it needs to be replayed and solved again.

    Args:
        take: The take: a file, or its name in the folder where takes go.
        begin: First moment: seconds since the take's begin, or a timecode of it.
        to: The moment with which the new one ends, likewise.
        out: The new take; otherwise the next number of its slate.
    """
    if not begin and not to:
        raise StageError("nothing to trim: give --from, --to or both")
    from stage.takes.find import find_take
    from stage.takes.trim import trim as cut

    say(str(cut(find_take(take), begin, to, out)))
    return 0


@app.command
def prune(take: TakePath, *, drop: Kinds, out: OptionalFile = None, replace: Switch = False) -> int:
    """Make a lighter copy of a take, without its video or other kinds of messages.

    Args:
        take: The take: a file, or its name in the folder where takes go.
        drop: What to leave out: video, landmarks, solver, transforms, frames, outputs.
        out: The copy; otherwise beside the take, with "-light" behind its name.
        replace: The copy takes the take's name; the take is kept as NAME.mcap.original.
    """
    from stage.takes.find import find_take
    from stage.takes.prune import prune as lighten

    done = lighten(find_take(take), drop, out, replace=replace)
    say(f"{done.path}: {done.saved_bytes / 1e6:.1f} MB lighter; as it was: {done.original}")
    return 0


@app.command
def notes(
    take: TakePath,
    text: Annotated[OptionalText, tyro.conf.Positional, tyro.conf.arg(metavar="[TEXT]", help_behavior_hint="")] = "",
) -> int:
    """Show the marks and notes of a take, or add a note.

    Args:
        take: The take: a file, or its name in the folder where takes go.
        text: The note; it goes into a file beside the take.
    """
    from stage.takes.find import find_take
    from stage.takes.told_takes import about, print_notes

    take = find_take(take)
    if text:
        from stage.takes.notes import add_note

        add_note(take, text)
    print_notes(about(take))
    return 0


def _folder(folder: Path) -> Path:
    """The folder of takes that is meant."""
    from stage.takes.find import usual_folders
    from stage.takes.names import SUFFIX

    if folder == _MISSING:
        known = [usual for usual in usual_folders() if usual.is_dir()]
        return next((usual for usual in known if any(usual.glob(f"*{SUFFIX}"))), known[0])
    beside = folder / "stage.toml"
    if folder.suffix != ".toml" and (not beside.is_file() or any(folder.glob(f"*{SUFFIX}"))):
        return folder
    from stage.config import load

    return Path(load(folder if folder.suffix == ".toml" else beside).record.folder)


def _files(path: Path) -> list[Path]:
    """The take that is meant, or all takes and tracks of a folder."""
    from stage.takes.find import find_take
    from stage.takes.names import SUFFIX

    if not path.is_dir():
        return [find_take(path)]
    files = sorted(file for file in path.glob(f"*{SUFFIX}") if not file.name.startswith("."))
    if not files:
        raise StageError(f"{path}: no takes in this folder")
    return files


def _print_json(value: object) -> None:
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
