"""`stage probe`."""

from __future__ import annotations

from typing import Annotated, Literal

import tyro

from stage.commands.options import OptionalFile, OptionalSeconds, Switch, check_seconds, check_writable
from stage.errors import StageError


def probe(
    kind: Annotated[Literal["vmc", "livelink", "osc", "mqtt"], tyro.conf.Positional] = "vmc",
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    seconds: OptionalSeconds = None,
    json: OptionalFile = None,
    transport: Literal["udp", "tcp"] = "udp",
    framing: Literal["slip", "length"] = "slip",
    prefix: str = "",
    username: str = "",
    password: str = "",
    tls: Switch = False,
    ca_file: OptionalFile = None,
) -> int:
    """Listen as an engine would, and print rate, jitter, gaps and latency of what arrives.

    Args:
        kind: What should arrive.
        host: Address to listen on; 0.0.0.0 hears other computers too. MQTT: the broker.
        port: 0 is the usual one of the kind: VMC 39539, Live Link 11111, OSC 8000, MQTT 1883 (TLS: 8883).
        seconds: Stop after this long; otherwise on Ctrl-C.
        json: Write the summary there.
        transport: How OSC comes.
        framing: Over TCP, how packets are told apart: SLIP (OSC 1.1) or a length before each (OSC 1.0).
        prefix: MQTT: the stage's prefix; otherwise the first that is heard below "stage".
        username: MQTT: if the broker asks.
        password: MQTT: if the broker asks.
        tls: MQTT: speak TLS.
        ca_file: MQTT: whom to trust; otherwise the system's authorities.
    """
    check_seconds(seconds)
    if not 0 <= port <= 65535:
        raise StageError(f"--port {port} is no port; ports are 1 to 65535")
    if json is not None:
        check_writable(json, "--json")
    if kind == "mqtt":
        from stage.probing.mqtt_probe import run_mqtt_probe

        return run_mqtt_probe(
            host=host,
            port=port,
            prefix=prefix,
            username=username,
            password=password,
            tls=tls,
            ca_file=ca_file,
            seconds=seconds,
            json_path=json,
        )
    from stage.probe import run_probe

    return run_probe(kind, host=host, port=port, seconds=seconds, json_path=json, transport=transport, framing=framing)
