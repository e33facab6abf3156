"""`load`: a stage.toml that other parts can rely on.

Everything that one file and the disk can tell is checked here, before any process starts: names used
twice, files that are missing, outputs for actors that do not exist. What needs a look inside a video
or a calibration is checked by those who open them. The result is resolved: every path absolute, every
default that depends on another key filled in, so that no two workers can read a default differently.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from stage.config._decode import decode, nearest, read_toml
from stage.config._endpoints import (
    check_inputs,
    check_receivers,
    resolved_control,
    resolved_input,
    resolved_output,
    resolved_timecode,
)
from stage.config._records import ActorSection, BodySection, BusSection, CameraSection, Config
from stage.config._resolve import Refused, absolute, check_name, existing, is_loopback
from stage.config._surfaces import ReplaySection
from stage.errors import ConfigError

SOURCE_KINDS = ["file", "device", "rtsp", "rtsps", "images", "synthetic", "take", "http", "https", "tcp", "udp"]


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
    except Refused as refused:
        raise ConfigError(f"{path}: {refused}") from None


def _resolve(config: Config, folder: Path) -> Config:
    if len(config.cameras) == 0 and len(config.inputs) == 0:
        raise Refused('no cameras; add [[cameras]] with id = "..." and source = "file:..." for each')
    check_name("stage.name", config.stage.name)
    if config.replay != ReplaySection():
        raise Refused('replay: what is played is no part of a stage.toml; use "stage replay TAKE"')
    stage = replace(
        config.stage,
        calibration=existing(config.stage.calibration, folder, "stage.calibration"),
        tolerance_ms=config.stage.tolerance_ms or 500.0 / config.stage.rate,
    )
    actors = config.actors or (ActorSection(id="actor"),)
    cameras = tuple(
        _camera(camera, stage.calibration, folder, f"cameras[{number}]") for number, camera in enumerate(config.cameras)
    )
    known = [actor.id for actor in actors]
    for number, camera in enumerate(cameras):
        if camera.face_of and camera.face_of not in known:
            raise Refused(
                f'cameras[{number}].face_of: no actor "{camera.face_of}"; {nearest(camera.face_of, known)}, '
                f'or add [[actors]] with id = "{camera.face_of}"'
            )
    actors = tuple(_actor(actor, folder, f"actors[{number}]") for number, actor in enumerate(actors))
    outputs = tuple(
        resolved_output(output, number, stage.name, known, folder) for number, output in enumerate(config.outputs)
    )
    inputs = tuple(resolved_input(section, number, known) for number, section in enumerate(config.inputs))
    for kind, items in (("cameras", cameras), ("actors", actors), ("outputs", outputs), ("inputs", inputs)):
        _check_unique(kind, (item.id for item in items))
    check_receivers(outputs)
    check_inputs(
        inputs,
        body_cameras=any(not camera.face_of for camera in cameras),
        faces=config.face.enabled,
        listening=_udp_listeners(config),
    )
    _check_ports(config)
    return replace(
        config,
        stage=stage,
        cameras=cameras,
        actors=actors,
        body=_body(config.body, folder),
        outputs=outputs,
        inputs=inputs,
        control=resolved_control(config.control),
        timecode=resolved_timecode(config.timecode, stage.rate),
        record=replace(config.record, folder=str(absolute(config.record.folder, folder, "record.folder"))),
        bus=_bus(config.bus, folder),
    )


def _camera(camera: CameraSection, calibration: str, folder: Path, place: str) -> CameraSection:
    check_name(f"{place}.id", camera.id)
    kind, colon, rest = camera.source.partition(":")
    if not colon or not rest:
        hint = f'write "file:{camera.source}"' if camera.source and not colon else 'such as "file:left.mp4"'
        raise Refused(f'{place}.source: "{camera.source}" does not say what kind of source it is; {hint}')
    if kind not in SOURCE_KINDS:
        raise Refused(f'{place}.source: unknown kind "{kind}"; {nearest(kind, SOURCE_KINDS)}')
    source = camera.source
    if kind in ("file", "images"):
        source = f"{kind}:{existing(rest, folder, f'{place}.source')}"
        if Path(source.partition(":")[2]).is_dir() != (kind == "images"):
            other = "images" if kind == "file" else "file"
            raise Refused(f'{place}.source: {rest} is {"a folder" if kind == "file" else "a file"}; use "{other}:"')
    if kind == "take":
        source = _camera_of_take(rest, camera.id, folder, f"{place}.source")
    if kind == "device" and not rest.isdigit():
        raise Refused(f'{place}.source: "{rest}" is not the index of a device; "device:0" is /dev/video0')
    own = existing(camera.calibration, folder, f"{place}.calibration") or calibration
    if not own and kind != "synthetic" and not camera.face_of:
        raise Refused(f"{place}: camera {camera.id} has no calibration; set calibration here or in [stage]")
    return replace(camera, source=source, calibration=own, calibration_id=camera.calibration_id or camera.id)


def _camera_of_take(rest: str, camera: str, folder: Path, place: str) -> str:
    """A source "take:PATH#CAMERA", the path absolute; without "#CAMERA" it is the take's camera of the same id."""
    path, mark, recorded = rest.rpartition("#")
    path, recorded = (path, recorded) if mark else (rest, camera)
    check_name(place, recorded)
    return f"take:{existing(path, folder, place)}#{recorded}"


