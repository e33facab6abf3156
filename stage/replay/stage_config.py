"""The stage that plays a take: actors and cameras of the take, outputs and surfaces of its own stage or of another.

What cannot be used here is left out, and said so: an output whose password the take does not hold, an avatar that is
not on this machine, an output for somebody who is not in the take. A take may come from anybody: of its own config no
file is opened but avatars, surfaces listen on this machine alone, and nothing goes to another machine, nor are commands
heard from there, unless the operator says so. Another stage's config is the operator's word.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from protocols.takefile import TakeReader
from stage.config import (
    ActorSection,
    AnyOutputSection,
    BusSection,
    Config,
    ControlSection,
    MqttSection,
    ReplaySection,
    StageSection,
    VmcSection,
    is_loopback,
)
from stage.replay.source import BODY, FACE
from stage.takes.contents import CONFIG, unpack
from stage.takes.recorded_timecode import RecordedTimecode

_HIDDEN = "***"
"""What stands for secrets in a recorded config."""


class ReplayStage(NamedTuple):
    """A config to run, and what the operator should know of it."""

    config: Config
    notes: tuple[str, ...]


def replay_stage(
    take: TakeReader,
    folder: Path,
    replay: ReplaySection,
    timecode: RecordedTimecode,
    other: Config | None = None,
    *,
    record: bool = False,
    send: bool = False,
) -> ReplayStage:
    """The stage for a take.

    Args:
        take: The take.
        folder: An empty folder for what is inside the take: calibrations, profiles.
        replay: What is played, and how.
        timecode: Of the take.
        other: Whose outputs, surfaces and recorder to use; None: those of the take's own stage.
        record: Whether the replay may be recorded.
        send: Whether outputs of the take's own stage may send to other machines.

    Raises:
        TakeError: The take's config is not understood, or cannot be unpacked.
    """
    own = unpack(take, folder) if CONFIG in take.attachments else _bare(take)
    notes: list[str] = []
    config = replace(
        own,
        cameras=tuple(replace(camera, loop=False) for camera in own.cameras),
        inputs=own.inputs if replay.source == "landmarks" else (),
        timecode=replace(own.timecode, source="network", rate=timecode.rate.text, offset="00:00:00:00"),
        replay=replay,
    )
    if other is None:
        config = replace(config, **_at_home(own), outputs=_usable(own, notes, send=send))
        config = replace(config, record=replace(own.record, enabled=record, folder=str(take.path.absolute().parent)))
    else:
        config = replace(
            config,
            stage=replace(own.stage, name=other.stage.name),
            outputs=_for_actors(other, own, notes),
            control=other.control,
            console=other.console,
            metrics=other.metrics,
            latency=other.latency,
            bus=other.bus,
            record=replace(other.record, enabled=record),
        )
    return ReplayStage(config, tuple(notes))


def _bare(take: TakeReader) -> Config:
    """The stage of a take that says nothing of one: who performs in it."""
    names = dict.fromkeys(topic.partition(".")[2] for topic in take.counts if topic.startswith((BODY, FACE)))
    actors = tuple(ActorSection(id=name) for name in sorted(names))
    return Config(stage=StageSection(name=take.path.stem), actors=actors)


def _at_home(own: Config) -> dict[str, msgspec.Struct]:
    """The surfaces of a recorded config, on this machine alone."""
    here = "127.0.0.1"
    return {
        "control": ControlSection(enabled=own.control.enabled, port=own.control.port, rate=own.control.rate),
        "console": replace(own.console, host=here, token=""),
        "metrics": replace(own.metrics, host=here),
        "bus": BusSection(),
    }


def _usable(own: Config, notes: list[str], *, send: bool) -> tuple[AnyOutputSection, ...]:
    """The outputs of a recorded config that can be used without it."""
    usable = []
    for output in own.outputs:
        here = is_loopback(output.host)
        if fault := _fault(output):
            notes.append(f"output {output.id} is left out: {fault}")
        elif not (here or send):
            to = f"{output.host} port {output.port}"
            notes.append(f"output {output.id} is left out: it sends to {to}; --send sends there too, or use --config")
        elif isinstance(output, MqttSection):  # who may publish at another machine's broker is nobody's word here
            usable.append(replace(output, commands=output.commands and here))
        else:
            usable.append(output)
    return tuple(usable)


def _fault(output: AnyOutputSection) -> str:
    if isinstance(output, MqttSection):
        if _HIDDEN in (output.username, output.password):
            return "the take does not hold its user name and password; name its stage.toml with --config"
        if output.password_file or output.ca_file or output.cert_file or output.key_file:
            return "its keys are files, which a take must not name; name its stage.toml with --config"
    if isinstance(output, VmcSection) and output.avatar and not _is_avatar(Path(output.avatar)):
        return f"there is no avatar {output.avatar} on this machine; name a stage.toml with --config"
    return ""


def _is_avatar(path: Path) -> bool:
    """By its name: others are not even opened."""
    return path.suffix.lower() == ".vrm" and path.is_file()


def _for_actors(other: Config, own: Config, notes: list[str]) -> tuple[AnyOutputSection, ...]:
    """Another stage's outputs, for the actors of a take."""
    known = [actor.id for actor in own.actors]
    alone = len(known) == len(other.actors) == 1
    outputs = []
    for output in other.outputs:
        if not output.actor or output.actor in known:
            outputs.append(output)
        elif alone:  # where that stage's only actor would go
            outputs.append(replace(output, actor=known[0]))
        else:
            who = ", ".join(known) or "nobody"
            notes.append(f'output {output.id} is left out: it is for "{output.actor}", and in the take is {who}')
    return tuple(outputs)
