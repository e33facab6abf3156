"""A take while it is recorded, in a thread of its own: no disk, however slow, holds up who hands it messages.

    opening     makes the file, writes what stands before the first message
    recording   writes what waits in its queue, every `PERIOD_S`; has it on the disk every `SYNC_S`
    closing     writes the end of the file and of the tables of faces
    done        all files are closed; `fault` says what went wrong, if anything did

Everything but `run` belongs to the thread that made it. The queue is bounded, see `stage.takes.memory`: what it cannot
take is lost, or dropped if it is video, and counted.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from protocols.bus import Message
from protocols.clock import ClockFile
from protocols.errors import ProtocolError, TakeError
from protocols.takefile import TakeWriter
from stage.config import Config
from stage.errors import RecordError
from stage.takes.about import attached_files, clock_facts, library, profiles, software
from stage.takes.face_table import FaceTables
from stage.takes.folder import MIN_FREE_BYTES, check_space, create_take, free_bytes
from stage.takes.memory import BATCH_BYTES, Entry, Memory, TakeQueue
from stage.takes.reserve import Reserve
from stage.takes.scribe import Scribe
from stage.takes.take_facts import begin_facts, end_facts, reply_facts
from stage.timecode import TimecodeClock

PERIOD_S = 0.1
SYNC_S = 0.5
SPACE_S = 1.0
TAIL_S = 0.5
_DUE_S = 0.02
END_BYTES = 12 << 20
"""Room that is kept for the end of a take, and for the last messages; and 1/64 of its size, for its index."""
LAST_BATCHES = 4
"""So much of what waits is still written when the disk is full."""
RATE_S = 2.0
"""From so much of a take on it is known how fast it grows."""


class Take(threading.Thread):
    """One take, from its begin to its last file."""

    def __init__(
        self,
        config: Config,
        timing: ClockFile,
        timecode: TimecodeClock,
        slate: str,
        number: int,
        space: Callable[[Path], int] = free_bytes,
        memory: Memory | None = None,
        from_ns: int = 0,
        video: Callable[[], Mapping[str, str]] = dict,
        pictures_due: Callable[[], bool] = bool,
    ) -> None:
        """Begins; returns at once.

        Args:
            config: The stage.
            timing: Its clock.
            timecode: Its timecode; read here and in `end`, never in the thread.
            slate: As the operator says it.
            number: The wanted number; 0 is the next one of the slate.
            space: Returns the bytes that a folder has free; -1 when that is unknown.
            memory: Where messages wait; None is one of its own.
            from_ns: Stage time from which everything is in it, before its begin with a pre-roll; 0 is its begin.
            video: Says how its pictures are recorded; asked by its thread when it begins.
            pictures_due: Whether pictures are being encoded; at the end its thread waits for them, `TAIL_S` at most.
        """
        super().__init__(name="take", daemon=True)
        self.phase = "opening"
        self.slate = slate
        self.number = number
        """The take's own from "recording" on."""
        self.name = ""
        """From "recording" on."""
        self.began_ns = timing.clock.now_ns()
        self.from_ns = from_ns or self.began_ns
        self.ended_ns = 0
        """When it was asked to end; 0 before."""
        self.files: list[Path] = []
        """The take file, then the faces' tables."""
        self.fault = ""
        """What went wrong, and what to do."""
        self.records = 0
        """Messages of the bus that were written; pictures do not count here."""
        self.frames = 0
        """Pictures that were written."""
        self.marks = 0
        self.bytes_per_s = 0.0
        """How fast its file grows; 0 while that is not known."""
        self.timecode = _text(timecode, self.began_ns)
        """At the begin; at the end once that has come."""
        self.memory = memory or Memory(config.record.memory_mb << 20)
        self.queue = TakeQueue()
        """What it is to write."""
        self._config, self._timing, self._timecode = config, timing, timecode
        self._folder = Path(config.record.folder)
        self._space = space
        self._video, self._pictures_due = video, pictures_due
        self._unsaved: Counter[str] = Counter()
        """What was written into chunks that never came into the file: pictures by camera, records under ""."""
        self._missed = 0
        self._end = threading.Event()
        self._head_bytes = 0
        self._full = False
        self.start()

    @property
    def lost(self) -> int:
        """Messages that could not be written."""
        return self.queue.lost + self._missed + self._unsaved[""]

    @property
    def dropped(self) -> Counter[str]:
        """Pictures that could not be written, by camera."""
        dropped = self.queue.dropped + self._unsaved
        del dropped[""]
        return dropped

    @property
    def dropped_frames(self) -> int:
        """Pictures that could not be written."""
        return sum(self.dropped.values())

    def put(self, message: Message) -> None:
        """Hands over a message that is in no pre-roll; never waits."""
        if self.phase in ("opening", "recording"):
            self.memory.put(Entry.of(message, self._timing.clock.now_ns()), self.queue, pre_roll=False)
        else:
            self.lose(1)

    def lose(self, count: int) -> None:
        """Counts messages that never came."""
        self._missed += count

    def end(self) -> None:
        """Asks it to write what waits and to end; returns at once."""
        if not self._end.is_set():
            self.ended_ns = self._timing.clock.now_ns()
            self.timecode = _text(self._timecode, self.ended_ns) or self.timecode
            self._end.set()

    @property
    def facts(self) -> dict[str, str]:
        """What a reply says of the take."""
        return reply_facts(self)

    def run(self) -> None:
        """Be the take, in its own thread."""
        try:
            scribe = self._open()
            try:
                self.phase = "recording"
                self._record(scribe)
            finally:
                self.phase = "closing"
                self._close(scribe)
        except (RecordError, ProtocolError) as error:
            self.fault = self.fault or str(error)
        except OSError as error:
            self.fault = self.fault or f"{self.name or self._folder}: {error.strerror or error}"
        except BaseException as error:  # a defect of ours, which must not look like a good end
            self.fault = self.fault or f"{self.name or self._folder}: {error!r}"
            raise
        finally:
            self.memory.forget(self.queue)
            self.phase = "done"

    def _open(self) -> Scribe:
        check_space(self._space(self._folder), self._folder)
        self.number, writer = create_take(self._folder, self.slate, self.number, library())
        self.files, self.name = [writer.path], writer.path.stem
        tables = FaceTables(writer.path, self._config.timecode, self._timing.epoch_ns)
        scribe = Scribe(writer, tables, transforms=self._config.record.transforms)
        try:
            writer.note("take", begin_facts(self, self._config.stage.name, self._timecode))
            writer.note("clock", clock_facts(self._timing))
            writer.note("software", software())
            if video := self._video():
                writer.note("video", video)
            scribe.attach(attached_files(self._config), self.began_ns)
            scribe.sync()
            self._reserve = Reserve(writer.path)
        except (TakeError, OSError):
            writer.close()
            raise
        self._head_bytes = writer.bytes_written
        return scribe

    def _record(self, scribe: Scribe) -> None:
        synced_s, looked_s = 0.0, time.monotonic()  # the pre-roll goes to the disk at once
        ending = False
        while not ending:
            ending = self._end.wait(PERIOD_S)
            if ending:
                self._await_pictures()
            while self._has_room(scribe.writer) and self._write_batch(scribe):
                pass
            if self._full:
                for _ in range(LAST_BATCHES):  # into the room that was kept
                    self._write_batch(scribe)
                self.fault = f"{self._folder}: the disk is full, so {_ended_well(self.name)}"
                return
            now_s = time.monotonic()
            if now_s - synced_s >= SYNC_S:
                scribe.sync()
                self._measure(scribe)
                synced_s = now_s
            if now_s - looked_s >= SPACE_S:
                looked_s = now_s
                if not scribe.writer.is_there:
                    return  # closing it tells
                if 0 <= self._space(self._folder) < MIN_FREE_BYTES:
                    less = f"less than {MIN_FREE_BYTES / 1e6:.0f} MB free"
                    self.fault = f"{self._folder} has {less}, so {_ended_well(self.name)}"
                    return

    def _await_pictures(self) -> None:
        deadline_s = time.monotonic() + TAIL_S
        while self._pictures_due() and time.monotonic() < deadline_s:
            time.sleep(_DUE_S)

    def _write_batch(self, scribe: Scribe) -> bool:
        """Write what waits, about `BATCH_BYTES` of it; False when nothing does."""
        batch = self.memory.take_out(self.queue)
        written = 0
        try:
            for entry in batch:
                scribe.write(entry)
                written += 1
        except TakeError:
            self.queue.count(batch[written:])
            raise
        finally:
            self.memory.written(batch)
            self._tell(scribe)
        return len(batch) > 0

    def _has_room(self, writer: TakeWriter) -> bool:
        size = writer.bytes_written
        self._full = not self._reserve.reaches(size + size // 64 + BATCH_BYTES + END_BYTES)
        return not self._full

    def _tell(self, scribe: Scribe) -> None:
        self.records, self.frames = scribe.records, sum(scribe.frames.values())
        self.files = scribe.files
        self.fault = self.fault or scribe.fault

    def _measure(self, scribe: Scribe) -> None:
        seconds = (self._timing.clock.now_ns() - self.from_ns) / 1e9
        if seconds >= RATE_S:
            self.bytes_per_s = (scribe.writer.bytes_written - self._head_bytes) / seconds

    def _close(self, scribe: Scribe) -> None:
        """Write the end of the file; a file that could not be written on stays as it is, unfinished."""
        writer = scribe.writer
        if not writer.is_there:
            self.fault = self.fault or (
                f"{writer.path} was moved or deleted while it was recorded, so the take was ended: it is whole up to "
                "here where it was moved, else lost"
            )
        self.memory.forget(self.queue)
        try:
            scribe.sync()
            scribe.attach(profiles(self._config), self._timing.clock.now_ns())
            writer.finish(end_facts(self, scribe.frames, self.ended_ns or self._timing.clock.now_ns()))
        finally:
            writer.close()
            if writer.safe_records < writer.records:
                self._unsaved = scribe.unsaved()
            self._reserve.close()
            scribe.close_tables()
            self._tell(scribe)


def _ended_well(name: str) -> str:
    return f"take {name} was ended, it is whole up to here; free some space, or set record.folder to another disk"


def _text(timecode: TimecodeClock, time_ns: int) -> str:
    moment = timecode.at(time_ns)
    return "" if moment is None else moment.text
