"""A small stage for tests: two cameras of the demo recording, on free ports, and an engine that listens."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from stage.bodies.body import body_cache_path
from stage.commands import options
from stage.config import Config, ConsoleSection, MetricsSection, load
from stage.errors import StageError
from stage.networks.store import NETWORK_FILES, is_intact
from tests.ports import free_port
from tests.sections import output_section

CAMERAS = 2
OUTPUT = "engine"


def small_config(folder: Path, engine_port: int, *, loop: bool) -> Config:
    """The demo's stage with two cameras, one VMC output and profiles in `folder`.

    Skips where the demo recording, the networks or the body model are missing; `stage models` gets the latter two.
    """
    missing = [name for name in NETWORK_FILES if not is_intact(name)]
    if missing or not body_cache_path().exists():
        pytest.skip("the networks or the body model are not on this machine: stage models gets them")
    try:
        demo = load(options.DEMO_CONFIG)
    except StageError as error:
        pytest.skip(f"the demo recording is not there: {error}")
    return replace(
        demo,
        # The process id tells the rings of this test from those of other stages on this machine.
        cameras=tuple(replace(c, id=f"{c.id[:20]}-{os.getpid()}", loop=loop) for c in demo.cameras[:CAMERAS]),
        actors=tuple(replace(actor, profile=str(folder / actor.id)) for actor in demo.actors),
        outputs=(output_section("vmc", id=OUTPUT, port=engine_port, actor=demo.actors[0].id),),
        console=ConsoleSection(port=free_port()),
        metrics=MetricsSection(port=free_port()),
    )


def write_toml(config: Config, path: Path) -> Path:
    """Write what the small stage needs as a stage.toml."""
    lines = ["[stage]", 'name = "small"', f"rate = {config.stage.rate}"]
    lines += ["[console]", f"port = {config.console.port}", "[metrics]", f"port = {config.metrics.port}"]
    for camera in config.cameras:
        lines += ["[[cameras]]", f'id = "{camera.id}"', f'source = "{camera.source}"', f"loop = {camera.loop}".lower()]
        lines += [f'calibration = "{camera.calibration}"', f'calibration_id = "{camera.calibration_id}"']
    for actor in config.actors:
        lines += ["[[actors]]", f'id = "{actor.id}"', f'profile = "{actor.profile}"', f"height_m = {actor.height_m}"]
    for output in config.outputs:
        lines += ["[[outputs]]", f'kind = "{output.kind}"', f'id = "{output.id}"', f"port = {output.port}"]
        lines += [f'actor = "{output.actor}"']
    path.write_text("\n".join(lines) + "\n")
    return path


@dataclass
class EngineFrame:
    """What arrived up to one /VMC/Ext/T, which ends a frame."""

    at_s: float
    time_s: float
    root: list[float]
    bones: dict[str, list[float]]
    state: tuple[Any, ...]

    @property
    def whole(self) -> bool:
        """Whether it has a root, bones and a state, all finite, all rotations of unit length."""
        poses = [self.root, *self.bones.values()]
        return (
            len(self.bones) > 0
            and len(self.state) == 4
            and all(len(pose) == 7 and all(map(math.isfinite, pose)) for pose in poses)
            and all(abs(math.hypot(*pose[3:]) - 1.0) < 1e-3 for pose in poses)
        )


@dataclass
class Engine:
    """Receives VMC as an engine would, through liblo, an OSC implementation that is not ours."""

    frames: list[EngineFrame] = field(default_factory=list)

    def __post_init__(self) -> None:
        liblo = pytest.importorskip("pyliblo3")
        self._server = liblo.Server(None, proto=liblo.LO_UDP)
        self._server.add_method(None, None, self._take)
        self.port: int = self._server.port
        self._forget()

    def listen(self, timeout_ms: int) -> bool:
        """Take what has arrived, wait if there is nothing; whether there was something."""
        heard = bool(self._server.recv(timeout_ms))
        while self._server.recv(0):
            pass
        return heard

    def close(self) -> None:
        """Free the port."""
        self._server.free()

    def _forget(self) -> None:
        self._root: list[float] = []
        self._bones: dict[str, list[float]] = {}
        self._state: tuple[Any, ...] = ()

    def _take(self, address: str, arguments: list[Any]) -> None:
        match address:
            case "/VMC/Ext/Root/Pos":
                self._root = arguments[1:]
            case "/VMC/Ext/Bone/Pos":
                self._bones[arguments[0]] = arguments[1:]
            case "/VMC/Ext/OK":
                self._state = tuple(arguments)
            case "/VMC/Ext/T":
                now_s = time.monotonic()
                self.frames.append(EngineFrame(now_s, arguments[0], self._root, self._bones, self._state))
                self._forget()
