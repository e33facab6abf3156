"""Plain OSC as Unreal, TouchDesigner and Max would take it; ours or anybody's."""

from __future__ import annotations

import math
import re
from collections import Counter

from msgspec.structs import replace

from protocols import osc
from protocols.plain_osc import STATES, DayTime
from stage.probing.inspector import InspectionReport, Inspector
from stage.probing.timing import Timing, told

_MOST_ADDRESSES = 2000
_BINDABLE = re.compile(r"(/[^\s#,*?\[\]{}/]+){2,}")


class OscInspector(Inspector):
    """Counts addresses; where a stream has our /<actor>/time, it also tells frames and latency."""

    kind = "osc"

    def __init__(self) -> None:
        super().__init__()
        self._addresses: Counter[str] = Counter()
        self._states: dict[str, str] = {}
        self._has_time = False
        self._by_datagram = Timing(self.findings)
        self._faces = Timing(self.findings)

    def take(self, datagram: bytes, source: tuple[str, int], arrival_ns: int) -> None:
        """Inspects one datagram; without our time messages each one counts as a frame."""
        super().take(datagram, source, arrival_ns)
        self._by_datagram.frame(arrival_ns)

    def message(self, message: osc.Message, arrival_ns: int) -> None:
        """Checks one message."""
        address = message.address
        if address in self._addresses or len(self._addresses) < _MOST_ADDRESSES:
            self._addresses[address] += 1
        if not _BINDABLE.fullmatch(address):
            self.findings.add(
                "address that Unreal cannot bind an event to: it needs two levels and none of # , * ? [ ] { }", address
            )
        if set(message.tags) - {"f"}:
            self.findings.add(
                "argument that is no float: Unreal's Get OSC Message Float reads nothing else",
                f"{address} ,{message.tags}",
            )
        actor, _, leaf = address[1:].partition("/")
        if leaf == "time" and message.tags == "ffff":
            self._has_time = True
            _time(self.timing, message, arrival_ns)
        elif leaf == "face_time" and message.tags == "ffff":
            _time(self._faces, message, arrival_ns)
        elif leaf == "state" and message.tags == "f":
            number = message.floats[0]
            known = number.is_integer() and 0 <= number < len(STATES)
            self._states[actor] = STATES[int(number)] if known else str(number)

    def report(self) -> InspectionReport:
        """All that was found."""
        report = super().report()
        return report if self._has_time else replace(report, timing=self._by_datagram.report())

    def facts(self) -> dict[str, str]:
        """Addresses, and the actors with their states."""
        actors = ", ".join(f"{actor} ({state})" for actor, state in list(self._states.items())[:16])
        facts = {
            "addresses": str(len(self._addresses)),
            "actors": actors or "none that this stage's output would name",
        }
        if (faces := self._faces.report()).frames > 0:
            facts["faces"] = told(faces)
        return facts


def _time(timing: Timing, message: osc.Message, arrival_ns: int) -> None:
    if not all(math.isfinite(value) for value in message.floats):
        return
    capture, sent = DayTime(*message.floats[:2]), DayTime(*message.floats[2:])
    timing.frame(arrival_ns, capture.second + capture.fraction)
    timing.latency(capture.age_ns(arrival_ns), sent.age_ns(arrival_ns))
