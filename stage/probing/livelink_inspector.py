"""Live Link Face as Unreal's ARKit source, and the clients that are known, would take it."""

from __future__ import annotations

import struct

from msgspec.structs import replace

from protocols.livelink import DEVICE_ID_BYTES, LEAST_BYTES, MOST_BYTES, LiveLinkError, LiveLinkPacket, decode
from protocols.timecode import FrameRate, Timecode
from stage.probing.findings import Findings
from stage.probing.inspector import InspectionReport, Inspector
from stage.probing.livelink_values import LiveLinkValues
from stage.probing.timing import Timing, told

_MOST_DEVICES = 16
_JUMP_S = 1.0
_RATES = ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (48, 1), (50, 1), (60000, 1001), (60, 1))
_FAULTS = {
    "version": "version other than 6: Unreal ignores the packet",
    "device id": "device id that does not fit its length: nobody can read the packet",
    "subject name": "subject name that does not fit its length, counted in characters instead of bytes of UTF-8?",
    "timecode": "timecode that cannot be",
    "rate": "frame rate of 0 or less: receivers divide by it (PyLiveLinkFace sends it below 60 frames per second)",
    "count": "other than 61 values: Unreal ignores the packet",
    "values": "value that is not finite: it tears the character's face",
}


class LiveLinkInspector(Inspector):
    """Follows every device that sends to the port."""

    kind = "livelink"

    def __init__(self) -> None:
        super().__init__()
        self._devices: dict[str, _Device] = {}
        self._subjects: dict[str, str] = {}

    def inspect(self, datagram: bytes, arrival_ns: int) -> None:
        """One packet."""
        try:
            packet = decode(datagram)
        except LiveLinkError as error:
            self.findings.add(_FAULTS[error.part], _reversed(datagram) or str(error))
            return
        self._check_size(packet, len(datagram))
        self._check_names(packet)
        if packet.device_id not in self._devices and len(self._devices) < _MOST_DEVICES:
            self._devices[packet.device_id] = _Device(self.findings)
        if packet.device_id in self._devices:
            self._devices[packet.device_id].take(packet, datagram, arrival_ns)

    def report(self) -> InspectionReport:
        """All that was found; the timing is that of the first device."""
        report = super().report()
        first = next(iter(self._devices.values()), None)
        return report if first is None else replace(report, timing=first.timing.report())

    def facts(self) -> dict[str, str]:
        """Each device's subject, rate, timecode and face."""
        facts = {"devices": str(len(self._devices))}
        for number, device in enumerate(self._devices.values(), start=1):
            prefix = "" if len(self._devices) == 1 else f"{number}: "
            facts |= {f"{prefix}{name}": text for name, text in device.facts.items()}
        return facts

    def _check_size(self, packet: LiveLinkPacket, size: int) -> None:
        if LEAST_BYTES <= size <= MOST_BYTES:
            return
        if packet.values is None:
            self.findings.add("packet without a face: Unreal drops it by its size and keeps the last face", f"{size} B")
        else:
            self.findings.add("datagram that is not 264 to 774 bytes: Unreal drops it", f"{size} bytes")

    def _check_names(self, packet: LiveLinkPacket) -> None:
        device, subject = packet.device_id, packet.subject
        size = len(device.encode())
        if size != DEVICE_ID_BYTES:
            self.findings.add(
                f"device id of other than {DEVICE_ID_BYTES} bytes: PyLiveLinkFace and those like it misread the packet",
                f"{device}: {size} bytes",
            )
        if not subject.isascii():
            self.findings.add("subject name beyond ASCII: receivers that count characters misread the packet", subject)
        if len(self._subjects) < _MOST_DEVICES and self._subjects.setdefault(subject, device) != device:
            self.findings.add("one subject name for several devices: both move the same character", subject)


class _Device:
    """One phone, or who speaks like one."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._values = LiveLinkValues(findings)
        self.timing = Timing(findings)
        self._last: LiveLinkPacket | None = None
        self._datagram = b""
        self._arrival_ns = 0
        self._no_faces = 0

    def take(self, packet: LiveLinkPacket, datagram: bytes, arrival_ns: int) -> None:
        """The next packet of the device."""
        if self._last is None or not self._follows(self._last, packet, datagram, arrival_ns):
            self._check_rate(packet)
        seconds = (packet.frame + packet.subframe) * packet.denominator / packet.numerator
        self.timing.frame(arrival_ns, seconds)
        if packet.values is None:
            self._no_faces += 1
        else:
            self._values.take(packet.values)
        self._last, self._datagram, self._arrival_ns = packet, datagram, arrival_ns

    @property
    def facts(self) -> dict[str, str]:
        """What it says of itself."""
        packet = self._last
        if packet is None:
            return {}
        rate = FrameRate(packet.numerator, packet.denominator)
        label = Timecode(packet.frame, packet.subframe, rate).text
        return {
            "subject": f"{packet.subject} ({packet.device_id})",
            "timecode": f"{label}, frame {packet.frame} at {packet.numerator}/{packet.denominator}",
            "packets": f"{told(self.timing.report())}, {self._no_faces} without a face",
            **self._values.facts,
        }

    def _follows(self, last: LiveLinkPacket, packet: LiveLinkPacket, datagram: bytes, arrival_ns: int) -> bool:
        """Checks a packet against the one before; says whether its rate is the same."""
        if packet.subject != last.subject:
            self._findings.add(
                "subject name of a device changes: Unreal removes the old subject", f"{last.subject}, {packet.subject}"
            )
        same_rate = packet[4:6] == last[4:6]
        if not same_rate:
            self._findings.add("frame rate changes", f"{last.numerator}/{last.denominator}")
            return False
        step_s = (packet.frame - last.frame + packet.subframe - last.subframe) * packet.denominator / packet.numerator
        if datagram == self._datagram:
            self._findings.add("packet sent twice", f"frame {packet.frame}")
        elif step_s == 0.0:
            self._findings.add("timecode that stands still: recordings cannot place the faces", f"frame {packet.frame}")
        elif step_s - (arrival_ns - self._arrival_ns) / 1e9 > _JUMP_S:
            self._findings.add("timecode that jumps ahead", f"frame {last.frame} to {packet.frame}")
        return True

    def _check_rate(self, packet: LiveLinkPacket) -> None:
        if (packet.numerator, packet.denominator) not in _RATES:
            self._findings.add(
                "frame rate that timecode does not have: Unreal and recorders count other frames",
                f"{packet.numerator}/{packet.denominator}",
            )


def _reversed(datagram: bytes) -> str:
    """What a little-endian sender has done, in words; "" for any other."""
    if len(datagram) >= 5 and struct.unpack_from("<i", datagram, 1)[0] == DEVICE_ID_BYTES:
        return "numbers are little-endian; they must be big-endian"
    return ""
