"""Plain OSC as Unreal, TouchDesigner and Max would take it; ours or anybody's."""

from __future__ import annotations

import math
import re
from collections import Counter

from msgspec.structs import replace

from protocols import osc
from protocols.plain_osc import STATES, TOP, DayTime
from stage.probing.findings import Findings
from stage.probing.inspector import InspectionReport
from stage.probing.osc_packet_inspector import OscPacketInspector
from stage.probing.timing import Timing, told

_MOST_ADDRESSES = 4000
_MOST_ACTORS = 16
_BINDABLE = re.compile(r"(/[^\s#,*?\[\]{}/]+){2,}")
_FACE = ("shape/", "head", "eye/", "face/")
_TOLERANCE = 0.01


class OscInspector(OscPacketInspector):
    """Counts addresses; where they are a stage's, it also tells frames, latency and timecode of each actor."""

    kind = "osc"

    def __init__(self) -> None:
        super().__init__()
        self._addresses: Counter[str] = Counter()
        self._tags: dict[str, str] = {}
        self._actors: dict[str, _Actor] = {}
        self._by_datagram = Timing(self.findings)

    def take(self, datagram: bytes, source: tuple[str, int], arrival_ns: int) -> None:
        """Inspects one datagram; without our time messages each one counts as a frame."""
        super().take(datagram, source, arrival_ns)
        self._by_datagram.frame(arrival_ns)

    def message(self, message: osc.Message, arrival_ns: int) -> None:
        """Checks one message."""
        address = message.address
        if address in self._addresses or len(self._addresses) < _MOST_ADDRESSES:
            self._addresses[address] += 1
            if self._tags.setdefault(address, message.tags) != message.tags:
                self.findings.add(
                    "address whose arguments change: Unreal and Max read them by their index",
                    f"{address} ,{self._tags[address]} and ,{message.tags}",
                )
        if not _BINDABLE.fullmatch(address):
            self.findings.add(
                "address that Unreal cannot bind an event to: it needs two levels and none of # , * ? [ ] { }", address
            )
        if set(message.tags) - {"f"}:
            self.findings.add(
                "argument that is no float: Unreal's Get OSC Message Float reads nothing else",
                f"{address} ,{message.tags}",
            )
        top, _, rest = address[1:].partition("/")
        name, _, leaf = rest.partition("/")
        if top != TOP or not leaf:
            return
        if name not in self._actors and len(self._actors) < _MOST_ACTORS:
            self._actors[name] = _Actor(self.findings)
        if name in self._actors:
            self._actors[name].take(leaf, message, arrival_ns)

    def report(self) -> InspectionReport:
        """All that was found; the timing is that of the first actor with frames of a body, else of the datagrams."""
        report = super().report()
        timings = [timing.report() for actor in self._actors.values() if (timing := actor.body.timing)]
        told_by = next((timing for timing in timings if timing.frames > 0), self._by_datagram.report())
        return replace(report, timing=told_by)

    def facts(self) -> dict[str, str]:
        """Addresses, and the actors with their states."""
        actors = ", ".join(f"{name} ({actor.body.state})" for name, actor in self._actors.items())
        facts = {
            "addresses": str(len(self._addresses)),
            "actors": actors or "none that this stage's output would name",
        }
        several = len(self._actors) > 1
        for name, actor in self._actors.items():
            of = f" of {name}" if several else ""
            if several:
                facts[f"frames{of}"] = told(actor.body.timing.report())
            if (faces := actor.face.timing.report()).frames > 0:
                facts[f"faces{of}"] = told(faces)
            if timecode := actor.body.timecode or actor.face.timecode:
                facts[f"timecode{of}"] = timecode
            if incomplete := actor.body.incomplete + actor.face.incomplete:
                facts[f"incomplete{of}"] = f"{incomplete} frames: datagrams were lost"
        return facts


class _Actor:
    """What an actor of a stage sends."""

    def __init__(self, findings: Findings) -> None:
        self.body, self.face = _Part(findings), _Part(findings)

    def take(self, leaf: str, message: osc.Message, arrival_ns: int) -> None:
        """One message, `leaf` being its address below the actor's name."""
        part = self.face if leaf.startswith(_FACE) else self.body
        part.take(leaf.removeprefix("face/"), message, arrival_ns)


class _Part:
    """Body or face: messages until a `time` ends the frame."""

    def __init__(self, findings: Findings) -> None:
        self.timing = Timing(findings)
        self.state, self.timecode = "unknown", ""
        self.incomplete = 0
        self._findings = findings
        self._messages = self._most = 0

    def take(self, leaf: str, message: osc.Message, arrival_ns: int) -> None:
        """One message."""
        self._messages += 1
        numbers = message.floats
        if not all(math.isfinite(number) for number in numbers):
            return
        match leaf, message.tags:
            case "time", "ffff":
                self._end(numbers, arrival_ns)
            case "state", "f":
                known = numbers[0].is_integer() and 0 <= numbers[0] < len(STATES)
                self.state = STATES[int(numbers[0])] if known else str(numbers[0])
            case "timecode", "fffffff" if numbers[4] > 0.0:
                label = ":".join(f"{number:02.0f}" for number in numbers[:4])
                self.timecode = f"{label} at {numbers[4]:.5g}{' drop-frame' if numbers[5] else ''}"
            case ("root", "fffffff") | (_, "ffffffff"):
                self._check_rotation(message.address, numbers[3:7])
            case ("head", "ffff") | ("eye/left" | "eye/right", "ffffff"):
                self._check_rotation(message.address, numbers[:4])

    def _check_rotation(self, address: str, rotation: tuple[float, ...]) -> None:
        if abs(math.hypot(*rotation) - 1.0) > _TOLERANCE:
            self._findings.add("rotation that is no unit quaternion: it shears or hides what it turns", address)

    def _end(self, numbers: tuple[float, ...], arrival_ns: int) -> None:
        self.incomplete += self._messages < self._most
        self._messages, self._most = 0, max(self._most, self._messages)
        capture, sent = DayTime(*numbers[:2]), DayTime(*numbers[2:])
        self.timing.frame(arrival_ns, capture.second + capture.fraction)
        self.timing.latency(capture.age_ns(arrival_ns), sent.age_ns(arrival_ns))
