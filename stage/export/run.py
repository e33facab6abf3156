"""`stage export`: one take, one format, and what an operator should know of what was made."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stage.errors import ExportError
from stage.export import FORMATS, ExportOptions, ExportSource, Format, Wanted, check_new, gather
from stage.export._grid import hertz
from stage.harmless import say
from stage.takes.names import safe_name

_GAPS_TOLD = 5


def run_export(
    take: Path,
    format_name: str,
    out: Path | None,
    *,
    actors: tuple[str, ...] = (),
    track: str = "",
    rate: str = "",
    begin: str = "",
    end: str = "",
    style: str = "",
    overwrite: bool = False,
) -> int:
    """Export and say what was made; see `stage.commands.export`.

    Raises:
        ExportError: What is asked for cannot be made.
        TakeError: The take cannot be read, or holds nothing in the range.
    """
    found = FORMATS.get(format_name)
    if found is None:
        raise ExportError(f'no format "{format_name}"; there are {", ".join(FORMATS)}')
    options = ExportOptions(style=found.style(style), overwrite=overwrite)
    write = found.writer()
    sources = gather(take, Wanted(actors, track, rate, begin, end))
    jobs = [(sources, None)] if found.scene else [(source, source.actor) for source in sources]
    paths = [_path(sources[0], found, out, actor, alone=len(jobs) == 1) for _, actor in jobs]
    for path in paths:
        check_new(path, overwrite=overwrite)
    made: list[Path] = []
    for (job, _), path in zip(jobs, paths, strict=True):
        made += write(job, path, options)
    _tell(sources, made)
    return 0


def _path(source: ExportSource, kind: Format, out: Path | None, actor: str | None, *, alone: bool) -> Path:
    """The file of a job."""
    suffix = "" if actor is None else f"_{safe_name(actor, 'actor')}"
    name = f"{source.name}{suffix}{kind.suffix}"
    if out is None:
        return source.take.path.with_name(name)
    if out.is_dir():
        return out / name
    suffixes = (kind.suffix, *kind.also)
    if out.suffix.lower() not in suffixes:
        known = " or ".join(suffixes)
        raise ExportError(f"--out {out}: neither a folder that is there nor a file that ends in {known}")
    return out if alone or actor is None else out.with_stem(f"{out.stem}{suffix}")


def _tell(sources: Sequence[ExportSource], made: Sequence[Path]) -> None:
    first = sources[0]
    timecode = f", timecode {first.start_timecode}" if first.start_timecode else ""
    say(f"{len(first)} frames at {hertz(first.rate):.6g} per second{timecode}")
    for source in sources:
        for text in notes(source):
            say(f"{source.actor}: {text}", sys.stderr)
    for path in made:
        say(f"{path}  {path.stat().st_size / 1e6:.1f} MB")


def notes(source: ExportSource) -> list[str]:
    """What an operator should know of a source: where its actor was absent, what stands for a missing profile."""
    said = []
    if len(source.gaps) > 0:
        spans = ", ".join(f"{begin:.2f}-{end:.2f} s" for begin, end in source.gaps[:_GAPS_TOLD])
        more = f" and {len(source.gaps) - _GAPS_TOLD} more" if len(source.gaps) > _GAPS_TOLD else ""
        away = float(np.sum([end - begin for begin, end in source.gaps]))
        said.append(f"absent for {away:.2f} s, its last pose is held there: {spans}{more}")
    if "worn" in source.__dict__ and source.worn.warning:  # asked of the formats that have a mesh only
        said.append(source.worn.warning)
    return said
