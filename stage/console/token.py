"""The token that a page beyond loopback asks for: configured, or made once for each run of a stage."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from stage.config import ConsoleSection
from stage.console.gate import is_loopback

TOKEN_FILE = "console.token"
_TOKEN_BYTES = 16


def page_token(section: ConsoleSection, run_dir: Path) -> str:
    """The token of the page, "" on loopback, where none is asked for.

    One that is made is kept in the run folder, readable by its owner only, so that browsers stay
    admitted when the worker is started again.
    """
    if is_loopback(section.host):
        return ""
    if section.token:
        return section.token
    path = run_dir / TOKEN_FILE
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(_TOKEN_BYTES))
    return path.read_text(encoding="ascii")
