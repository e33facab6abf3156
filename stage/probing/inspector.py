"""What a probe asks of every stream: how much of it comes, from where, and when.

A subclass knows the protocol. Faults name who suffers from them; the rules are those that were read in the receivers'
sources.
"""

from __future__ import annotations

import msgspec

from stage.probing.findings import Finding, Findings
from stage.probing.timing import Timing, TimingReport

_MOST_SOURCES = 16


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

    kind = ""

    def __init__(self) -> None:
        self.findings = Findings()
        self.timing = Timing(self.findings)
        self.datagrams = 0
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
        if source not in self._sources and len(self._sources) < _MOST_SOURCES:
            if self._sources:
                self.another_source(source)
            self._sources[source] = None
        self.inspect(datagram, arrival_ns)

    def inspect(self, datagram: bytes, arrival_ns: int) -> None:
        """One datagram of the stream; for subclasses."""
        raise NotImplementedError

    def another_source(self, source: tuple[str, int]) -> None:
        """Datagrams come from one more place than before; for subclasses that mind."""

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
