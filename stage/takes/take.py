"""A take while it is recorded, in a thread of its own: no disk, however slow, holds up who hands it messages.

    opening     makes the file, writes what stands before the first message
    recording   writes what it is handed, every `PERIOD_S`; has it on the disk every `SYNC_S`
    closing     writes the end of the file and of the tables of faces
    done        all files are closed; `fault` says what went wrong, if anything did

Everything but `run` belongs to the thread that made it. Messages wait in a queue bounded in bytes; what it cannot take
is lost, and counted.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from protocols.bus import Message
from protocols.clock import ClockFile
from protocols.errors import ProtocolError, TakeError
from protocols.messages import Record
from protocols.takefile import TakeWriter, captured_ns
from stage.config import Config
from stage.errors import RecordError
from stage.takes.about import attached_files, clock_facts, library, software
from stage.takes.face_table import FaceTables
from stage.takes.folder import MIN_FREE_BYTES, check_space, create_take, free_bytes
from stage.timecode import TimecodeClock

PERIOD_S = 0.1
SYNC_S = 0.5
SPACE_S = 1.0
QUEUE_BYTES = 64 << 20
"""Messages that may wait for a slow disk: seconds of a large stage."""


class _Waiting(NamedTuple):
    message: Message
    received_ns: int


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
    ) -> None:
        """Begins; returns at once.

        Args:
            config: The stage.
            timing: Its clock.
            timecode: Its timecode; read here and in `end`, never in the thread.
            slate: As the operator says it.
            number: The wanted number; 0 is the next one of the slate.
            space: Returns the bytes that a folder has free; -1 when that is unknown.
        """
        super().__init__(name="take", daemon=True)
        self.phase = "opening"
        self.slate = slate
        self.number = number
        """The take's own from "recording" on."""
        self.name = ""
        """From "recording" on."""
        self.began_ns = timing.clock.now_ns()
        self.files: list[Path] = []
        """The take file, then the faces' tables."""
        self.fault = ""
        """What went wrong, and what to do."""
        self.records = 0
        self.lost = 0
        """Messages that could not be written."""
        self.timecode = _text(timecode, self.began_ns)
        """At the begin; at the end once that has come."""
        self._config, self._timing, self._timecode = config, timing, timecode
        self._folder = Path(config.record.folder)
        self._space = space
        self._queue: deque[_Waiting] = deque()
        self._queued_bytes = 0
        self._queue_lock = threading.Lock()
        self._ended_ns = 0
        self._end = threading.Event()
        self._tables: FaceTables | None = None
        self.start()

    def put(self, message: Message) -> None:
        """Hands over a message; never waits."""
        received_ns = self._timing.clock.now_ns()
        with self._queue_lock:
            fits = self._queued_bytes + len(message.data) <= QUEUE_BYTES and self.phase in ("opening", "recording")
            if fits:
                self._queue.append(_Waiting(message, received_ns))
                self._queued_bytes += len(message.data)
            else:
                self.lost += 1

    def lose(self, count: int) -> None:
        """Counts messages that never came, or could not be written."""
        with self._queue_lock:
            self.lost += count

    def end(self) -> None:
        """Asks it to write what waits and to end; returns at once."""
        if not self._end.is_set():
            self._ended_ns = self._timing.clock.now_ns()
            self.timecode = _text(self._timecode, self._ended_ns) or self.timecode
            self._end.set()

    @property
    def facts(self) -> dict[str, str]:
        """What a reply says of the take."""
        paths = [str(path) for path in self.files]
        tables = [path for path in paths if path.endswith(".csv")]
        return {
            "take": self.name,
            "slate": self.slate,
            "number": str(self.number),
            "timecode": self.timecode,
            "mcap": next(iter(paths), ""),
            "csv": next(iter(tables), ""),
            "files": "\n".join(paths),
        }

    def run(self) -> None:
        """Be the take, in its own thread."""
        try:
            writer = self._open()
            try:
                self.phase = "recording"
                self._record(writer)
            finally:
                self.phase = "closing"
                self._close(writer)
        except (RecordError, ProtocolError) as error:
            self.fault = self.fault or str(error)
        except OSError as error:
            self.fault = self.fault or f"{self.name or self._folder}: {error.strerror or error}"
        except BaseException as error:  # a defect of ours, which must not look like a good end
            self.fault = self.fault or f"{self.name or self._folder}: {error!r}"
            raise
        finally:
            self.phase = "done"

    def _open(self) -> TakeWriter:
        check_space(self._space(self._folder), self._folder)
        self.number, writer = create_take(self._folder, self.slate, self.number, library())
        self.files, self.name = [writer.path], writer.path.stem
        self._tables = FaceTables(writer.path, self._config.timecode, self._timing.epoch_ns)
        try:
            writer.note("take", self._about())
            writer.note("clock", clock_facts(self._timing))
            writer.note("software", software())
            for file in attached_files(self._config):
                writer.attach(file.name, file.data, file.media_type, self.began_ns)
            writer.sync()
        except TakeError:
            writer.close()
            raise
        return writer

    def _about(self) -> dict[str, str]:
        began = datetime.fromtimestamp(self.began_ns / 1e9, UTC)
        return {
            "name": self.name,
            "slate": self.slate,
            "number": str(self.number),
            "stage": self._config.stage.name,
            "began": began.isoformat(timespec="milliseconds"),
            "began_ns": str(self.began_ns),
            "timecode": self.timecode,
            "timecode_rate": self._timecode.rate.text,
            "timecode_source": self._timecode.source,
        }

    def _record(self, writer: TakeWriter) -> None:
        synced_s = looked_s = time.monotonic()
        ending = False
        while not ending:
            ending = self._end.wait(PERIOD_S)
            self._write_waiting(writer)
            now_s = time.monotonic()
            if now_s - synced_s >= SYNC_S:
                writer.sync()
                synced_s = now_s
            if now_s - looked_s >= SPACE_S:
                looked_s = now_s
                if not writer.is_there:
                    return  # closing it tells
                if 0 <= self._space(self._folder) < MIN_FREE_BYTES:
                    self.fault = (
                        f"{self._folder} has less than {MIN_FREE_BYTES / 1e6:.0f} MB free: take {self.name} was ended, "
                        "it is whole up to here; free some space, or set record.folder to another disk"
                    )
                    return

    def _write_waiting(self, writer: TakeWriter) -> None:
        with self._queue_lock:
            waiting, self._queue = self._queue, deque()
            self._queued_bytes = 0
        for at, (message, received_ns) in enumerate(waiting):
            kind = type(message.record).__name__
            log_ns = captured_ns(message.record, message.sent_ns)
            try:
                writer.write(message.topic, kind, message.data, log_ns, received_ns, message.sequence)
            except TakeError:
                self.lose(len(waiting) - at - 1)
                raise
            self.records = writer.records
            self._tabulate(message.record, received_ns)

    def _tabulate(self, record: Record, received_ns: int) -> None:
        """A table that cannot be written is given up; the take goes on, for it has all that the table would have."""
        if self._tables is None:
            return
        try:
            self._tables.hear(record, received_ns)
            self.files = [self.files[0], *self._tables.paths]
        except RecordError as error:
            self._give_up_tables(self._tables, error)

    def _give_up_tables(self, tables: FaceTables, error: RecordError) -> None:
        tables.remove()
        self._tables, self.files, self.fault = None, self.files[:1], self.fault or str(error)

    def _close(self, writer: TakeWriter) -> None:
        """Write the end of the file; a file that could not be written on stays as it is, unfinished."""
        if not writer.is_there:
            self.fault = self.fault or (
                f"{writer.path} was moved or deleted while it was recorded, so the take was ended: it is whole up to "
                "here where it was moved, else lost"
            )
        self.lose(len(self._queue))
        ended_ns = self._ended_ns or self._timing.clock.now_ns()
        facts = {
            "ended_ns": str(ended_ns),
            "seconds": f"{(ended_ns - self.began_ns) / 1e9:.3f}",
            "timecode": self.timecode,
            "records": str(self.records),
            "lost": str(self.lost),
            "fault": self.fault,
        }
        try:
            writer.finish(facts)
        finally:
            self.lose(writer.records - writer.safe_records)
            self.records = writer.safe_records
            if self._tables is not None:
                try:
                    self._tables.close()
                except RecordError as error:
                    self._give_up_tables(self._tables, error)


def _text(timecode: TimecodeClock, time_ns: int) -> str:
    moment = timecode.at(time_ns)
    return "" if moment is None else moment.text
