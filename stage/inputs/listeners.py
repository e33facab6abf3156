"""What the receive worker listens to: inputs and a timecode machine, as one kind of thing. No sockets here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Protocol

from protocols.errors import ProtocolError
from protocols.messages import Record
from protocols.show import TimecodeSync
from protocols.timecode_packet import read_timecode
from stage.config import AnyInputSection, TimecodeSection
from stage.control.allowed import AllowList, SourceRates
from stage.inputs.hearing import Hearing
from stage.inputs.open_reader import open_reader
from stage.inputs.reader import MOST_HZ, Source

_TIMECODE_TIMEOUT_NS = 2_500_000_000  # some speak once a second

Heard = tuple[str, Record, int]
"""A topic, a record for it, and the stage time that it tells of."""


class Listener(Protocol):
    """One port."""

    id: str
    """In counters and facts."""
    name: str
    """In events."""
    host: str
    port: int
    hearing: Hearing

    @property
    def counters(self) -> Counter[str]:
        """What came and what was refused."""
        ...

    @property
    def fact(self) -> str:
        """Who sends; "" before anybody did."""
        ...

    def take(self, datagram: bytes, source: Source, now_ns: int) -> Iterator[Heard]:
        """What becomes complete with a datagram."""
        ...


class InputListener:
    """One of [[inputs]]."""

    def __init__(self, section: AnyInputSection) -> None:
        self.id, self.name = section.id, f"input {section.id}"
        self.host, self.port = section.host, section.port
        self.hearing = Hearing(round(section.timeout_ms * 1e6))
        self._reader = open_reader(section)

    @property
    def counters(self) -> Counter[str]:
        """See `Listener`."""
        return self._reader.counters

    @property
    def fact(self) -> str:
        """See `Listener`."""
        return self._reader.fact

    def take(self, datagram: bytes, source: Source, now_ns: int) -> Iterator[Heard]:
        """See `Listener`."""
        for record in self._reader.take(datagram, source, now_ns):
            self.hearing.hear(now_ns)
            yield f"external.{record.actor}", record, record.capture_ns


class TimecodeListener:
    """The timecode machine."""

    def __init__(self, section: TimecodeSection) -> None:
        self.id, self.name = "timecode", "timecode"
        self.host, self.port = section.host, section.port
        self.hearing = Hearing(_TIMECODE_TIMEOUT_NS)
        self.counters: Counter[str] = Counter()
        self.fact = ""
        self._allowed = AllowList(section.allow)
        self._rates = SourceRates(MOST_HZ)

    def take(self, datagram: bytes, source: Source, now_ns: int) -> Iterator[Heard]:
        """See `Listener`."""
        self.counters["datagrams"] += 1
        if not self._allowed.admits(source[0]):
            self.counters["strangers"] += 1
            return
        try:
            text = read_timecode(datagram)
        except ProtocolError:
            self.counters["no timecode"] += 1
            return
        if not self._rates.admits(self.id, now_ns / 1e9):
            self.counters["over rate"] += 1
            return
        self.hearing.hear(now_ns)
        self.fact = f"{source[0]}:{source[1]}"
        yield "timecode", TimecodeSync(now_ns, text, self.fact), now_ns
