"""`stage probe`: listens as an engine would, and says what arrives and what is wrong with it.

It takes the engine's place on the port, so the engine must not run on the same machine meanwhile. Works with
any sender, not only with a stage. Latency is shown where the stream carries the time of capture: plain OSC of
a stage always does, VMC where the output says `trace = true`, Live Link Face has no place for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from protocols import livelink, plain_osc, vmc
from protocols.errors import ProtocolError
from protocols.osc_framing import Framing
from protocols.tcp_receiver import TcpReceiver
from protocols.udp import UdpReceiver
from stage.harmless import harmless
from stage.probing.inspector import InspectionReport, Inspector
from stage.probing.livelink_inspector import LiveLinkInspector
from stage.probing.osc_inspector import OscInspector
from stage.probing.osc_packet_inspector import OscPacketInspector
from stage.probing.timing import Percentiles
from stage.probing.told import faults_told, findings_told, latency_told, rows_told, write_report
from stage.probing.vmc_inspector import VmcInspector

ProbeKind = Literal["vmc", "livelink", "osc"]

_INSPECTORS: dict[str, Callable[[], Inspector]] = {
    "vmc": VmcInspector,
    "livelink": LiveLinkInspector,
    "osc": OscInspector,
}
_PORTS = {"vmc": vmc.PORT, "livelink": livelink.PORT, "osc": plain_osc.PORT}
_LINE_S = 1.0
_PATIENCE_S = 0.1


def run_probe(
    kind: ProbeKind = "vmc",
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    seconds: float | None = None,
    json_path: Path | None = None,
    transport: Literal["udp", "tcp"] = "udp",
    framing: Framing = "slip",
) -> int:
    """Listens, prints a line every second and a summary at the end.

    Args:
        kind: What should arrive.
        host: Address to listen on; "0.0.0.0" hears other machines too.
        port: 0 is the kind's usual one.
        seconds: How long; None until Ctrl-C.
        json_path: Where to write the summary.
        transport: How OSC comes.
        framing: Over TCP, how packets are told apart.

    Returns:
        0, or 1 when nothing has arrived.

    Raises:
        ProtocolError: The port cannot be listened on, or nothing of the kind goes over TCP.
    """
    inspector = _INSPECTORS[kind]()
    port = port or _PORTS[kind]
    if transport == "tcp" and kind != "osc":
        raise ProtocolError(f"{kind} goes over UDP only; --transport tcp is for osc")
    with _receiver(host, port, transport, framing, inspector) as receiver:
        way = f" (TCP, {framing})" if transport == "tcp" else ""
        print(f"listening for {kind} on {host} port {port}{way}; Ctrl-C ends", flush=True)
        try:
            _listen(receiver, inspector, seconds)
        except KeyboardInterrupt:
            print()
    report = inspector.report()
    if json_path is not None:
        write_report(report, json_path)
    print(harmless("\n".join(_summary(report, host, port))), flush=True)
    return 0 if report.datagrams > 0 else 1


def _receiver(
    host: str, port: int, transport: str, framing: Framing, inspector: Inspector
) -> UdpReceiver | TcpReceiver:
    if transport == "udp":
        return UdpReceiver(host, port, _PATIENCE_S)
    if isinstance(inspector, OscPacketInspector):
        inspector.datagram_bytes = 0
    fault = "stream of bytes that is framed wrong: no packet can be told from the next"
    return TcpReceiver(host, port, _PATIENCE_S, framing, lambda example: inspector.findings.add(fault, example))


def _listen(receiver: UdpReceiver | TcpReceiver, inspector: Inspector, seconds: float | None) -> None:
    began_s = next_line_s = time.monotonic()
    while seconds is None or time.monotonic() - began_s < seconds:
        received = receiver.receive()
        if received is not None:
            inspector.take(*received, time.time_ns())
        if (now_s := time.monotonic()) >= next_line_s + _LINE_S:
            next_line_s = now_s
            print(harmless(_line(now_s - began_s, inspector.report())), flush=True)


def _line(elapsed_s: float, report: InspectionReport) -> str:
    timing = report.timing
    figures = [
        f"{elapsed_s:5.0f} s",
        f"{timing.rate_hz:6.2f} Hz",
        f"jitter {timing.jitter_ms:6.2f} ms",
        *latency_told(report),
        f"gaps {timing.gaps}",
        faults_told(report),
    ]
    return "  ".join(figures)


def _summary(report: InspectionReport, host: str, port: int) -> list[str]:
    if report.datagrams == 0:
        return [
            f"nothing has arrived on {host} port {port}: is the sender running, and does it send to this machine and "
            f"port?" + (" To hear other machines, listen on --host 0.0.0.0." if host.startswith("127.") else "")
        ]
    timing = report.timing
    rows = {
        "from": ", ".join(report.sources),
        "datagrams": f"{report.datagrams}, {report.bytes / report.datagrams:.0f} bytes on the average",
        "frames": f"{timing.frames} at {timing.rate_hz:.2f} Hz",
        "interval": _spread(timing.interval),
        "jitter": f"{timing.jitter_ms:.2f} ms",
        "gaps": f"{timing.gaps}, {timing.missing} frames missing",
        "latency": _spread(timing.latency),
        "network": _spread(timing.network),
        **report.facts,
    }
    return [*rows_told(rows), *findings_told(report)]


def _spread(percentiles: Percentiles | None) -> str:
    if percentiles is None:
        return "not told by this stream"
    return f"p50 {percentiles.p50_ms:.1f} ms, p99 {percentiles.p99_ms:.1f} ms, max {percentiles.max_ms:.1f} ms"
