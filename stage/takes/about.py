"""What a take says about the stage that recorded it: config, clock, software, calibrations, actor profiles."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from protocols.clock import ClockFile
from protocols.messages import SCHEMA_VERSION
from stage.config import Config

PACKAGES = ("anny", "av", "mcap", "msgspec", "numpy", "opencv-python-headless", "openvino", "pyzmq", "torch")
MAX_FILE_BYTES = 8 << 20
"""Larger profiles and calibrations stay outside."""

_SECRETS = frozenset({"password", "token", "username"})
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
_HIDDEN = "***"
_PROFILE_FILES = (".toml", ".npz", ".json")
_MEDIA_TYPES = {".json": "application/json", ".toml": "application/toml"}


class AttachedFile(NamedTuple):
    """A file that goes into a take."""

    name: str
    media_type: str
    data: bytes


def library() -> str:
    """Name and version of this program."""
    return f"stage {_version('stage')}"


def software() -> dict[str, str]:
    """Versions of what a performance depends on."""
    versions = {name: _version(name) for name in ("stage", *PACKAGES)}
    return {"schema": str(SCHEMA_VERSION), "python": platform.python_version(), **versions}


def clock_facts(timing: ClockFile) -> dict[str, str]:
    """The stage's clock."""
    return {key: str(value) for key, value in msgspec.to_builtins(timing).items()}


def attached_files(config: Config) -> Iterator[AttachedFile]:
    """The config without its secrets, the calibrations and the actors' profiles, one by one."""
    yield AttachedFile("config.json", "application/json", redacted(config))
    calibrations = dict.fromkeys(camera.calibration for camera in config.cameras if camera.calibration)
    for number, path in enumerate(map(Path, calibrations)):
        yield from _file(path, f"calibration/{number}/{path.name}")
    yield from profiles(config)


def profiles(config: Config) -> Iterator[AttachedFile]:
    """The actors' profiles as they are now, file by file."""
    for actor in config.actors:
        folder = Path(actor.profile)
        files = sorted(path for path in folder.glob("*") if path.suffix in _PROFILE_FILES) if actor.profile else []
        for path in files:
            yield from _file(path, f"actors/{actor.id}/{path.name}")


def redacted(config: Config) -> bytes:
    """The config as JSON, without passwords, names of users and tokens, also not those in addresses."""
    return msgspec.json.format(msgspec.json.encode(_without_secrets(msgspec.to_builtins(config))), indent=1)


def _without_secrets(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _without_secrets(item, name) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets(item) for item in value]
    if isinstance(value, str):
        return _HIDDEN if value and key in _SECRETS else _LOGIN.sub(f"{_HIDDEN}@", value)
    return value


def _file(path: Path, name: str) -> Iterator[AttachedFile]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return
        data = path.read_bytes()
    except OSError:
        return
    yield AttachedFile(name, _MEDIA_TYPES.get(path.suffix, "application/octet-stream"), data)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
