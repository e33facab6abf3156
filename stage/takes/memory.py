r"""What waits in memory for a take to begin, or for its disk, within one budget.

    bus, lanes of video --Entry--> Memory --> the pre-roll (stage.takes.pre_roll), forgotten after some seconds
                                         \-> the queue of a take, emptied by its thread

An entry may stand in several queues and counts once. When an entry does not fit, room is made for it, in this order:

    1. video that waits for no disk (the pre-roll's alone), whole groups of pictures, the oldest first
    2. for a message: video that waits for a disk, the newest first, up to a picture that needs no other
       for a picture: nothing; it is dropped itself
    3. messages that wait for no disk, the oldest first

A camera of which a picture was dropped goes on with the next that needs no other. Only when all this does not help
is a message lost. So performances are never lost while there is video to drop.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable

from protocols.bus import Message
from protocols.foxglove import Schema
from protocols.messages import Record
from protocols.takefile import captured_ns

OVERHEAD_BYTES = 400
"""What an entry costs beside its data."""
BATCH_BYTES = 1 << 20
"""What a take's thread has in its hands at most; this much cannot be dropped."""


class Entry:
    """One message or picture on its way into takes; `Memory` alone changes it."""

    __slots__ = ("camera", "data", "foreign", "idle", "keyframe", "kind", "log_ns", "received_ns", "record",
                 "sequence", "size", "takes", "topic", "writing")  # fmt: skip

    def __init__(
        self,
        topic: str,
        kind: str,
        data: bytes,
        log_ns: int,
        received_ns: int,
        sequence: int = 0,
        *,
        record: Record | None = None,
        camera: str = "",
        keyframe: bool = False,
        foreign: Schema | None = None,
    ) -> None:
        """A message, as it goes into the file.

        Args:
            topic: Its topic.
            kind: The record's class.
            data: Its bytes.
            log_ns: Stage time of what it tells.
            received_ns: Stage time at which it was received; never before the entry before it.
            sequence: Its number in its topic.
            record: What the bytes say, if it came over the bus.
            camera: Of a picture.
            keyframe: Whether a picture needs none before it.
            foreign: How it is described in the file, if it did not come over the bus.
        """
        self.topic, self.kind, self.data = topic, kind, data
        self.log_ns, self.received_ns, self.sequence = log_ns, received_ns, sequence
        self.record, self.camera, self.keyframe, self.foreign = record, camera, keyframe, foreign
        # A decoded record holds its arrays a second time.
        self.size = len(data) * (1 if record is None else 2) + OVERHEAD_BYTES
        self.idle = False
        """Whether the pre-roll holds it."""
        self.takes: tuple[TakeQueue, ...] = ()
        """Queues in which it waits for a disk."""
        self.writing = 0
        """Takes whose threads have it in their hands."""

    @property
    def held(self) -> bool:
        """Whether anybody holds it; what nobody holds has no data."""
        return self.idle or len(self.takes) > 0 or self.writing > 0

    @classmethod
    def of(cls, message: Message, received_ns: int) -> Entry:
        """A message of the bus."""
        record = message.record
        log_ns = captured_ns(record, message.sent_ns)
        kind = type(record).__name__
        return cls(message.topic, kind, message.data, log_ns, received_ns, message.sequence, record=record)


class TakeQueue:
    """What waits for the disk of one take; its thread takes it out."""

    def __init__(self) -> None:
        self.lost = 0
        """Messages that did not fit."""
        self.dropped: Counter[str] = Counter()
        """Pictures that did not fit, by camera."""
        self.entries: deque[Entry] = deque()
        """For `Memory` alone, like the next two."""
        self.closed = False
        self.begun: set[str] = set()
        """Cameras of which it has had a picture that needs no other."""

    @property
    def dropped_frames(self) -> int:
        """Pictures that did not fit, of all cameras."""
        return sum(self.dropped.values())

    def count(self, entries: Iterable[Entry]) -> None:
        """Counts entries that will not be in the take."""
        for entry in entries:
            if entry.camera:
                self.dropped[entry.camera] += 1
            else:
                self.lost += 1


