from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

_LEAST_BYTES, _MOST_BYTES = 264, 774
_VERSION, _COUNT = 6, 61


class Subject(NamedTuple):
    """A Live Link subject of Unreal."""

    name: str
    frame: int
    rate: float
    values: tuple[float, ...]


@dataclass
class UnrealLiveLink:
    """Unreal's ARKit source: packets of odd size vanish, one that is wrong ends the reading until the next tick."""

    subjects: dict[str, Subject] = field(default_factory=dict)
    """Per device id; a new name for a known device replaces its subject."""
    removed: list[str] = field(default_factory=list)
    dropped: int = 0
    invalid: int = 0
    frames: int = 0
    _queue: list[bytes] = field(default_factory=list)

    def tick(self, datagrams: Iterable[bytes] = ()) -> int:
        """One tick of the engine: reads what has come; returns how many datagrams wait for the next one."""
        self._queue += datagrams
        while self._queue:
            datagram = self._queue.pop(0)
            if not _LEAST_BYTES <= len(datagram) <= _MOST_BYTES:
                self.dropped += 1
                continue
            try:
                device, subject = _read(datagram)
            except (struct.error, ValueError):
                self.invalid += 1
                break
            known = self.subjects.get(device)
            if known is not None and known.name != subject.name:
                self.removed.append(known.name)
            self.subjects[device] = subject
            self.frames += 1
        return len(self._queue)


def _read(datagram: bytes) -> tuple[str, Subject]:
    if datagram[0] != _VERSION:
        raise ValueError(f"version {datagram[0]}")
    device, at = _text(datagram, 1)
    name, at = _text(datagram, at)
    frame, subframe, numerator, denominator, count = struct.unpack_from(">ifiiB", datagram, at)
    at += 17
    if count != _COUNT or len(datagram) - at != 4 * _COUNT:
        raise ValueError(f"{count} values in {len(datagram) - at} bytes")
    if denominator <= 0 or numerator <= 0 or not 0.0 <= subframe < 1.0:
        raise ValueError(f"frame rate {numerator}/{denominator}, subframe {subframe}")
    return device, Subject(name, frame, numerator / denominator, struct.unpack_from(f">{_COUNT}f", datagram, at))


def _text(datagram: bytes, at: int) -> tuple[str, int]:
    (size,) = struct.unpack_from(">i", datagram, at)
    if not 0 < size <= len(datagram) - at - 4:
        raise ValueError(f"text of {size} bytes")
    return datagram[at + 4 : at + 4 + size].decode(), at + 4 + size
