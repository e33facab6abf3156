"""From the bus, and from the cameras' pictures, into the pre-roll and the take that runs.

What came in the meantime is taken in together, in the order in which it was sent: all senders have the same clock.
That moment is when it counts as received, so that a replay's timing does not depend on when this process had its turn.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from protocols.bus import Message
from protocols.clock import ClockFile
from protocols.foxglove import SCHEMAS
from stage.config import Config
from stage.takes.memory import Entry, Memory
from stage.takes.pre_roll import PreRoll
from stage.takes.take import Take
from stage.timecode import TimecodeClock

TRIM_S = 0.25


class Picture(Protocol):
    """A picture as it goes into a take, see `stage.takes.video.lanes`."""

    camera: str
    topic: str
    schema_name: str
    data: bytes
    log_ns: int
    keyframe: bool


class Lanes(Protocol):
    """The cameras' pictures, likewise."""

    dropped: Counter[str]

    def take(self, message: Message) -> None:
        """Takes a message of the bus."""

    def ready(self) -> Iterable[Picture]:
        """Pictures that are done."""
        ...

    def facts(self) -> dict[str, str]:
        """How they are recorded."""
        ...


class Intake:
    """What the recorder hears. One thread owns it."""

    def __init__(self, config: Config, timing: ClockFile, lanes: Lanes | None = None) -> None:
        """Nothing heard, no take; from now on everything comes here if there is a pre-roll."""
        self.take: Take | None = None
        """The one that runs; set it to None when it has ended."""
        self._config, self._timing = config, timing
        self._lanes = lanes
        self._memory = Memory(config.record.memory_mb << 20)
        seconds = config.record.pre_roll_seconds
        now_ns = timing.clock.now_ns()
        self._pre_roll = PreRoll(seconds, self._memory, now_ns) if seconds > 0 else None
        self._received_ns = 0
        self._trim_s = 0.0
        self._dropped: Counter[str] = Counter()
        self._numbers: Counter[str] = Counter()

    @property
    def pre_roll_s(self) -> float:
        """How much of the past a take that began now would have."""
        return self._pre_roll.seconds(self._timing.clock.now_ns()) if self._pre_roll is not None else 0.0

    def hear(self, messages: Iterable[Message]) -> None:
        """Takes in what has come over the bus since the last time, and the pictures that are done."""
        for message in sorted(messages, key=_sent_ns):
            if self._lanes is not None:
                self._lanes.take(message)
            if not message.topic.startswith("packet."):  # they come back as pictures
                self._put(Entry.of(message, self._now_ns(message.sent_ns)))
        if self._lanes is not None:
            for picture in self._lanes.ready():
                self._put(self._entry(picture))
            self._count_dropped(self._lanes.dropped)
        if self._pre_roll is not None and (now_s := time.monotonic()) >= self._trim_s:
            self._trim_s = now_s + TRIM_S
            self._pre_roll.trim(self._timing.clock.now_ns())

    def begin(self, timecode: TimecodeClock, slate: str, number: int) -> Take:
        """A take begins, with what waits for it."""
        now_ns = self._timing.clock.now_ns()
        take = Take(
            self._config,
            self._timing,
            timecode,
            slate,
            number,
            memory=self._memory,
            from_ns=now_ns if self._pre_roll is None else self._pre_roll.whole_from_ns(now_ns),
            video=self._lanes.facts if self._lanes is not None else dict,
        )
        if self._pre_roll is not None:
            self._pre_roll.begin(take.queue, now_ns)
        self.take = take
        return take

    def _put(self, entry: Entry) -> None:
        queue = None
        if self.take is not None:
            if self.take.phase in ("opening", "recording"):
                queue = self.take.queue
            else:
                self.take.queue.count([entry])
        if self._pre_roll is not None:
            self._pre_roll.put(entry, queue)
        elif queue is not None:
            self._memory.put(entry, queue, pre_roll=False)

    def _entry(self, picture: Picture) -> Entry:
        number = self._numbers[picture.topic]
        self._numbers[picture.topic] += 1
        return Entry(
            picture.topic,
            picture.schema_name,
            picture.data,
            picture.log_ns,
            self._now_ns(self._timing.clock.now_ns()),
            number,
            camera=picture.camera,
            keyframe=picture.keyframe,
            foreign=SCHEMAS[picture.schema_name],
        )

    def _count_dropped(self, dropped: Counter[str]) -> None:
        """Pictures that an encoder could not take in time."""
        if self.take is not None:
            self.take.queue.dropped.update(dropped - self._dropped)
        self._dropped = Counter(dropped)

    def _now_ns(self, sent_ns: int) -> int:
        """When something counts as received: never before what came before it, never in the future."""
        self._received_ns = max(self._received_ns, min(sent_ns, self._timing.clock.now_ns()))
        return self._received_ns


def _sent_ns(message: Message) -> int:
    return message.sent_ns
