"""What a take knows of the stage that recorded it, as things to work with: its config, calibrations, actor profiles."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from protocols.errors import TakeError
from protocols.takefile import TakeReader
from stage.config import Config, check_recorded
from stage.errors import ConfigError

CONFIG = "config.json"

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


def recorded_config(take: TakeReader) -> Config:
    """The config of the stage that recorded a take, as it was: its paths may lead nowhere here, secrets are "***".

    Raises:
        TakeError: The take holds none, one of another version of Stage, or one that no stage can have had.
    """
    data = take.attachments.get(CONFIG)
    if data is None:
        raise TakeError(f"{take.path}: holds no config; it cannot be solved again")
    try:
        config = msgspec.json.decode(data, type=Config)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TakeError(
            f"{take.path}: its config is not understood ({error}); use the release that recorded it"
        ) from error
    try:
        check_recorded(config)
    except ConfigError as error:
        raise TakeError(f"{take.path}: its config is none that a stage can have had: {error}") from error
    return config


def unpack(take: TakeReader, folder: Path) -> Config:
    """Writes calibrations and actor profiles of a take into a folder.

    Args:
        take: The take.
        folder: An empty folder; nothing outside it is written, whatever the take says.

    Returns:
        The recorded config with its calibrations and profiles there; an actor without a profile gets an empty folder.

    Raises:
        TakeError: The take holds no config, or the folder cannot be written.
    """
    config = recorded_config(take)
    try:
        calibrations = _calibrations(config, take.attachments, folder)
        profiles = {
            actor.id: _profile(f"actors/{actor.id}/", take.attachments, folder / f"actor{number}")
            for number, actor in enumerate(config.actors)
        }
    except OSError as error:
        raise TakeError(f"{folder}: {error.strerror}; a take cannot be unpacked there") from error
    return replace(
        config,
        stage=replace(config.stage, calibration=calibrations.get(config.stage.calibration, "")),
        cameras=tuple(replace(c, calibration=calibrations.get(c.calibration, "")) for c in config.cameras),
        actors=tuple(replace(actor, profile=str(profiles[actor.id])) for actor in config.actors),
    )


def _calibrations(config: Config, attachments: Mapping[str, bytes], folder: Path) -> dict[str, str]:
    """Where the calibration of each recorded path lies now."""
    recorded = dict.fromkeys(camera.calibration for camera in config.cameras if camera.calibration)
    places = {}
    for number, path in enumerate(recorded):
        data = attachments.get(f"calibration/{number}/{Path(path).name}")
        if data is not None:
            place = folder / f"calibration{number}{Path(path).suffix if _FILE_NAME.fullmatch(Path(path).name) else ''}"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
            places[path] = str(place)
    return places


def _profile(prefix: str, attachments: Mapping[str, bytes], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in attachments.items():
        if name.startswith(prefix) and _FILE_NAME.fullmatch(name.removeprefix(prefix)):
            (folder / name.removeprefix(prefix)).write_bytes(data)
    return folder
