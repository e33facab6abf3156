"""Checks of what one stage.toml asks of this machine: calibrations, devices, free ports, receivers and brokers."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from pathlib import Path

from protocols.mqtt_broker import MqttFileError
from stage.config import CameraSection, Config, MqttSection, OutputSection, VmcSection
from stage.doctor._finding import Finding
from stage.errors import AvatarError, CalibrationError
from stage.mqtt.brokers import broker_of

BROKER_TIMEOUT_S = 1.0


def check_stage(config: Config) -> Iterator[Finding]:
    """Findings about the calibrations, devices, ports and receivers of one stage."""
    yield from check_calibrations(config)
    for camera in config.cameras:
        if camera.source.startswith("device:"):
            yield check_device(camera)
    if config.console.enabled:
        yield check_port_free("console", config.console.host, config.console.port)
    if config.metrics.enabled:
        yield check_port_free("metrics", config.metrics.host, config.metrics.port)
    if config.bus.jpeg_host:
        yield check_port_free("bus.jpeg", config.bus.jpeg_host, config.bus.jpeg_port)
    for output in config.outputs:
        yield check_broker(output) if isinstance(output, MqttSection) else check_receiver(output)
        if isinstance(output, VmcSection) and output.avatar:
            yield check_avatar(output)


def check_calibrations(config: Config) -> Iterator[Finding]:
    """Whether every camera of the volume is in its calibration file."""
    from stage.cameras.calibration import load_calibration

    for path in dict.fromkeys(camera.calibration for camera in config.body_cameras if camera.calibration):
        wanted = [camera.calibration_id for camera in config.body_cameras if camera.calibration == path]
        try:
            known = load_calibration(path)
        except CalibrationError as error:
            yield Finding("fail", "calibration", str(error), "mend the file, or calibrate again")
            continue
        missing = [name for name in wanted if name not in known]
        if missing:
            fact = f"{path} has no {', '.join(missing)}; it has {', '.join(known)}"
            yield Finding("fail", "calibration", fact, "set calibration_id in [[cameras]]")
        else:
            yield Finding("ok", "calibration", f"{path}: {', '.join(wanted)}")


def check_avatar(output: VmcSection) -> Finding:
    """Whether the avatar of this output can be used."""
    from stage.avatars import read_avatar

    try:
        avatar = read_avatar(Path(output.avatar))
    except AvatarError as error:
        return Finding("fail", "outputs", f"{output.id}: {error}", "mend the file, or set another avatar")
    counts = f"{len(avatar.bones)} bones, {len(avatar.expressions)} expressions, hips at {avatar.hip_height:.2f} m"
    return Finding("ok", "outputs", f"{output.id}: avatar {avatar.name}, VRM {avatar.version}, {counts}")


def check_device(camera: CameraSection) -> Finding:
    """Whether the device of this camera is plugged in."""
    index = camera.source.partition(":")[2]
    if Path(f"/dev/video{index}").exists():
        return Finding("ok", "cameras", f"{camera.id} is /dev/video{index}")
    advice = "plug it in, or take an index of the list above"
    return Finding("fail", "cameras", f"{camera.id}: there is no /dev/video{index}", advice)


def check_port_free(section: str, host: str, port: int) -> Finding:
    """Whether the stage will be able to serve on this TCP port; without it the rest of the stage goes on."""
    subject, place = "ports", f"{section} {host}:{port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as server:
            # A port that a stage has just left is free for the next one.
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(address)
    except OSError as error:
        what = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be bound: {error.strerror}"
        advice = f"stop the program that has it, or set another in [{section.partition('.')[0]}]"
        return Finding("warn", subject, f"{place} {what}", advice)
    return Finding("ok", subject, f"{place} is free")


def check_receiver(output: OutputSection) -> Finding:
    """Whether the receiver's name is known and, on this host, whether anybody listens there."""
    place = f"{output.id} to {output.host}:{output.port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(output.host, output.port, type=socket.SOCK_DGRAM)[0]
    except OSError as error:
        return Finding("fail", "outputs", f"{place}: {error.strerror}", f"mend host in [[outputs]] {output.id}")
    if not str(address[0]).startswith("127.") and address[0] != "::1":
        return Finding("ok", "outputs", f"{place} (another host; UDP does not tell whether it listens)")
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as receiver:
            receiver.bind(address)
    except OSError:
        return Finding("ok", "outputs", f"{place}, where a receiver listens")
    return Finding("warn", "outputs", f"{place}, where nobody listens", "start the engine, or `stage probe`, there")


def check_broker(output: MqttSection) -> Finding:
    """Whether the MQTT broker takes connections, and the files for it can be used."""
    place = f"{output.id} to broker {output.host}:{output.port}"
    try:
        broker_of(output, "doctor").check_files()
    except MqttFileError as error:
        return Finding("fail", "outputs", f"{place}: {error}", "mend the file; the stage reads it at each connect")
    try:
        socket.create_connection((output.host, output.port), BROKER_TIMEOUT_S).close()
    except OSError as error:
        reason = error.strerror or "no answer"
        return Finding("warn", "outputs", f"{place}: {reason}", "start the broker; the stage keeps trying meanwhile")
    return Finding("ok", "outputs", f"{place} answers")
