"""What every OSC stream is asked: is it OSC, and would all known receivers take it?

A subclass is told of the messages and knows what they mean. Faults name who suffers from them; the rules are those
that were read in the receivers' sources.
"""

from __future__ import annotations

import math

import msgspec

from protocols import osc
from stage.probing.findings import Finding, Findings
from stage.probing.timing import Timing, TimingReport

_ETHERNET_PAYLOAD_BYTES = 1472
_MOST_SOURCES = 16
_COMMON_TAGS = frozenset("ifs")


class InspectionReport(msgspec.Struct, frozen=True):
    """What a probe has heard."""

    kind: str
    datagrams: int
    bytes: int
    sources: list[str]
    """Host and port of the senders."""
    timing: TimingReport
    facts: dict[str, str]
    """What the stream says of itself."""
    findings: list[Finding]


class Inspector:
    """Looks at datagrams as a receiver would, and harder."""

    kind = "osc"

    def __init__(self) -> None:
        self.findings = Findings()
        self.timing = Timing(self.findings)
        self.datagrams = 0
        self.datagram_bytes = osc.MAX_DATAGRAM_BYTES
        """A longer one is a fault; 0 where packets do not come as datagrams."""
        self._bytes = 0
        self._sources: dict[tuple[str, int], None] = {}

    def take(self, datagram: bytes, source: tuple[str, int], arrival_ns: int) -> None:
        """Inspects one datagram; never raises, whatever it holds.

        Args:
            datagram: As received.
            source: Host and port it came from.
            arrival_ns: Unix time now.
        """
        self.datagrams += 1
        self._bytes += len(datagram)
        self._from(source)
        if len(datagram) > self.datagram_bytes > 0:
            over = len(datagram) > _ETHERNET_PAYLOAD_BYTES
            effect = "it is fragmented, and one lost fragment loses all of it" if over else "it may be fragmented"
            self.findings.add(f"datagram over {self.datagram_bytes} bytes: {effect}", f"{len(datagram)} bytes")
        try:
            packet = osc.parse(datagram)
        except osc.OscError as error:
            self.findings.add("not well-formed OSC: strict receivers drop it, naive ones read garbage", str(error))
            return
        self._check_bundles(packet, 0)
        for message in osc.messages(packet):
            self._check_message(message)
            self.message(message, arrival_ns)

    def message(self, message: osc.Message, arrival_ns: int) -> None:
        """One message of the stream; for subclasses."""
        raise NotImplementedError

    def facts(self) -> dict[str, str]:
        """What the stream says of itself; for subclasses."""
        raise NotImplementedError

    def report(self) -> InspectionReport:
        """All that was found."""
        return InspectionReport(
            kind=self.kind,
            datagrams=self.datagrams,
            bytes=self._bytes,
            sources=[f"{host}:{port}" for host, port in self._sources],
            timing=self.timing.report(),
            facts=self.facts(),
            findings=list(self.findings),
        )

    def _from(self, source: tuple[str, int]) -> None:
        if source in self._sources or len(self._sources) >= _MOST_SOURCES:
            return
        if self._sources:
            self.findings.add(
                "datagrams come from more than one source port: Godot's tracker follows only the newest",
                f"{source[0]}:{source[1]}",
            )
        self._sources[source] = None

    def _check_bundles(self, packet: osc.Message | osc.Bundle, depth: int) -> None:
        if isinstance(packet, osc.Message):
            return
        if packet.timetag != osc.IMMEDIATELY:
            self.findings.add(
                "bundle with a timetag other than 'immediately': python-osc and liblo hold it back until then",
                f"{packet.timetag:#018x}",
            )
        if depth == 1:
            self.findings.add("bundle within a bundle: osc-js loses its messages, oscpy refuses the datagram")
        for element in packet.elements:
            self._check_bundles(element, depth + 1)

    def _check_message(self, message: osc.Message) -> None:
        unusual = set(message.tags) - _COMMON_TAGS
        if unusual:
            self.findings.add(
                f"type tag {', '.join(sorted(unusual))}: uOSC reads the arguments behind it as garbage",
                f"{message.address} ,{message.tags}",
            )
        if any(isinstance(value, float) and not math.isfinite(value) for value in message.arguments):
            self.findings.add("number that is not finite: it tears an avatar apart", message.address)
        if any(isinstance(value, str) and not value.isascii() for value in message.arguments):
            self.findings.add("text beyond ASCII: Unreal's OSC plugin reads it as ANSI", message.address)
