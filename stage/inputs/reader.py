"""What all readers of another performer's packets have in common.

A reader is pure: datagrams in, records out, no socket and no clock. Whatever comes from the network is counted when it
cannot be used and is never an error; what a reader remembers is bounded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter

from protocols.external import ExternalBones, ExternalFace
from stage.config import AnyInputSection
from stage.control.allowed import AllowList, SourceRates

External = ExternalFace | ExternalBones
Source = tuple[str, int]
"""Address and port that a datagram came from."""

MOST_HZ = 300.0
"""Records of a kind per second, and at once after a pause, that go on to the solver: no performer sends more, and what
one input sends must not crowd out the others."""


class InputReader(ABC):
    """Reads the packets of one [[inputs]]."""

    def __init__(self, section: AnyInputSection) -> None:
        self.section = section
        self.counters: Counter[str] = Counter()
        """What was taken and what was refused, by reason; few and fixed names."""
        self._allowed = AllowList(section.allow)
        self._rates = SourceRates(MOST_HZ)
        self._latency_ns = round(section.latency_ms * 1e6)
        self._faces = self._bones = 0

    def take(self, datagram: bytes, source: Source, arrival_ns: int) -> list[External]:
        """What became complete with this datagram: of each kind of record the newest, for all of them came at once.

        Args:
            datagram: As it came.
            source: Who sent it.
            arrival_ns: Stage time at which it came; never goes back.
        """
        self.counters["datagrams"] += 1
        if not self._allowed.admits(source[0]):
            self.counters["strangers"] += 1
            return []
        records = self._read(datagram, source, arrival_ns)
        newest = {type(record): record for record in records}
        self.counters["overtaken"] += len(records) - len(newest)
        return [record for record in newest.values() if self._in_rate(record, arrival_ns)]

    @property
    def fact(self) -> str:
        """What an operator should know of the sender; "" before it was heard."""
        return ""

    def _in_rate(self, record: External, arrival_ns: int) -> bool:
        admitted = self._rates.admits(type(record).__name__, arrival_ns / 1e9)
        self.counters["over rate"] += not admitted
        return admitted

    @abstractmethod
    def _read(self, datagram: bytes, source: Source, arrival_ns: int) -> list[External]:
        """As of `take`, of a sender that is allowed."""

    def _face(self, capture_ns: int, tracked: bool, shapes: bytes, head: bytes, gaze: bytes) -> ExternalFace:
        self.counters["faces"] += 1
        self._faces += 1
        section = self.section
        return ExternalFace(section.id, section.actor, self._faces - 1, capture_ns, tracked, shapes, head, gaze)

    def _skeleton(self, capture_ns: int, bones: tuple[str, ...], rotations: bytes, hips: bytes) -> ExternalBones:
        self.counters["frames"] += 1
        self._bones += 1
        section = self.section
        return ExternalBones(section.id, section.actor, self._bones - 1, capture_ns, bones, rotations, hips)
