"""`stage enroll`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from stage.commands.options import ConfigPath, OptionalSeconds, check_seconds
from stage.errors import StageError


def enroll(
    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")],
    config: ConfigPath,
    *,
    photos: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="FILE ...", help_behavior_hint="")] = (),
    seconds: OptionalSeconds = None,
) -> int:
    """Measure an actor's body shape, face identity and face at rest, and keep them in the actor's profile.

    Args:
        name: The actor; one that is not in the stage.toml yet gets the folder actors/NAME beside it.
        config: The stage.toml, whose cameras film the clip, or whose files are it.
        photos: Measure the face alone, from pictures of it from several sides.
        seconds: Length of the clip; otherwise 12, or all of a shorter recording.
    """
    check_seconds(seconds)
    if len(photos) > 0 and seconds is not None:
        raise StageError("--photos and --seconds exclude each other: photos have no length")
    from stage.config import load

    stage_config = load(config)
    from stage.enroll import enroll as enroll_actor

    enroll_actor(stage_config, name, config.resolve().parent, photos=photos, seconds=seconds)
    return 0
