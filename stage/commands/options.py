"""Options that several commands have, and what is refused of them before any work."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Annotated

import tyro

from stage.errors import StageError

DEMO_CONFIG = Path(__file__).resolve().parents[2] / "recordings" / "demo" / "stage.toml"

ConfigPath = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CONFIG")]
OptionalConfigPath = Annotated[
    Path,
    tyro.conf.Positional,
    tyro.conf.arg(metavar="[CONFIG]", help_behavior_hint="(default: the demo recording)"),
]
TakePath = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="TAKE")]
OptionalFile = Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")]
OptionalSeconds = Annotated[float | None, tyro.conf.arg(metavar="N", help_behavior_hint="")]
From = Annotated[str, tyro.conf.arg(name="from", metavar="SECONDS|TIMECODE", help_behavior_hint="")]
To = Annotated[str, tyro.conf.arg(metavar="SECONDS|TIMECODE", help_behavior_hint="")]
Track = Annotated[str, tyro.conf.arg(metavar="NAME", help_behavior_hint="")]
Actors = Annotated[tuple[str, ...], tyro.conf.arg(metavar="ID ...", help_behavior_hint="")]
OptionalText = Annotated[str, tyro.conf.arg(metavar="TEXT", help_behavior_hint="")]
Switch = Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help_behavior_hint="")]


def or_demo(config: Path) -> Path:
    """The config, or the demo's when none was named.

    Raises:
        StageError: There is no demo in this installation.
    """
    if config == DEMO_CONFIG and not config.exists():
        raise StageError("the demo recording is not part of this installation; name a stage.toml")
    return config


def check_seconds(seconds: float | None, option: str = "--seconds") -> None:
    """Refuses what is no length of time.

    Raises:
        StageError: So it is.
    """
    if seconds is not None and not 0 < seconds < math.inf:
        raise StageError(f"{option} {seconds} is no length of time; leave it out to run until Ctrl-C")


def check_writable(path: Path, option: str) -> None:
    """A result that cannot be written is refused before the work, not after it.

    Raises:
        StageError: So it is.
    """
    folder = path.absolute().parent
    if path.is_dir():
        raise StageError(f"{option}: {path} is a folder; name a file")
    if not folder.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise StageError(f"{option}: {path} cannot be written; is {folder} there, and yours?")
