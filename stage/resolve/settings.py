"""With which settings a take is solved again: those it was recorded with, and what should be different."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from protocols.takefile import TakeReader
from stage.config import Config, check_recorded, load, nearest, overridden
from stage.errors import ConfigError
from stage.takes.contents import recorded_config, unpack

SMOOTHED_PRIOR = {"body": 0.35, "hands": 0.5, "face": 0.5}
"""Who smooths afterwards lets the live filters smooth so much less: see docs/decisions/smoothing.md."""

_PROFILE_FILES = (".toml", ".npz", ".json")


def settings(
    take: TakeReader,
    folder: Path,
    *,
    other: Path | None = None,
    assignments: Sequence[str] = (),
    device: str = "",
    smooth: bool = False,
) -> Config:
    """The config of another solve.

    Args:
        take: The take.
        folder: An empty folder; calibrations and profiles go there, and what is measured may be added.
        other: A stage.toml whose settings, calibrations and profiles count instead of the take's.
        assignments: Single keys, see `stage.config.overridden`.
        device: "cuda" reads landmarks on a GPU, "cpu" does not; "" leaves it as it is.
        smooth: Whether the result is smoothed afterwards.

    Raises:
        ConfigError: A file or a key that cannot be used, or cameras of which the take has none.
        TakeError: The take holds no config.
    """
    config = unpack(take, folder) if other is None else _matched(load(other), recorded_config(take), folder, other)
    given = {assignment.partition("=")[0].strip() for assignment in assignments}
    if smooth:
        for section, share in SMOOTHED_PRIOR.items():
            if f"{section}.smoothing" not in given:
                filters = getattr(config, section)
                config = replace(config, **{section: replace(filters, smoothing=filters.smoothing * share)})
    if device:
        engine = "torch" if device == "cuda" else "openvino"
        config = replace(config, body=replace(config.body, engine=engine, device=device))
    config = overridden(config, assignments)
    check_recorded(config)  # it goes into a track
    return config


def _matched(config: Config, recorded: Config, folder: Path, path: Path) -> Config:
    """Another config over the cameras of a take, by their ids; profiles are copied, so that none is written to."""
    known = [camera.id for camera in recorded.cameras]
    cameras = tuple(camera for camera in config.cameras if camera.id in known)
    if len(cameras) == 0 and len(known) > 0:
        names = [camera.id for camera in config.cameras]
        hint = nearest(names[0], known) if names else f"the take has {', '.join(known)}"
        raise ConfigError(f"{path}: none of its cameras is in the take, they are matched by id; {hint}")
    actors = []
    for number, actor in enumerate(config.actors):
        own = folder / f"actor{number}"
        own.mkdir(parents=True, exist_ok=True)
        for file in sorted(Path(actor.profile).glob("*")):
            if file.suffix in _PROFILE_FILES and file.is_file():
                shutil.copyfile(file, own / file.name)
        actors.append(replace(actor, profile=str(own)))
    # What goes in and out of the stage, and its timecode, is the take's.
    return replace(
        recorded,
        stage=replace(config.stage, name=recorded.stage.name),
        cameras=cameras,
        actors=tuple(actors),
        body=config.body,
        hands=config.hands,
        face=config.face,
    )
