"""Names of takes and their files: `<slate>_<take>`, such as scene_001, safe on every file system.

What an operator or another program calls a slate is free text. Of it come names of ASCII letters, digits, "-" and
"_" alone: no separators, no dots, nothing hidden, never longer than any system takes. Two slates may end up with the
same name; their takes then share one count, and no file is ever overwritten.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

SUFFIX = ".mcap"
"""Of take files."""

_MAX_LENGTH = 64
_UNSAFE = re.compile(r"[^A-Za-z0-9-]+")
_NAMELESS = "slate"


def safe_name(text: str, otherwise: str = _NAMELESS) -> str:
    """The text as part of a file name; `otherwise` when nothing is left of it."""
    ascii_text = unicodedata.normalize("NFKD", text[: 4 * _MAX_LENGTH]).encode("ascii", "ignore").decode()
    return _UNSAFE.sub("_", ascii_text)[:_MAX_LENGTH].strip("_-") or otherwise


def take_name(slate: str, number: int) -> str:
    """Name of a take, without a suffix."""
    return f"{safe_name(slate)}_{number:03d}"


def numbers(slate: str, file_names: Iterable[str]) -> set[int]:
    """Numbers that takes of a slate have, from the names of their files; as on systems that do not tell case apart."""
    pattern = re.compile(rf"{re.escape(safe_name(slate))}_(\d{{3,6}})(?=[._])", re.IGNORECASE | re.ASCII)
    return {int(found[1]) for name in file_names if (found := pattern.match(name))}
