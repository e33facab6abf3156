"""Files of others to one take: who is whom, and when each begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray

from protocols.timecode import FrameRate, Timecode, TimecodeError
from stage.bodies.body import load_body
from stage.bodies.profile import load_shape
from stage.config import ActorSection, Config, RecordSection, StageSection, TimecodeSection
from stage.errors import ForeignFileError
from stage.imports._bvh import Units, read_bvh
from stage.imports._imported import Imported
from stage.imports._livelink_csv import Angles, read_livelink_csv
from stage.imports._points import Up, read_points
from stage.imports._records import Part
from stage.imports._take import actor_name, without_cameras, write_take

_DAY_NS = 24 * 3600 * 1_000_000_000
_RATES = ("60", "59.94", "50", "30", "29.97", "25", "24", "23.976")
_NEAR = 2e-3


@dataclass(frozen=True)
class ImportOptions:
    """What an operator may say of files that do not say it themselves."""

    actors: tuple[str, ...] = ()
    """One for each file, or one for all; otherwise by the files' names."""
    timecode: str = ""
    """Of the first frame of the files that have none, HH:MM:SS:FF."""
    rate: str = ""
    """Of the timecode, such as "29.97df"."""
    units: Units = "guess"
    up: Up = "guess"
    angles: Angles = "guess"


def import_files(
    paths: Sequence[Path],
    *,
    out: Path | None = None,
    slate: str = "",
    config: Config | None = None,
    options: ImportOptions | None = None,
    progress: Callable[[str], None] = print,
) -> Path:
    """Makes a take of files.

    Args:
        paths: BVH, C3D, TRC or Live Link Face CSV.
        out: The take file; None: the next take of the slate.
        slate: The take's slate.
        config: The stage whose take it becomes: its actors' bodies, timecode, folder of takes; None: none.
        options: What the files do not say.
        progress: Told what was read and guessed, and what was written.

    Returns:
        The take.

    Raises:
        ForeignFileError: A file cannot be read, or the files do not fit together.
        RecordError: The take cannot be made.
        TakeError: It cannot be written.
    """
    options = options or ImportOptions()
    torch.set_num_threads(1)  # many small matrices: a second thread only waits
    if len(paths) == 0:
        raise ForeignFileError("no file to import")
    actors = _actors(paths, options.actors)
    read = [_read(path, options, _known_shape(config, actor)) for path, actor in zip(paths, actors, strict=True)]
    for imported in read:
        for line in (f"{imported.path.name}: {imported.kind}, {imported.span_ns / 1e9:.2f} s", *imported.told):
            progress(line if line.startswith(imported.path.name) else f"  {line}")
    _check_parts(read, actors)
    rate = _timecode_rate(read, options, config)
    taken = _config(config, actors, rate, max(imported.rate for imported in read))
    parts = _placed(read, actors, options.timecode, FrameRate.parse(rate))
    path = write_take(parts, taken, out, slate)
    progress(f"{path}: {', '.join(dict.fromkeys(actors))}")
    return path


def _read(path: Path, options: ImportOptions, shape: NDArray[np.floating] | None) -> Imported:
    suffix = path.suffix.lower()
    if suffix == ".bvh":
        return read_bvh(path, options.units, shape)
    if suffix in (".c3d", ".trc"):
        return read_points(path, options.up, shape)
    if suffix == ".csv":
        return read_livelink_csv(path, options.angles)
    if suffix == ".fbx":
        raise ForeignFileError(f"{path}: FBX is not read; let Blender write it as BVH (docs/fbx.md)")
    raise ForeignFileError(f"{path}: files to import end in .bvh, .c3d, .trc or .csv, not in {suffix or 'nothing'}")


def _actors(paths: Sequence[Path], told: tuple[str, ...]) -> list[str]:
    if len(told) not in (0, 1, len(paths)):
        raise ForeignFileError(f"--actor names {len(told)}, files are {len(paths)}; name one for each, or one for all")
    actors = list(told) * (len(paths) if len(told) == 1 else 1) or [actor_name(path) for path in paths]
    for actor in actors:
        if actor != actor_name(Path(f"{actor}.x")):
            raise ForeignFileError(f'--actor "{actor}" is no usable name; up to 32 letters, digits, "-" and "_"')
    return actors


