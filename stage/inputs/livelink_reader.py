"""Live Link Face packets: a phone on the actor's helmet, or whatever speaks like one.

Each packet is a face. Its timecode is regular but counts from an unknown start; arrival is known but jitters, and Wi-Fi
delivers in bursts. `ArrivalClock` joins the two, so that a burst is spread out again as it was captured:

    capture = timecode + smallest (arrival - timecode) of late - latency_ms

A timecode that jumps (set anew, midnight) or falls more than a second behind starts that anew; one that stands still
(some senders have none) leaves the time of arrival. Packets that come twice or out of order are left out and counted.
"""

from __future__ import annotations

from protocols.arrays import to_bytes
from protocols.livelink import LiveLinkError, LiveLinkPacket, decode
from protocols.livelink_face import read_face
from stage.cameras.arrival import ArrivalClock
from stage.config import LiveLinkInputSection
from stage.inputs.reader import External, InputReader, Source

_JUMP_NS = 1_000_000_000
_TWICE_NS = 50_000_000
"""The same bytes within this time are one packet that came twice."""
_GAP_STEPS = 2.5
"""A step of the timecode this many times the usual one says that packets were lost."""


class LiveLinkReader(InputReader):
    """Reads one Live Link Face input."""

    def __init__(self, section: LiveLinkInputSection) -> None:
        super().__init__(section)
        self._take = frozenset(section.take)
        self._subject = section.subject
        self._clock = ArrivalClock()
        self._last = b""
        self._stamp_ns: int | None = None
        self._step_ns = 0
        self._arrival_ns = self._capture_ns = 0
        self._rate = ""

    @property
    def fact(self) -> str:
        """Subject and frame rate."""
        return f"{self._subject} at {self._rate}" if self._rate else ""

    def _read(self, datagram: bytes, source: Source, arrival_ns: int) -> list[External]:
        try:
            packet = decode(datagram)
        except LiveLinkError:
            self.counters["no Live Link"] += 1
            return []
        if self._subject and packet.subject != self._subject:
            self.counters["other subjects"] += 1
            return []
        self._subject = packet.subject
        self._rate = f"{packet.numerator / packet.denominator:.4g} Hz"
        if datagram == self._last and arrival_ns - self._arrival_ns < _TWICE_NS:
            self.counters["repeats"] += 1
            return []
        capture_ns = self._captured(packet, arrival_ns)
        if capture_ns is None:
            self.counters["late"] += 1
            return []
        self._last, self._arrival_ns = datagram, arrival_ns
        return [self._of(packet, capture_ns - self._latency_ns)]

    def _of(self, packet: LiveLinkPacket, capture_ns: int) -> External:
        if packet.values is None:
            self.counters["without a face"] += 1
            return self._face(capture_ns, False, b"", b"", b"")
        face = read_face(packet.values)
        return self._face(
            capture_ns,
            True,
            to_bytes(face.shapes) if self._take & {"face", "eyes"} else b"",
            to_bytes(face.head) if "head" in self._take else b"",
            to_bytes(face.gaze) if "eyes" in self._take else b"",
        )

    def _captured(self, packet: LiveLinkPacket, arrival_ns: int) -> int | None:
        """When the face was captured, latency left aside; None for a packet that was overtaken."""
        stamp_ns = round((packet.frame + packet.subframe) * packet.denominator * 1_000_000_000 / packet.numerator)
        last_ns, self._stamp_ns = self._stamp_ns, stamp_ns
        if last_ns is not None:
            step_ns, passed_ns = stamp_ns - last_ns, arrival_ns - self._arrival_ns
            if -_JUMP_NS < step_ns < 0:
                self._stamp_ns = last_ns
                return None
            if step_ns == 0:
                self._clock = ArrivalClock()
                return self._after(arrival_ns)
            if step_ns < 0 or step_ns - passed_ns > _JUMP_NS:
                self.counters["jumps"] += 1
                self._clock = ArrivalClock()
            else:
                self._note_step(step_ns)
        capture_ns = self._clock.capture_ns(stamp_ns, arrival_ns)
        if arrival_ns - capture_ns > _JUMP_NS:
            self.counters["jumps"] += 1
            self._clock = ArrivalClock()
            capture_ns = self._clock.capture_ns(stamp_ns, arrival_ns)
        return self._after(capture_ns)

    def _note_step(self, step_ns: int) -> None:
        """Count gaps, against the smallest step so far, which may grow a little with every packet."""
        usual_ns = self._step_ns or step_ns
        self.counters["gaps"] += step_ns > _GAP_STEPS * usual_ns
        self._step_ns = min(step_ns, round(1.01 * usual_ns))

    def _after(self, capture_ns: int) -> int:
        """The time, or just after the last one's: a faster packet corrects the clock backwards."""
        self._capture_ns = max(capture_ns, self._capture_ns + 1)
        return self._capture_ns
