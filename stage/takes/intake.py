"""From the bus, and from the cameras' pictures, into the pre-roll and the take that runs.

What came in the meantime is taken in together, in the order in which it was sent: all senders have the same clock.
That moment is when it counts as received, so that a replay's timing does not depend on when this process had its turn.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from protocols.bus import Message
from protocols.clock import ClockFile
from protocols.foxglove import SCHEMAS
from stage.config import Config
from stage.takes.memory import Entry, Memory, TakeQueue
from stage.takes.pre_roll import PreRoll
from stage.takes.take import Take
from stage.takes.video.lanes import WAITING_SHARE, VideoLanes
from stage.takes.video.message import VideoMessage
from stage.timecode import TimecodeClock

TRIM_S = 0.25


class Intake:
    """What the recorder hears. One thread owns it."""

    def __init__(self, config: Config, timing: ClockFile, lanes: VideoLanes) -> None:
        """Nothing heard, no take; from now on everything comes here if there is a pre-roll.

        Args:
            config: The stage.
            timing: Its clock.
            lanes: Where messages become pictures.
        """
        self._take: Take | None = None
        self._config, self._timing = config, timing
        self._lanes = lanes
        # The lanes have their share for pictures that wait to be encoded.
        self._memory = Memory(round((1 - WAITING_SHARE) * config.record.memory_mb * 1e6))
        seconds = config.record.pre_roll_seconds
        now_ns = timing.clock.now_ns()
        self._pre_roll = PreRoll(seconds, self._memory, now_ns) if seconds > 0 else None
        self._received_ns = 0
        self._trim_s = 0.0
        self._dropped: Counter[str] = Counter()

    @property
    def pre_roll_s(self) -> float:
        """How much of the past a take that began now would have."""
        return self._pre_roll.seconds(self._timing.clock.now_ns()) if self._pre_roll is not None else 0.0

    def hear(self, messages: Iterable[Message]) -> None:
        """Takes in what has come over the bus since the last time, and the pictures that are done."""
        for message in sorted(messages, key=_sent_ns):
            if not self._lanes.take(message):
                entry = Entry.of(message, self._received(message.sent_ns))
                self._put(entry, self._queue(entry, message.sent_ns))
        for picture in self._lanes.ready():
            entry = self._entry(picture)
            self._put(entry, self._queue(entry, picture.log_ns))
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
            video=self._lanes.facts,
            pictures_due=lambda: self._lanes.waiting > 0,
        )
        if self._pre_roll is not None:
            self._pre_roll.begin(take.queue, now_ns)
        else:
            self._lanes.begin()
        self._take = take
        return take

    def _put(self, entry: Entry, queue: TakeQueue | None) -> None:
        if self._pre_roll is not None:
            self._pre_roll.put(entry, queue)
        elif queue is not None:
            self._memory.put(entry, queue, pre_roll=False)

    def _queue(self, entry: Entry, time_ns: int) -> TakeQueue | None:
        """Where something of a time goes: pictures of a take may come a little after its end."""
        take = self._take
        if take is None:
            return None
        late = take.ended_ns > 0
        if late and (not entry.camera or time_ns > take.ended_ns or take.queue.closed):
            return None
        return take.queue

    def _entry(self, picture: VideoMessage) -> Entry:
        return Entry(
            picture.topic,
            picture.schema_name,
            picture.data,
            picture.log_ns,
            self._received(self._timing.clock.now_ns()),
            picture.sequence,
            camera=picture.camera,
            keyframe=picture.keyframe,
            foreign=SCHEMAS[picture.schema_name],
        )

    def _count_dropped(self, dropped: Counter[str]) -> None:
        """Pictures that an encoder could not take in time."""
        if self._take is not None and self._take.ended_ns == 0:
            self._take.queue.dropped.update(dropped - self._dropped)
        self._dropped = dropped

    def _received(self, sent_ns: int) -> int:
        """When something counts as received: always behind what came before it, so that the times tell the order."""
        self._received_ns = max(self._received_ns + 1, min(sent_ns, self._timing.clock.now_ns()))
        return self._received_ns


def _sent_ns(message: Message) -> int:
    return message.sent_ns