class Memory:
    """Holds entries within a budget. All methods may be called from any thread, and never wait for a disk."""

    def __init__(self, limit_bytes: int) -> None:
        """Empty."""
        self.used_bytes = 0
        self.curtailed_ns = 0
        """When the newest entry came that the pre-roll had to give up: it is whole from there on."""
        self.lock = threading.RLock()
        self._limit_bytes = limit_bytes
        self._messages: deque[Entry] = deque()
        """Messages of the pre-roll in order; what nobody holds any more leaves late, also below."""
        self._video: dict[str, deque[Entry]] = {}
        """Pictures per camera, in order."""
        self._skipping: set[str] = set()

    def put(self, entry: Entry, take: TakeQueue | None, *, pre_roll: bool) -> bool:
        """Takes an entry in, for the pre-roll, a take or both; False when it does not fit, and then it is counted."""
        with self.lock:
            if self._broken(entry) or not self._make_room(entry) or self._broken(entry):
                self._refuse(entry, take, pre_roll)
                return False
            self.used_bytes += entry.size
            entry.idle = pre_roll
            if entry.camera:
                self._skipping.discard(entry.camera)
                self._video.setdefault(entry.camera, deque()).append(entry)
            elif pre_roll:
                self._messages.append(entry)
            if take is not None:
                self.give(entry, take)
            self._free(entry)
            return True

    def give(self, entry: Entry, take: TakeQueue) -> None:
        """Puts an entry that is held already into the queue of a take too.

        Pictures of a camera begin there with one that needs no other; what comes before it is left out.
        """
        with self.lock:
            if entry.keyframe:
                take.begun.add(entry.camera)
            if take.closed:
                take.count([entry])
            elif not entry.camera or entry.camera in take.begun:
                entry.takes += (take,)
                take.entries.append(entry)

    def take_out(self, take: TakeQueue) -> list[Entry]:
        """The next entries of a take, about `BATCH_BYTES`; each is held until it is `written`."""
        batch: list[Entry] = []
        size = 0
        with self.lock:
            while take.entries and size < BATCH_BYTES:
                entry = take.entries.popleft()
                if entry.held:  # else it was dropped, and counted
                    entry.takes = tuple(queue for queue in entry.takes if queue is not take)
                    entry.writing += 1
                    batch.append(entry)
                    size += entry.size
        return batch

    def written(self, entries: Iterable[Entry]) -> None:
        """A take's thread has done with entries."""
        with self.lock:
            for entry in entries:
                entry.writing -= 1
                self._free(entry)

    def leave_pre_roll(self, entry: Entry) -> None:
        """The pre-roll holds an entry no longer."""
        with self.lock:
            if entry.idle:
                entry.idle = False
                self._free(entry)

    def forget(self, take: TakeQueue) -> None:
        """A take is over: what still waits for it is lost."""
        with self.lock:
            take.closed = True
            while batch := self.take_out(take):
                take.count(batch)
                self.written(batch)

    def _refuse(self, entry: Entry, take: TakeQueue | None, pre_roll: bool) -> None:
        if entry.camera:
            self._skipping.add(entry.camera)
        if pre_roll:
            self._curtail(entry)
        if take is not None:
            take.count([entry])

    def _broken(self, entry: Entry) -> bool:
        return entry.camera in self._skipping and not entry.keyframe

    def _make_room(self, entry: Entry) -> bool:
        if entry.size > self._limit_bytes:
            return False
        while self.used_bytes + entry.size > self._limit_bytes:
            if self._drop_idle_group():
                continue
            if entry.camera or not (self._drop_newest_picture() or self._drop_idle_message()):
                return False
        return True

    def _drop_idle_group(self) -> bool:
        """Drops the oldest group of pictures that waits for no disk."""
        oldest = [pictures for pictures in self._video.values() if pictures and _waits_for_nobody(pictures[0])]
        if len(oldest) == 0:
            return False
        pictures = min(oldest, key=lambda pictures: pictures[0].received_ns)
        first = pictures[0]
        while pictures and _waits_for_nobody(pictures[0]) and (pictures[0] is first or not pictures[0].keyframe):
            self._drop(pictures.popleft())
        if len(pictures) == 0:  # the group was not whole yet
            self._skipping.add(first.camera)
        return True

    def _drop_newest_picture(self) -> bool:
        """Drops a picture that is not being written, of the camera that has the most."""
        cameras = [camera for camera, pictures in self._video.items() if pictures and pictures[-1].writing == 0]
        if len(cameras) == 0:
            return False
        camera = max(cameras, key=lambda camera: len(self._video[camera]))
        self._drop(self._video[camera].pop())
        self._skipping.add(camera)
        return True

    def _drop_idle_message(self) -> bool:
        """Drops the oldest message of the pre-roll that waits for no disk."""
        for entry in self._messages:
            if _waits_for_nobody(entry):
                self._drop(entry)
                return True
        return False

    def _drop(self, entry: Entry) -> None:
        for take in entry.takes:
            take.count([entry])
        if entry.idle:
            self._curtail(entry)
        entry.takes, entry.idle = (), False
        self._free(entry)

    def _curtail(self, entry: Entry) -> None:
        self.curtailed_ns = max(self.curtailed_ns, entry.received_ns)

    def _free(self, entry: Entry) -> None:
        if entry.held:
            return
        self.used_bytes -= entry.size
        entry.data, entry.record = b"", None
        line = self._video.get(entry.camera, self._messages) if entry.camera else self._messages
        while line and not line[0].held:
            line.popleft()


def _waits_for_nobody(entry: Entry) -> bool:
    """Whether the pre-roll alone holds it."""
    return entry.idle and len(entry.takes) == 0 and entry.writing == 0
