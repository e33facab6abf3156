"""Writes a take down: its file, the tables of faces beside it, and the books of what went in. For the take's thread."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from protocols.foxglove import ENCODING, FRAME_TRANSFORMS, Schema
from protocols.messages import Performance, Record
from protocols.takefile import TakeWriter
from stage.errors import RecordError
from stage.takes.about import AttachedFile
from stage.takes.face_table import FaceTables
from stage.takes.memory import Entry
from stage.takes.transforms import TOPIC, Transforms

_RECORDS = ""
"""In the books, where pictures have their camera."""
_DERIVED = "\0"
"""Likewise, what follows from others."""


class Scribe:
    """One take while it is written."""

    def __init__(self, writer: TakeWriter, tables: FaceTables, *, transforms: bool) -> None:
        """Writes into an open file.

        Args:
            writer: The take file.
            tables: The tables beside it.
            transforms: Whether performances are written as coordinate frames too.
        """
        self.writer = writer
        self.fault = ""
        """Why there are no tables."""
        self.written: Counter[str] = Counter()
        """Pictures by camera, and records under ""."""
        self._open: Counter[str] = Counter()
        """Of these, what is in chunks that are not closed yet."""
        self._tables: FaceTables | None = tables
        self._transforms = Transforms() if transforms else None
        self._attached: dict[str, int] = {}

    @property
    def records(self) -> int:
        """Messages of the bus."""
        return self.written[_RECORDS]

    @property
    def frames(self) -> dict[str, int]:
        """Pictures, by camera."""
        return {key: count for key, count in self.written.items() if key not in (_RECORDS, _DERIVED)}

    @property
    def files(self) -> list[Path]:
        """The take file, then the tables."""
        return [self.writer.path, *(self._tables.paths if self._tables is not None else [])]

    def attach(self, files: Iterable[AttachedFile], at_ns: int) -> None:
        """Attaches files, but for those that are attached already as they are.

        Raises:
            TakeError: One cannot be written.
        """
        for file in files:
            digest = zlib.crc32(file.data)
            if self._attached.get(file.name) != digest:
                self.writer.attach(file.name, file.data, file.media_type, at_ns)
                self._attached[file.name] = digest

    def write(self, entry: Entry) -> None:
        """Writes a message or a picture, and what follows from it.

        Raises:
            TakeError: The file takes no more.
            EncodeError: It is too large for a take.
        """
        topic, log_ns, received_ns, number = entry.topic, entry.log_ns, entry.received_ns, entry.sequence
        if entry.foreign is None:
            self.writer.write(topic, entry.kind, entry.data, log_ns, received_ns, number)
        else:
            self._write_foreign(topic, entry.foreign, entry.data, log_ns, received_ns, number)
        self._enter(entry.camera)
        record = entry.record
        if record is None:
            return
        self._tabulate(record, received_ns)
        if self._transforms is not None and isinstance(record, Performance):
            data = self._transforms.of(record)
            if data:
                self._write_foreign(TOPIC, FRAME_TRANSFORMS, data, log_ns, received_ns, number)
                self._enter(_DERIVED)

    def sync(self) -> None:
        """Has all that was written on the disk.

        Raises:
            TakeError: It cannot be.
        """
        self.writer.close_chunk()
        if self.writer.safe_records == self.writer.records:
            self._open.clear()
        self.writer.sync()

    def unsaved(self) -> Counter[str]:
        """What was written into chunks that never came into the file, as `written`, of which it is taken off."""
        lost, self._open = self._open, Counter()
        self.written -= lost
        del lost[_DERIVED]
        return lost

    def close_tables(self) -> None:
        """Ends the tables."""
        if self._tables is not None:
            try:
                self._tables.close()
            except RecordError as error:
                self._give_up(self._tables, error)

    def _write_foreign(
        self, topic: str, schema: Schema, data: bytes, log_ns: int, received_ns: int, sequence: int
    ) -> None:
        self.writer.write_foreign(
            topic, schema.name, schema.encoding, schema.data, ENCODING, data, log_ns, received_ns, sequence
        )

    def _enter(self, key: str) -> None:
        self.written[key] += 1
        self._open[key] += 1
        if self.writer.safe_records == self.writer.records:
            self._open.clear()

    def _tabulate(self, record: Record, received_ns: int) -> None:
        """A table that cannot be written is given up; the take goes on, for it has all that the table would have."""
        if self._tables is None:
            return
        try:
            self._tables.hear(record, received_ns)
        except RecordError as error:
            self._give_up(self._tables, error)

    def _give_up(self, tables: FaceTables, error: RecordError) -> None:
        tables.remove()
        self._tables, self.fault = None, str(error)
