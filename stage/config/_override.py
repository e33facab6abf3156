"""Single keys of a config set to other values, checked as the loader checks a file."""

from __future__ import annotations

import tomllib
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from stage.config._decode import _decode_section, nearest
from stage.config._records import ActorSection, CameraSection, Config
from stage.errors import ConfigError

_OPTION = Path("--set")
_BY_ID: dict[str, type[CameraSection | ActorSection]] = {"cameras": CameraSection, "actors": ActorSection}
_LISTS = ("cameras", "actors", "outputs", "inputs")
_TABLES = {key: kind for key, kind in typing.get_type_hints(Config).items() if key not in _LISTS}


def overridden(config: Config, assignments: Iterable[str]) -> Config:
    """A config with some keys set.

    Args:
        config: As it was.
        assignments: Such as "body.smoothing=0.5" or "actors.anna.height_m=1.8": a key and a value as in a stage.toml;
            text may stand without quotes.

    Raises:
        ConfigError: An unknown section, key or id, or a value of a wrong type or out of its range.
    """
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        *place, name = key.strip().split(".")
        if not equals or len(place) == 0:
            raise ConfigError(f'{_OPTION} {assignment}: write SECTION.KEY=VALUE, such as "body.smoothing=0.5"')
        config = _set(config, place, name, _value(text.strip()))
    return config


def _set(config: Config, place: list[str], name: str, value: Any) -> Config:
    section, *ids = place
    if section in _BY_ID and len(ids) == 1:
        items = getattr(config, section)
        known = [item.id for item in items]
        if ids[0] not in known:
            raise ConfigError(f'{_OPTION}: no "{ids[0]}" among {section}; {nearest(ids[0], known)}')
        at = known.index(ids[0])
        changed = _changed(items[at], _BY_ID[section], ".".join(place), name, value)
        return replace(config, **{section: (*items[:at], changed, *items[at + 1 :])})
    if section in _BY_ID:
        raise ConfigError(f"{_OPTION} {'.'.join([*place, name])}: say which one, such as {section}.ID.{name}")
    if section not in _TABLES or len(ids) > 0:
        known = [*_TABLES, *(f"{key}.ID" for key in _BY_ID)]
        raise ConfigError(f"{_OPTION}: unknown section {'.'.join(place)}; {nearest(section, known)}")
    changed = _changed(getattr(config, section), _TABLES[section], section, name, value)
    return replace(config, **{section: changed})


def _changed(item: Any, kind: Any, place: str, name: str, value: Any) -> Any:
    # The new key alone is checked as in a file; the others were, and stay what they are.
    required = {key: getattr(item, key) for key in _required(kind)}
    checked = _decode_section({**required, name: value}, kind, place, _OPTION)
    return replace(item, **{name: getattr(checked, name)})


def _required(kind: Any) -> list[str]:
    return [entry.name for entry in msgspec.structs.fields(kind) if entry.required]


def _value(text: str) -> Any:
    """As TOML says; what is no TOML is text."""
    try:
        found = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return found["value"] if len(found) == 1 else text