def _actor(actor: ActorSection, folder: Path, place: str) -> ActorSection:
    check_name(f"{place}.id", actor.id)
    profile = absolute(actor.profile or f"actors/{actor.id}", folder, f"{place}.profile")
    if profile.exists() and not profile.is_dir():
        raise Refused(f"{place}.profile: {profile} is a file; a profile is a folder (made when it is missing)")
    return replace(actor, profile=str(profile))


def _body(body: BodySection, folder: Path) -> BodySection:
    # A description is a path; a known network is a bare name, checked by the store that knows them.
    if body.network.endswith(".toml") or "/" in body.network:
        return replace(body, network=existing(body.network, folder, "body.network"))
    return body


def _bus(bus: BusSection, folder: Path) -> BusSection:
    if bus.jpeg_host and not bus.curve_secret_key_file and not is_loopback(bus.jpeg_host):
        raise Refused(
            f"bus.jpeg_host: {bus.jpeg_host} can be reached from other hosts; set bus.curve_secret_key_file, "
            'or use "127.0.0.1"'
        )
    return replace(bus, curve_secret_key_file=existing(bus.curve_secret_key_file, folder, "bus.curve_secret_key_file"))


def _check_unique(kind: str, ids: Iterable[str]) -> None:
    seen: dict[str, int] = {}
    for number, name in enumerate(ids):
        if name in seen:
            raise Refused(f'{kind}[{number}].id: "{name}" is already the id of {kind}[{seen[name]}]')
        seen[name] = number


def _udp_listeners(config: Config) -> dict[tuple[str, int], str]:
    """Host and port of what listens by UDP besides the inputs."""
    listeners = {}
    if config.control.enabled:
        listeners[config.control.host, config.control.port] = "[control]"
    if config.timecode.source == "network":
        listeners[config.timecode.host, config.timecode.port] = "[timecode]"
    return listeners


def _check_ports(config: Config) -> None:
    owners = {
        "console.port": config.console.port if config.console.enabled else 0,
        "metrics.port": config.metrics.port if config.metrics.enabled else 0,
        "bus.jpeg_port": config.bus.jpeg_port if config.bus.jpeg_host else 0,
    }
    seen: dict[int, str] = {}
    for place, port in owners.items():
        if port and port in seen:
            raise Refused(f"{place}: port {port} is already {seen[port]}")
        seen[port] = place
