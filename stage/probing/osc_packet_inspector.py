"""What every OSC stream is asked: is it OSC, and would all known receivers take it?

A subclass is told of the messages and knows what they mean.
"""

from __future__ import annotations

import math

from protocols import osc
from stage.probing.inspector import Inspector

_ETHERNET_PAYLOAD_BYTES = 1472
_COMMON_TAGS = frozenset("ifs")


class OscPacketInspector(Inspector):
    """Takes OSC packets apart."""

    def __init__(self) -> None:
        super().__init__()
        self.datagram_bytes = osc.MAX_DATAGRAM_BYTES
        """A longer one is a fault; 0 where packets do not come as datagrams."""

    def inspect(self, datagram: bytes, arrival_ns: int) -> None:
        """Inspects one packet."""
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

    def another_source(self, source: tuple[str, int]) -> None:
        """Datagrams come from one more place than before."""
        self.findings.add(
            "datagrams come from more than one source port: Godot's tracker follows only the newest",
            f"{source[0]}:{source[1]}",
        )

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
