"""From the section of an MQTT output to its broker."""

from __future__ import annotations

from protocols.mqtt_broker import Broker
from stage.config import MqttSection


def broker_of(output: MqttSection, identifier: str) -> Broker:
    """The broker that an output speaks with.

    Args:
        output: The output's section.
        identifier: Who it is there: unique at the broker.
    """
    return Broker(
        output.host,
        output.port,
        identifier=identifier,
        version=output.version,
        username=output.username,
        password=output.password,
        password_file=output.password_file,
        tls=output.tls,
        ca_file=output.ca_file,
        cert_file=output.cert_file,
        key_file=output.key_file,
    )
