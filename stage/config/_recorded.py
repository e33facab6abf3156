"""The check of a config that comes out of a take: another stage has resolved it, or somebody who only says so."""

from __future__ import annotations

from stage.config._load import _check_unique
from stage.config._records import Config
from stage.config._resolve import Refused, check_name
from stage.errors import ConfigError

_MOST = 256
"""Of a kind; no stage has so many."""


def check_recorded(config: Config) -> None:
    """Refuses names that no stage has: they become topics, file names and part of socket paths here too.

    Paths are not looked at: they are of another machine, and whoever uses one must not believe it.

    Raises:
        ConfigError: It is no config of a stage.
    """
    kinds = {kind: getattr(config, kind) for kind in ("cameras", "actors", "outputs", "inputs")}
    try:
        check_name("stage.name", config.stage.name)
        for kind, items in kinds.items():
            if len(items) > _MOST:
                raise Refused(f"{len(items)} {kind}")
            for number, item in enumerate(items):
                if item.id or kind in ("cameras", "actors"):
                    check_name(f"{kind}[{number}].id", item.id)
            _check_unique(kind, (item.id for item in items if item.id))
        known = {"", *(actor.id for actor in config.actors)}
        whose = [camera.face_of for camera in config.cameras]
        whose += [section.actor for section in (*config.outputs, *config.inputs)]
        if strange := [name for name in whose if name not in known]:
            raise Refused(f'no actor "{strange[0]}"')
    except Refused as refused:
        raise ConfigError(str(refused)) from None
