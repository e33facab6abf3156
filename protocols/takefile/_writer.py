"""Writes a take file; see `protocols.takefile`."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
from mcap.writer import CompressionType, IndexType, Writer

from protocols.codec import RECORD_TYPES
from protocols.errors import TakeError
from protocols.takefile._format import CHECKSUM, CHUNK_BYTES, MESSAGE_ENCODING, PROFILE, checksum, schema_name

_NEVER = 1 << 62
"""Chunk size that the library never reaches: chunks are closed here, so that a failed one can be taken back."""
_UINT32 = 0xFFFFFFFF


class _File:
    """What the library writes to: a file without a buffer, so that what is written is out of this process."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._size = 0

    def write(self, data: bytes) -> int:
        view = memoryview(data)
        while len(view) > 0:
            view = view[os.write(self.descriptor, view) :]
        self._size += len(data)
        return len(data)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        """Nothing is kept back."""

    def cut(self, size: int) -> None:
        os.ftruncate(self.descriptor, size)
        os.lseek(self.descriptor, size, os.SEEK_SET)
        self._size = size


class TakeWriter:
    """One take file while it is written. One thread owns it."""

    def __init__(self, path: Path, library: str = "stage") -> None:
        """Makes the file and locks it against those who look for unfinished takes.

        Args:
            path: A file that must not be there yet.
            library: Name and version of the program, for the header.

        Raises:
            FileExistsError: There is such a file; it is not touched.
            TakeError: The file cannot be made.
        """
        self.path = path
        self.records = 0
        """Messages in closed chunks and in the open one."""
        self.safe_records = 0
        """Messages in closed chunks."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            self._file = _File(os.open(path, flags, 0o644))
        except FileExistsError:
            raise
        except OSError as error:
            raise TakeError(f"{path}: {error.strerror}; a take cannot be written there") from error
        self._channels: dict[tuple[str, str], int] = {}
        self._schemas: dict[str, int] = {}
        self._open_bytes = 0
        self._fault = ""
        self._mcap = Writer(
            self._file,  # type: ignore[arg-type]  # all the library asks for: write, tell, flush
            chunk_size=_NEVER,
            compression=CompressionType.ZSTD,
            index_types=IndexType.ALL,
            enable_crcs=True,
            enable_data_crcs=True,
        )
        with suppress(OSError):  # some network disks know no locks
            fcntl.flock(self._file.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with suppress(OSError):  # some cannot sync a folder
            _sync_folder(path.parent)
        try:
            self._mcap.start(PROFILE, library)
        except OSError as error:
            os.close(self._file.descriptor)
            path.unlink(missing_ok=True)
            raise TakeError(f"{path}: {error.strerror}; a take cannot be written there") from error

    @property
    def bytes_written(self) -> int:
        """Size of the file; the open chunk is not in it yet."""
        return self._file.tell()

    @property
    def is_there(self) -> bool:
        """Whether the file still has its name: a deleted one takes all that is written, and keeps nothing of it."""
        try:
            return os.path.samestat(os.fstat(self._file.descriptor), os.stat(self.path))
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:  # a disk that does not answer now; writing will tell
            return True

    @property
    def topics(self) -> frozenset[str]:
        """Topics of which there are messages."""
        return frozenset(topic for topic, _ in self._channels)

    def note(self, name: str, facts: Mapping[str, str]) -> None:
        """Writes facts as a metadata record, in front of the open chunk.

        Raises:
            TakeError: It cannot be written.
        """
        text = {**facts, CHECKSUM: checksum(facts)}
        self._whole(lambda: self._mcap.add_metadata(name, text))

    def attach(self, name: str, data: bytes, media_type: str, at_ns: int) -> None:
        """Writes a file into the file, in front of the open chunk.

        Raises:
            TakeError: It cannot be written.
        """
        self._whole(lambda: self._mcap.add_attachment(at_ns, at_ns, name, media_type, data))

    def write(self, topic: str, kind: str, data: bytes, log_ns: int, received_ns: int, sequence: int = 0) -> None:
        """Adds a message to the open chunk, and closes that when it is full.

        Args:
            topic: Topic of the bus.
            kind: Name of the record class.
            data: The message as it came over the bus.
            log_ns: Stage time of what it tells; below 0 counts as 0.
            received_ns: Stage time at which it was received, likewise.
            sequence: Its number in its topic.

        Raises:
            TakeError: A full chunk cannot be written.
        """
        channel = self._channels.get((topic, kind)) or self._new_channel(topic, kind)
        self._mcap.add_message(channel, max(0, log_ns), data, max(0, received_ns), sequence & _UINT32)
        self.records += 1
        self._open_bytes += len(data)
        if self._open_bytes >= CHUNK_BYTES:
            self.close_chunk()

    def close_chunk(self) -> None:
        """Hands the open chunk to the system: from here on it survives the death of this process.

        Raises:
            TakeError: It cannot be written.
        """
        if self._open_bytes > 0:
            self._whole(self._mcap.flush)
            self._open_bytes = 0
            self.safe_records = self.records

    def sync(self) -> None:
        """Closes the chunk and waits until all of it is on the disk.

        Raises:
            TakeError: It cannot be written.
        """
        self.close_chunk()
        try:
            os.fdatasync(self._file.descriptor)
        except OSError as error:
            raise self._failure(error) from error

    def finish(self, facts: Mapping[str, str]) -> None:
        """Writes the end of the file, syncs and closes it.

        Args:
            facts: How the take ended, the metadata record "end".

        Raises:
            TakeError: It cannot be written; the file is closed as an unfinished take, whole up to its last chunk.
        """
        try:
            self.close_chunk()
            self.note("end", facts)
            self._whole(self._mcap.finish)
            self.sync()
        finally:
            self.close()

    def close(self) -> None:
        """Closes the file as it is; without `finish` it is an unfinished take."""
        if self._file.descriptor >= 0:
            os.close(self._file.descriptor)
            self._file.descriptor = -1

    def _new_channel(self, topic: str, kind: str) -> int:
        if kind not in self._schemas:
            schema = _described(kind)
            self._schemas[kind] = self._mcap.register_schema(schema_name(kind), "jsonschema" if schema else "", schema)
        channel = self._mcap.register_channel(topic, MESSAGE_ENCODING, self._schemas[kind])
        self._channels[topic, kind] = channel
        return channel

    def _whole(self, write: Callable[[], None]) -> None:
        """Lets the library write something wholly or not at all: what a full disk has cut is taken back.

        After a failure nothing more is written: the library's books no longer fit the file.
        """
        if self._fault:
            raise TakeError(self._fault)
        size = self._file.tell()
        try:
            write()
        except OSError as error:
            with suppress(OSError):  # then the reader finds where the last whole part ends
                self._file.cut(size)
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> TakeError:
        self._fault = f"{self.path}: {error.strerror}; the take ends there, what was written before is whole"
        return TakeError(self._fault)


def _described(kind: str) -> bytes:
    """JSON Schema of a bus message with such a record, so that the file explains itself; b"" for unknown classes."""
    record = next((record for record in RECORD_TYPES if record.__name__ == kind), None)
    if record is None:
        return b""
    (schema,), components = msgspec.json.schema_components([record])
    prefix = [{"title": name, "type": "integer"} for name in ("schema version", "start", "sequence", "sent_ns")]
    return msgspec.json.encode({"type": "array", "prefixItems": [*prefix, schema], "$defs": components})


def _sync_folder(folder: Path) -> None:
    """A new file is only safe from a power cut when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
