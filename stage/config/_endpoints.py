"""Defaults and checks of what sends and what listens: outputs, inputs, control, timecode."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from protocols.errors import EncodeError
from protocols.livelink import check_device_id, check_subject
from protocols.timecode import FrameRate, Timecode, TimecodeError
from stage.config._decode import nearest
from stage.config._outputs import AnyOutputSection, LiveLinkSection, MqttSection, VmcSection
from stage.config._receivers import wishes_of
from stage.config._resolve import Refused, check_name, check_reach, existing
from stage.config._surfaces import AnyInputSection, ControlSection, TimecodeSection

_OUTPUT_PORTS = {"livelink": 11111, "osc": 8000, "mqtt": 1883}
_MQTT_TLS_PORT = 8883
_LONGEST_PREFIX = 200
_INPUT_PORTS = {"vmc": 39540, "livelink": 11111}
_TIMECODE_RATES = {23.976: "23.976", 24: "24", 25: "25", 29.97: "29.97", 30: "30", 50: "50", 59.94: "59.94", 60: "60"}


def resolved_output(
    output: AnyOutputSection, number: int, stage: str, actors: list[str], folder: Path
) -> AnyOutputSection:
    """An output with every default filled in.

    Raises:
        Refused: A value that cannot be.
    """
    place = f"outputs[{number}]"
    _check_actor(place, output.actor, actors)
    if not output.host:
        raise Refused(f'{place}.host is empty; name the receiver, such as "127.0.0.1"')
    name = output.id or f"{output.kind}-{number + 1}"
    check_name(f"{place}.id", name)
    output = replace(output, id=name)
    if isinstance(output, VmcSection):
        return _vmc(output, place, actors[0], folder)
    if isinstance(output, MqttSection):
        return _mqtt(output, place, stage, folder)
    if isinstance(output, LiveLinkSection):
        _check_subject(output, place, actors)
        output = replace(output, device_seed=output.device_seed or stage)
    return replace(output, port=output.port or _OUTPUT_PORTS[output.kind])


def _vmc(output: VmcSection, place: str, first_actor: str, folder: Path) -> VmcSection:
    wishes = wishes_of(output)
    if twice := [name for name in wishes.blends if wishes.blends.count(name) > 1]:
        raise Refused(f'{place}.blends: "{twice[0]}" is named twice')
    return replace(
        output,
        actor=output.actor or first_actor,
        port=wishes.port,
        avatar=existing(output.avatar, folder, f"{place}.avatar"),
    )


def _mqtt(output: MqttSection, place: str, stage: str, folder: Path) -> MqttSection:
    if output.password and output.password_file:
        raise Refused(f"{place}: password and password_file exclude each other")
    if (output.password or output.password_file) and not output.username:
        raise Refused(f"{place}: a password without a username says nothing to a broker; set {place}.username")
    prefix = output.prefix.strip("/") or f"stage/{stage}"
    if set(prefix) & set("+#") or prefix.startswith("$") or len(prefix) > _LONGEST_PREFIX:
        raise Refused(
            f'{place}.prefix: "{prefix}" cannot begin topics; up to {_LONGEST_PREFIX} characters without "+" and "#", '
            f'and no "$" at its beginning'
        )
    files = ("password_file", "ca_file", "cert_file", "key_file")
    paths = {key: existing(getattr(output, key), folder, f"{place}.{key}") for key in files}
    for key in files[1:]:
        if paths[key] and not output.tls:
            raise Refused(f"{place}.{key} says nothing without tls = true")
    if bool(output.cert_file) != bool(output.key_file):
        raise Refused(f"{place}: cert_file and key_file go together")
    port = output.port or (_MQTT_TLS_PORT if output.tls else _OUTPUT_PORTS["mqtt"])
    return replace(output, port=port, prefix=prefix, **paths)


def _check_subject(output: LiveLinkSection, place: str, actors: list[str]) -> None:
    several = not output.actor and len(actors) > 1
    for key in ("subject", "device_id"):
        if getattr(output, key) and several:
            raise Refused(f"{place}.{key} is one actor's; set {place}.actor")
    for key, check in (("subject", check_subject), ("device_id", check_device_id)):
        try:
            if value := getattr(output, key):
                check(value)
        except EncodeError as error:
            raise Refused(f"{place}.{key}: {error}") from None


def check_receivers(outputs: tuple[AnyOutputSection, ...]) -> None:
    """Refuses two outputs that would contradict each other at one receiver.

    Two VMC streams on one port would pull at the bones of one avatar; two MQTT outputs below one prefix of one broker
    would say ready and lost on one topic.

    Raises:
        Refused: Two outputs of one receiver.
    """
    seen: dict[tuple[str, int], int] = {}
    prefixes: dict[tuple[str, int, str], int] = {}
    for number, output in enumerate(outputs):
        if isinstance(output, MqttSection):
            other = prefixes.setdefault((output.host, output.port, output.prefix), number)
            if other != number:
                raise Refused(
                    f"outputs[{number}]: outputs[{other}] publishes below {output.prefix} at this broker already; set "
                    f"another prefix"
                )
        if output.kind != "vmc":
            continue
        other = seen.setdefault((output.host, output.port), number)
        if other != number:
            raise Refused(
                f"outputs[{number}]: outputs[{other}] sends to {output.host} port {output.port} already; a VMC port is "
                f"one avatar, set another port"
            )


def resolved_input(section: AnyInputSection, number: int, actors: list[str]) -> AnyInputSection:
    """An input with every default filled in.

    Raises:
        Refused: A value that cannot be.
    """
    place = f"inputs[{number}]"
    _check_actor(place, section.actor, actors)
    name = section.id or f"{section.kind}-in-{number + 1}"
    check_name(f"{place}.id", name)
    check_reach(place, section.host, section.allow)
    if len(section.take) == 0:
        raise Refused(f'{place}.take is empty; say what it provides, such as ["face"]')
    return replace(section, id=name, port=section.port or _INPUT_PORTS[section.kind], actor=section.actor or actors[0])


def check_inputs(
    inputs: tuple[AnyInputSection, ...], *, body_cameras: bool, faces: bool, listening: dict[tuple[str, int], str]
) -> None:
    """Refuses inputs that cannot work together or beside the rest of the stage.

    Args:
        inputs: Resolved.
        body_cameras: Whether cameras film the volume.
        faces: Whether the stage solves faces.
        listening: What else listens by UDP: host and port, and the key that says so.

    Raises:
        Refused: Says which, and what to do.
    """
    placed = {section.actor for section in inputs if "hips" in section.take}
    for number, section in enumerate(inputs):
        place, bones = f"inputs[{number}]", [part for part in section.take if part not in ("face", "eyes", "head")]
        other = listening.setdefault((section.host, section.port), place)
        if other != place:
            raise Refused(
                f"{place}.port: {other} listens on {section.host} port {section.port} already; set another one "
                f"(several senders for one actor may share an input)"
            )
        if bones and not body_cameras and section.actor not in placed:
            raise Refused(
                f'{place}.take: no camera films the body, and nobody else says where {section.actor} is; add "hips" '
                f"and whatever else of the body comes, or cameras"
            )
        if not faces and any(part in section.take for part in ("face", "eyes")):
            raise Refused(f'{place}.take: "face" and "eyes" need [face] enabled = true')


def resolved_control(section: ControlSection) -> ControlSection:
    """The control surface, checked.

    Raises:
        Refused: It can be reached by others and does not say by whom.
    """
    if section.enabled:
        check_reach("control", section.host, section.allow)
    return section


def resolved_timecode(section: TimecodeSection, stage_rate: float) -> TimecodeSection:
    """The timecode, its rate filled in.

    Raises:
        Refused: A network source that others can reach and that does not say who, or an offset that is no label.
    """
    if section.source == "network":
        check_reach("timecode", section.host, section.allow)
    rate = FrameRate.parse(section.rate or _TIMECODE_RATES.get(round(stage_rate, 3), "30"))
    try:
        Timecode.parse(section.offset, rate)
    except TimecodeError as error:
        raise Refused(f"timecode.offset: {error}") from None
    return replace(section, rate=rate.text)


def _check_actor(place: str, actor: str, actors: list[str]) -> None:
    if actor and actor not in actors:
        raise Refused(f'{place}.actor: no actor "{actor}"; {nearest(actor, actors)}')
