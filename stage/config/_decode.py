"""TOML to records, with errors that name the key, its place in the file and the nearest known key."""

from __future__ import annotations

import difflib
import math
import tomllib
import typing
from pathlib import Path
from types import UnionType
from typing import Any

import msgspec

from stage.config._records import Config, Section
from stage.errors import ConfigError

_SECTIONS = typing.get_type_hints(Config)
_LISTS = {"cameras", "actors", "outputs", "inputs"}
_MAX_BYTES = 1_000_000


def read_toml(path: Path) -> dict[str, Any]:
    """The file's tables.

    Raises:
        ConfigError: There is no such file, it cannot be read, or it is not TOML (with line and column).
    """
    try:
        if path.is_dir():
            raise ConfigError(f"{path} is a folder; name the stage.toml inside it")
        if path.exists() and (not path.is_file() or path.stat().st_size > _MAX_BYTES):
            raise ConfigError(f"{path}: not a stage.toml but a device or a file of more than {_MAX_BYTES} bytes")
        return tomllib.loads(path.read_bytes().decode())
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; `stage live` without a file plays the demo recording") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a text file (byte {error.start} is not UTF-8)") from None
    except (ValueError, RecursionError) as error:  # TOMLDecodeError; numbers too long; tables too deep
        raise ConfigError(f"{path}: not valid TOML: {error}") from None


def decode(tables: dict[str, Any], path: Path) -> Config:
    """The records of the file's tables, unresolved.

    Raises:
        ConfigError: An unknown key, a missing key, or a value of a wrong type or out of its range.
    """
    _check_keys(tables, list(_SECTIONS), "", path)
    sections = {}
    for key, value in tables.items():
        if key in _LISTS:
            if not isinstance(value, list):
                raise ConfigError(f"{path}: {key} is a list of tables; write [[{key}]], not [{key}]")
            sections[key] = tuple(
                _decode_section(item, _item_type(key, item, f"{path}: {key}[{number}]"), f"{key}[{number}]", path)
                for number, item in enumerate(value)
            )
        elif isinstance(value, list):
            raise ConfigError(f"{path}: {key} is one table; write [{key}], not [[{key}]]")
        else:
            sections[key] = _decode_section(value, _SECTIONS[key], key, path)
    return Config(**sections)


def nearest(word: str, known: list[str]) -> str:
    """A hint that ends a sentence about an unknown word: the nearest known one, or all of them."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else f"known are {', '.join(known)}"


def _item_type(key: str, item: Any, place: str) -> type[Section]:
    """The record of an item of a list; where there are several kinds, its `kind` says which."""
    record = typing.get_args(_SECTIONS[key])[0]
    kinds = {str(kind.__struct_config__.tag): kind for kind in typing.get_args(record)}
    if not kinds or not isinstance(item, dict):
        return record if not kinds else next(iter(kinds.values()))
    if "kind" not in item:
        raise ConfigError(f"{place}: missing key `kind`; known are {', '.join(kinds)}")
    if item["kind"] not in kinds:
        raise ConfigError(f'{place}.kind: unknown kind "{item["kind"]}"; {nearest(str(item["kind"]), list(kinds))}')
    chosen = kinds[item["kind"]]
    for word in item:
        having = [name for name, kind in kinds.items() if word in kind.__struct_fields__]
        if having and word not in chosen.__struct_fields__:
            raise ConfigError(f"{place}.{word}: one of kind {item['kind']} has none, only {' and '.join(having)}")
    return chosen


def _decode_section(value: Any, section: type[Section], place: str, path: Path) -> Section:
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: {place} must be a table of keys, not {value!r}")
    known = [*section.__struct_fields__, *([field] if (field := section.__struct_config__.tag_field) else [])]
    _check_keys(value, known, place, path)
    for key, item in value.items():
        if key not in section.__struct_fields__:
            continue
        _check_value(item, section, key, f"{path}: {place}.{key}")
    try:
        return msgspec.convert(value, section)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        what = what.replace("Object missing required field", "missing key").replace("Expected", "expected")
        raise ConfigError(f"{path}: {place}{where.rstrip('`')}: {what}") from None
    except OverflowError:
        raise ConfigError(f"{path}: {place}: a number is too large") from None


def _check_value(value: Any, section: type[Section], key: str, place: str) -> None:
    """What msgspec lets pass, or would refuse without naming the choices."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{place}: {value} is not a number to work with")
    if isinstance(value, str) and not value.isprintable():
        raise ConfigError(f"{place}: {value!r} holds characters that cannot be printed")
    hint = typing.get_type_hints(section)[key]
    if typing.get_origin(hint) in (typing.Union, UnionType):
        hint = typing.get_args(hint)[0]  # the other one is None, which TOML does not have
    if typing.get_origin(hint) is tuple:
        hint = typing.get_args(hint)[0]
        if not isinstance(value, list):
            raise ConfigError(f"{place}: expected a list; write {key} = [{_as_toml(value)}]")
    choices = [str(choice) for choice in typing.get_args(hint)]
    for word in value if isinstance(value, list) else (value,):
        if isinstance(word, str) and choices and word not in choices:
            raise ConfigError(f'{place}: unknown {key} "{word}"; {nearest(word, choices)}')


def _as_toml(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def _check_keys(table: dict[str, Any], known: list[str], place: str, path: Path) -> None:
    for key in table:
        if key not in known:
            name = f"{place}.{key}" if place else key
            raise ConfigError(f"{path}: unknown key {name}; {nearest(key, known)}")
