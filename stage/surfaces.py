"""Who gives commands, who carries them out, who owns which output: the names of workers that others talk to."""

from __future__ import annotations

from stage.config import AnyOutputSection, Config, MqttSection

BROADCAST = "broadcast"
MQTT = "mqtt"
RECORD = "record"
RECEIVE = "receive"
CONTROL = "control"
CONSOLE = "console"
SOLVE = "solve"
SUPERVISOR = "supervisor"
"""Not a worker: who keeps them. A surface by the keys of its terminal."""
REPLAY = "replay"
MESH = "mesh"
"""Skins actors for the page of a replay, where nobody solves."""
RESOLVE = "resolve"
"""Kind of the solve worker that follows the steps of a take."""

EXECUTORS = (BROADCAST, MQTT, RECORD, REPLAY, SOLVE)
"""Workers that carry out commands and reply."""


def rests(worker: str, state: str) -> bool:
    """Whether a worker waits because nothing is asked of it: the recorder between takes. Others wait at a fault."""
    return worker == RECORD and state == "waiting"


def mqtt_outputs(config: Config) -> tuple[MqttSection, ...]:
    """The outputs that the mqtt worker owns; without any, a stage has no such worker."""
    return tuple(output for output in config.outputs if isinstance(output, MqttSection))


def owner_of(output: AnyOutputSection) -> str:
    """The worker that owns an output."""
    return MQTT if isinstance(output, MqttSection) else BROADCAST


def receives(config: Config) -> bool:
    """Whether a stage has a receive worker: it listens to other performers or to a timecode machine."""
    return len(config.inputs) > 0 or config.timecode.source == "network"


def replays(config: Config) -> bool:
    """Whether a stage plays a take instead of filming."""
    return config.replay.take != ""


def command_topics(config: Config) -> dict[str, list[str]]:
    """What to subscribe to for the commands of all surfaces."""
    return {surface: ["command."] for surface in surfaces(config)}


def surfaces(config: Config) -> tuple[str, ...]:
    """The workers that take commands; each publishes them on `command.<name>`."""
    names = []
    if config.console.enabled:
        names.append(CONSOLE)
    if config.control.enabled:
        names.append(CONTROL)
    if any(output.commands for output in mqtt_outputs(config)):
        names.append(MQTT)
    if config.record.enabled:
        names.append(SUPERVISOR)
    return tuple(names)
