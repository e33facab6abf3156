"""`load`: a stage.toml that other parts can rely on.

Everything that one file and the disk can tell is checked here, before any process starts: names used
twice, files that are missing, outputs for actors that do not exist. What needs a look inside a video
or a calibration is checked by those who open them. The result is resolved: every path absolute, every
default that depends on another key filled in, so that no two workers can read a default differently.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from stage.config._decode import decode, nearest, read_toml
from stage.config._records import ActorSection, BodySection, BusSection, CameraSection, Config, OutputSection
from stage.errors import ConfigError

DEFAULT_PORTS = {"vmc": 39539, "osc": 8000, "mqtt": 1883}
_KEYS_OF_KINDS = {
    "blends": ("vmc",),
    "eyes": ("vmc",),
    "trace": ("vmc",),
    "bundle": ("vmc", "osc"),
    "username": ("mqtt",),
    "password": ("mqtt",),
    "tls": ("mqtt",),
    "prefix": ("mqtt",),
}
"""Keys of an output that only some kinds have."""
SOURCE_KINDS = ["file", "device", "rtsp", "rtsps", "images", "synthetic", "http", "https", "tcp", "udp"]
_PLAIN_OUTPUT = OutputSection(kind="vmc")
# Names become topics, file names and part of socket paths, whose length the system bounds.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


def load(path: Path | str) -> Config:
    """Read, check and resolve a stage.toml.

    Args:
        path: The file. Relative paths inside it are relative to its folder.

    Raises:
        ConfigError: One line with the file, the key and what to do.
    """
    path = Path(path).expanduser().absolute()
    try:
        return _resolve(decode(read_toml(path), path), path.parent)
    except _Refused as refused:
        raise ConfigError(f"{path}: {refused}") from None


class _Refused(Exception):
    """A complaint still without the name of the file."""


def _resolve(config: Config, folder: Path) -> Config:
    if len(config.cameras) == 0:
        raise _Refused('no cameras; add [[cameras]] with id = "..." and source = "file:..." for each')
    _check_name("stage.name", config.stage.name)
    stage = replace(
        config.stage,
        calibration=_existing(config.stage.calibration, folder, "stage.calibration"),
        tolerance_ms=config.stage.tolerance_ms or 500.0 / config.stage.rate,
    )
    actors = config.actors or (ActorSection(id="actor"),)
    cameras = tuple(
        _camera(camera, stage.calibration, folder, f"cameras[{number}]") for number, camera in enumerate(config.cameras)
    )
    known = [actor.id for actor in actors]
    for number, camera in enumerate(cameras):
        if camera.face_of and camera.face_of not in known:
            raise _Refused(
                f'cameras[{number}].face_of: no actor "{camera.face_of}"; {nearest(camera.face_of, known)}, '
                f'or add [[actors]] with id = "{camera.face_of}"'
            )
    actors = tuple(_actor(actor, folder, f"actors[{number}]") for number, actor in enumerate(actors))
    outputs = tuple(
        _output(output, number, stage.name, actors, f"outputs[{number}]")
        for number, output in enumerate(config.outputs)
    )
    for kind, items in (("cameras", cameras), ("actors", actors), ("outputs", outputs)):
        _check_unique(kind, (item.id for item in items))
    _check_receivers(outputs)
    _check_ports(config)
    return replace(
        config,
        stage=stage,
        cameras=cameras,
        actors=actors,
        body=_body(config.body, folder),
        outputs=outputs,
        bus=_bus(config.bus, folder),
    )


def _camera(camera: CameraSection, calibration: str, folder: Path, place: str) -> CameraSection:
    _check_name(f"{place}.id", camera.id)
    kind, colon, rest = camera.source.partition(":")
    if not colon or not rest:
        hint = f'write "file:{camera.source}"' if camera.source and not colon else 'such as "file:left.mp4"'
        raise _Refused(f'{place}.source: "{camera.source}" does not say what kind of source it is; {hint}')
    if kind not in SOURCE_KINDS:
        raise _Refused(f'{place}.source: unknown kind "{kind}"; {nearest(kind, SOURCE_KINDS)}')
    source = camera.source
    if kind in ("file", "images"):
        source = f"{kind}:{_existing(rest, folder, f'{place}.source')}"
        if Path(source.partition(":")[2]).is_dir() != (kind == "images"):
            other = "images" if kind == "file" else "file"
            raise _Refused(f'{place}.source: {rest} is {"a folder" if kind == "file" else "a file"}; use "{other}:"')
    if kind == "device" and not rest.isdigit():
        raise _Refused(f'{place}.source: "{rest}" is not the index of a device; "device:0" is /dev/video0')
    own = _existing(camera.calibration, folder, f"{place}.calibration") or calibration
    if not own and kind != "synthetic" and not camera.face_of:
        raise _Refused(f"{place}: camera {camera.id} has no calibration; set calibration here or in [stage]")
    return replace(camera, source=source, calibration=own, calibration_id=camera.calibration_id or camera.id)


def _actor(actor: ActorSection, folder: Path, place: str) -> ActorSection:
    _check_name(f"{place}.id", actor.id)
    profile = _absolute(actor.profile or f"actors/{actor.id}", folder, f"{place}.profile")
    if profile.exists() and not profile.is_dir():
        raise _Refused(f"{place}.profile: {profile} is a file; a profile is a folder (made when it is missing)")
    return replace(actor, profile=str(profile))


def _output(
    output: OutputSection, number: int, stage_name: str, actors: tuple[ActorSection, ...], place: str
) -> OutputSection:
    known = [actor.id for actor in actors]
    if output.actor and output.actor not in known:
        raise _Refused(f'{place}.actor: no actor "{output.actor}"; {nearest(output.actor, known)}')
    for key, kinds in _KEYS_OF_KINDS.items():
        if output.kind not in kinds and getattr(output, key) != getattr(_PLAIN_OUTPUT, key):
            raise _Refused(f"{place}.{key}: an output of kind {output.kind} has none, only {' and '.join(kinds)}")
    if twice := [name for name in output.blends if output.blends.count(name) > 1]:
        raise _Refused(f'{place}.blends: "{twice[0]}" is named twice')
    if not output.host:
        raise _Refused(f'{place}.host is empty; name the receiver, such as "127.0.0.1"')
    name = output.id or f"{output.kind}-{number + 1}"
    _check_name(f"{place}.id", name)
    is_mqtt = output.kind == "mqtt"
    return replace(
        output,
        id=name,
        port=output.port or DEFAULT_PORTS[output.kind],
        actor=output.actor or ("" if is_mqtt else known[0]),
        prefix=output.prefix or (f"stage/{stage_name}" if is_mqtt else ""),
    )


def _check_receivers(outputs: tuple[OutputSection, ...]) -> None:
    """A VMC port is one avatar: two streams on it would pull at the same bones."""
    seen: dict[tuple[str, int], int] = {}
    for number, output in enumerate(outputs):
        if output.kind != "vmc":
            continue
        other = seen.setdefault((output.host, output.port), number)
        if other != number:
            raise _Refused(
                f"outputs[{number}]: outputs[{other}] sends to {output.host} port {output.port} already; a VMC port is "
                f"one avatar, set another port"
            )


def _body(body: BodySection, folder: Path) -> BodySection:
    # A description is a path; a known network is a bare name, checked by the store that knows them.
    if body.network.endswith(".toml") or "/" in body.network:
        return replace(body, network=_existing(body.network, folder, "body.network"))
    return body


def _bus(bus: BusSection, folder: Path) -> BusSection:
    if bus.jpeg_host and not bus.curve_secret_key_file and not _is_loopback(bus.jpeg_host):
        raise _Refused(
            f"bus.jpeg_host: {bus.jpeg_host} can be reached from other hosts; set bus.curve_secret_key_file, "
            'or use "127.0.0.1"'
        )
    return replace(bus, curve_secret_key_file=_existing(bus.curve_secret_key_file, folder, "bus.curve_secret_key_file"))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _absolute(text: str, folder: Path, place: str) -> Path:
    try:
        return Path(os.path.abspath(folder / Path(text).expanduser()))
    except RuntimeError as error:  # "~name" of nobody
        raise _Refused(f"{place}: {text}: {error}") from None


def _existing(text: str, folder: Path, place: str) -> str:
    """`text` as an absolute path of something that is there; "" stays ""."""
    if not text:
        return ""
    path = _absolute(text, folder, place)
    try:
        path.stat()
    except OSError as error:
        raise _Refused(f"{place}: {path}: {error.strerror}") from None
    return str(path)


def _check_name(place: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise _Refused(f'{place}: "{name}" is not a usable name; up to 32 letters, digits, "-" and "_"')


def _check_unique(kind: str, ids: Iterable[str]) -> None:
    seen: dict[str, int] = {}
    for number, name in enumerate(ids):
        if name in seen:
            raise _Refused(f'{kind}[{number}].id: "{name}" is already the id of {kind}[{seen[name]}]')
        seen[name] = number


def _check_ports(config: Config) -> None:
    owners = {
        "console.port": config.console.port if config.console.enabled else 0,
        "metrics.port": config.metrics.port if config.metrics.enabled else 0,
        "bus.jpeg_port": config.bus.jpeg_port if config.bus.jpeg_host else 0,
    }
    seen: dict[int, str] = {}
    for place, port in owners.items():
        if port and port in seen:
            raise _Refused(f"{place}: port {port} is already {seen[port]}")
        seen[port] = place