def _known_shape(config: Config | None, actor: str) -> NDArray[np.floating] | None:
    """The body of an actor of the stage, where its profile has one."""
    section = next((section for section in config.actors if section.id == actor), None) if config else None
    return load_shape(Path(section.profile), load_body()) if section is not None and section.profile else None


def _check_parts(read: Sequence[Imported], actors: Sequence[str]) -> None:
    """One actor has one body, one face and one set of markers."""
    seen: dict[tuple[str, str], Path] = {}
    for imported, actor in zip(read, actors, strict=True):
        motion = imported.motion
        parts = {
            "body": motion is not None and len(motion.capture_ns) > 0,
            "face": motion is not None and len(motion.face_ns) > 0,
            "set of markers": imported.markers is not None,
        }
        for part in (name for name, there in parts.items() if there):
            other = seen.setdefault((actor, part), imported.path)
            if other is not imported.path:
                raise ForeignFileError(
                    f"{other.name} and {imported.path.name} both have a {part} of actor {actor}; give each an --actor"
                )


def _timecode_rate(read: Sequence[Imported], options: ImportOptions, config: Config | None) -> str:
    """The rate that was told, or the one in whose frames those of the files lie."""
    if options.rate:
        try:
            return FrameRate.parse(options.rate).text
        except TimecodeError as error:
            raise ForeignFileError(f"--timecode-rate: {error}") from error
    if config is not None and config.timecode.rate:
        return config.timecode.rate
    if told := next((imported.timecode_rate for imported in read if imported.timecode_rate), ""):
        return told
    rate = read[0].rate
    for text in _RATES:
        fraction = FrameRate.parse(text)
        times = rate * fraction.denominator / fraction.numerator
        if round(times) >= 1 and abs(times - round(times)) < 1e-4 * times:
            return text
    return "30"


def _config(config: Config | None, actors: Sequence[str], rate: str, frames: float) -> Config:
    """The config of a stage that made this take: its actors, and the timecode by which its times were chosen."""
    known = {section.id: section for section in config.actors} if config else {}
    sections = tuple(known.get(actor, ActorSection(id=actor)) for actor in dict.fromkeys(actors))
    base = without_cameras(config) if config else Config(record=RecordSection(folder="takes", slate="import"))
    stage = replace(base.stage if config else StageSection(name="import"), rate=_whole(frames))
    return replace(
        base,
        stage=stage,
        actors=sections,
        outputs=tuple(output for output in base.outputs if output.actor in ("", *actors)),
        timecode=msgspec.convert({"rate": rate, "source": "day", "zone": "utc"}, TimecodeSection),
    )


def _whole(rate: float) -> float:
    """What is nearly a whole rate is one: tables of faces have times rounded to thousandths of a frame."""
    return float(round(rate)) if rate > 1.0 and abs(rate - round(rate)) < _NEAR * rate else rate


def _placed(read: Sequence[Imported], actors: Sequence[str], timecode: str, rate: FrameRate) -> list[Part]:
    """When each file begins: on the day its first file was last changed, at its timecode or the one that was told."""
    begins = [imported.begin_ns for imported in read if imported.begin_ns is not None]
    otherwise = min(begins, default=0)
    if timecode:
        try:
            otherwise = rate.begin_ns(Timecode.parse(timecode, rate).frame)
        except TimecodeError as error:
            raise ForeignFileError(f"--timecode: {error}") from error
    changed = datetime.fromtimestamp(read[0].path.stat().st_mtime, UTC)
    midnight_ns = int(changed.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()) * 1_000_000_000
    parts = []
    for imported, actor in zip(read, actors, strict=True):
        begin_ns = otherwise if imported.begin_ns is None else imported.begin_ns
        if imported.begin_ns is not None and len(begins) > 1 and begin_ns < max(begins) - _DAY_NS // 2:
            begin_ns += _DAY_NS  # it began after the others' midnight
        parts.append(Part(imported, actor, midnight_ns + begin_ns))
    return parts
