"""`stage probe mqtt`: a client of the broker that listens to one stage, and says what is wrong with what it hears."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from protocols.mqtt_broker import Broker
from protocols.mqtt_link import MqttLink
from protocols.mqtt_topics import PORT
from stage.harmless import harmless
from stage.probing.inspector import InspectionReport
from stage.probing.mqtt_inspector import MqttInspector
from stage.probing.told import faults_told, findings_told, latency_told, rows_told, write_report

_LINE_S = 1.0
_PAUSE_S = 0.02
TLS_PORT = 8883


def run_mqtt_probe(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    prefix: str = "",
    username: str = "",
    password: str = "",
    tls: bool = False,
    ca_file: Path | None = None,
    seconds: float | None = None,
    json_path: Path | None = None,
) -> int:
    """Listens, prints a line every second and a summary at the end.

    Args:
        host: The broker.
        port: 0 is the usual one, with TLS or without.
        prefix: The stage's; "" takes the first that is heard below "stage".
        username: If the broker asks.
        password: If the broker asks.
        tls: Speak TLS.
        ca_file: Whom to trust; the system's authorities if None.
        seconds: How long; None until Ctrl-C.
        json_path: Where to write the summary.

    Returns:
        0, or 1 when nothing has been heard.
    """
    port = port or (TLS_PORT if tls else PORT)
    inspector = MqttInspector(prefix)
    topics = f"{inspector.prefix or 'stage'}/#"
    broker = Broker(
        host,
        port,
        identifier=f"probe-{secrets.token_hex(6)}",
        username=username,
        password=password,
        tls=tls,
        ca_file=str(ca_file or ""),
    )
    print(f"listening to {topics} at broker {broker.place}; Ctrl-C ends", flush=True)
    link = MqttLink(broker, subscriptions=(topics,))
    try:
        _listen(link, inspector, seconds)
    except KeyboardInterrupt:
        print()
    finally:
        link.close()
    report = inspector.report(time.time_ns())
    if json_path is not None:
        write_report(report, json_path)
    print(harmless("\n".join(_summary(report, link, broker, topics))), flush=True)
    return 0 if report.datagrams > 0 else 1


def _listen(link: MqttLink, inspector: MqttInspector, seconds: float | None) -> None:
    began_s = next_line_s = time.monotonic()
    while seconds is None or time.monotonic() - began_s < seconds:
        for message in link.received():
            inspector.take(message.topic, message.payload, message.retained, time.time_ns())
        if (now_s := time.monotonic()) >= next_line_s + _LINE_S:
            next_line_s = now_s
            print(harmless(_line(now_s - began_s, link, inspector)), flush=True)
        time.sleep(_PAUSE_S)
    for message in link.received():
        inspector.take(message.topic, message.payload, message.retained, time.time_ns())


def _line(elapsed_s: float, link: MqttLink, inspector: MqttInspector) -> str:
    if link.state != "connected":
        return f"{elapsed_s:5.0f} s  {link.state}{f': {link.reason}' if link.reason else ''}"
    report = inspector.report(time.time_ns())
    timing = report.timing
    figures = [f"{elapsed_s:5.0f} s", f"{report.datagrams} messages", report.facts.get("$state", "no $state")]
    if timing.frames > 0:
        figures.append(f"{timing.rate_hz:.2f} Hz")
    return "  ".join([*figures, *latency_told(report), faults_told(report)])


def _summary(report: InspectionReport, link: MqttLink, broker: Broker, topics: str) -> list[str]:
    if link.counters["connects"] == 0:
        return [f"no connection to broker {broker.place}: {link.reason or 'it does not answer'}"]
    if report.datagrams == 0:
        return [
            f"nothing is said on {topics} at broker {broker.place}: is the stage's MQTT output connected to this "
            f"broker, is --prefix its prefix, and may this user read it?"
        ]
    rows = {
        "prefix": ", ".join(report.sources),
        "messages": f"{report.datagrams}, {report.bytes / report.datagrams:.0f} bytes on the average",
        **report.facts,
    }
    if link.counters["overrun"] > 0:
        rows["overrun"] = f"{link.counters['overrun']} messages came faster than they were looked at"
    return [*rows_told(rows), *findings_told(report)]
