"""Writes a take file; see `protocols.takefile`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from mcap.records import Attachment, Channel, DataEnd, Header, Metadata, Schema

from protocols.codec import RECORD_TYPES
from protocols.errors import EncodeError
from protocols.takefile._chunk import OpenChunk, RawMessage, packed
from protocols.takefile._disk import DiskFile
from protocols.takefile._format import (
    CHECKSUM,
    CHUNK_BYTES,
    MAGIC,
    MAX_MESSAGE_BYTES,
    MESSAGE_ENCODING,
    PROFILE,
    VIDEO,
    VIDEO_CHUNK_BYTES,
    checksum,
    schema_name,
)
from protocols.takefile._summary import Summary

_UINT32 = 0xFFFFFFFF


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
        """Messages in closed chunks and in the open ones."""
        self.safe_records = 0
        """Messages in closed chunks."""
        self._file = DiskFile(path)
        self._summary = Summary()
        self._ids: dict[tuple[str, str], int] = {}
        """Channel by topic and schema."""
        self._schema_ids: dict[str, int] = {}
        self._lanes: dict[str, OpenChunk] = {}
        """The open chunks: "" for records, a topic of video for its own."""
        self._defined: dict[str, set[int]] = {}
        """Schemas that each lane has told."""
        self._last = (0, "")
        """When the last message was received, and its lane."""
        self._file.begin([MAGIC, packed(Header(PROFILE, library))])

    @property
    def bytes_written(self) -> int:
        """Size of the file; the open chunks are not in it yet."""
        return self._file.size

    @property
    def is_there(self) -> bool:
        """Whether the file still has its name: a deleted one takes all that is written, and keeps nothing of it."""
        return self._file.is_there

    @property
    def topics(self) -> frozenset[str]:
        """Topics of which there are messages."""
        return frozenset(topic for topic, _ in self._ids)

    def note(self, name: str, facts: Mapping[str, str]) -> None:
        """Writes facts as a metadata record, in front of the open chunks.

        Raises:
            TakeError: It cannot be written.
        """
        part = packed(Metadata(name=name, metadata={**facts, CHECKSUM: checksum(facts)}))
        position = self._file.size
        self._file.put([part])
        self._summary.add_metadata(name, position, len(part))

    def attach(self, name: str, data: bytes, media_type: str, at_ns: int) -> None:
        """Writes a file into the file, in front of the open chunks. The last one of a name counts.

        Raises:
            TakeError: It cannot be written.
        """
        attachment = Attachment(create_time=at_ns, log_time=at_ns, name=name, media_type=media_type, data=data)
        part, position = packed(attachment), self._file.size
        self._file.put([part])
        self._summary.add_attachment(attachment, position, len(part))

    def write(self, topic: str, kind: str, data: bytes, log_ns: int, received_ns: int, sequence: int = 0) -> None:
        """Adds a message of the bus to the open chunk, and closes that when it is full.

        Args:
            topic: Topic of the bus.
            kind: Name of the record class.
            data: The message as it came over the bus.
            log_ns: Stage time of what it tells; below 0 counts as 0.
            received_ns: Stage time at which it was received, likewise. It never falls from message to message.
            sequence: Its number in its topic.

        Raises:
            TakeError: A full chunk cannot be written.
            EncodeError: It has more than `MAX_MESSAGE_BYTES`; nothing has changed.
        """
        name = schema_name(kind)
        if (topic, name) not in self._ids and name not in self._schema_ids:
            described = _described(kind)
            self._define_schema(name, "jsonschema" if described else "", described)
        self._write(topic, name, MESSAGE_ENCODING, data, log_ns, received_ns, sequence)

    def write_foreign(
        self,
        topic: str,
        schema: str,
        schema_encoding: str,
        schema_data: bytes,
        message_encoding: str,
        data: bytes,
        log_ns: int,
        received_ns: int,
        sequence: int = 0,
    ) -> None:
        """Adds a message that is none of the bus, such as video, in the form in which others read it.

        Args:
            topic: Those that begin with "video." have chunks of their own, without compression.
            schema: Name of the schema, such as "foxglove.CompressedVideo".
            schema_encoding: Such as "protobuf".
            schema_data: The schema; that of the first message of this name counts.
            message_encoding: Such as "protobuf".
            data: The message.
            log_ns: As in `write`.
            received_ns: As in `write`.
            sequence: As in `write`.

        Raises:
            TakeError: A full chunk cannot be written.
            EncodeError: It has more than `MAX_MESSAGE_BYTES`; nothing has changed.
        """
        if schema not in self._schema_ids:
            self._define_schema(schema, schema_encoding, schema_data)
        self._write(topic, schema, message_encoding, data, log_ns, received_ns, sequence)

    def close_chunk(self) -> None:
        """Hands the open chunks to the system: from here on they survive the death of this process.

        Raises:
            TakeError: They cannot be written.
        """
        lanes, self._lanes = self._lanes, {}
        parts: list[bytes] = []
        position = self._file.size
        for lane in sorted(lanes):  # records first
            folded, entry = lanes[lane].folded(position)
            parts += folded
            position += entry.chunk_length + entry.message_index_length
            self._summary.add_chunk(entry, lanes[lane].counts)
        if parts:
            self._file.put(parts)
            self.safe_records = self.records

    def sync(self) -> None:
        """Closes the chunks and waits until all of it is on the disk.

        Raises:
            TakeError: It cannot be written.
        """
        self.close_chunk()
        self._file.sync()

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
            end = packed(DataEnd(self._file.crc))
            self._file.put([end, self._summary.written(self._file.size + len(end)), MAGIC])
            self.sync()
        finally:
            self.close()

    def close(self) -> None:
        """Closes the file as it is; without `finish` it is an unfinished take."""
        self._file.close()

    def _write(
        self, topic: str, schema: str, encoding: str, data: bytes, log_ns: int, received_ns: int, sequence: int
    ) -> None:
        if len(data) > MAX_MESSAGE_BYTES:
            raise EncodeError(f"{topic}: a message of {len(data)} bytes is too large for a take")
        lane = topic if topic.startswith(VIDEO) else ""
        if received_ns == self._last[0] and lane < self._last[1]:
            self.close_chunk()  # of those received at once a reader takes the earlier lane first
        self._last = received_ns, lane
        chunk = self._lanes.get(lane)
        if chunk is None:
            chunk = self._lanes[lane] = OpenChunk("" if lane else "zstd")
        channel_id = self._ids.get((topic, schema)) or self._new_channel(topic, schema, encoding, lane)
        chunk.add(RawMessage(channel_id, sequence & _UINT32, max(0, log_ns), max(0, received_ns), data))
        self.records += 1
        if self._is_full(lane):
            self.close_chunk()

    def _is_full(self, lane: str) -> bool:
        """All chunks are closed together, so that two of them never overlap but with their neighbours."""
        if not lane:
            return self._lanes[lane].bytes >= CHUNK_BYTES
        return sum(chunk.bytes for name, chunk in self._lanes.items() if name) >= VIDEO_CHUNK_BYTES

    def _define_schema(self, name: str, encoding: str, data: bytes) -> None:
        schema_id = self._schema_ids[name] = len(self._schema_ids) + 1
        self._summary.schemas[schema_id] = Schema(id=schema_id, data=data, encoding=encoding, name=name)

    def _new_channel(self, topic: str, schema: str, encoding: str, lane: str) -> int:
        schema_id, channel_id = self._schema_ids[schema], len(self._ids) + 1
        told = self._defined.setdefault(lane, set())
        if schema_id not in told:  # in every lane: who reads one lane alone understands it
            told.add(schema_id)
            self._lanes[lane].define(self._summary.schemas[schema_id])
        channel = Channel(id=channel_id, topic=topic, message_encoding=encoding, metadata={}, schema_id=schema_id)
        self._lanes[lane].define(channel)
        self._summary.channels[channel_id] = channel
        self._ids[topic, schema] = channel_id
        return channel_id


def _described(kind: str) -> bytes:
    """JSON Schema of a bus message with such a record, so that the file explains itself; b"" for unknown classes."""
    record = next((record for record in RECORD_TYPES if record.__name__ == kind), None)
    if record is None:
        return b""
    (schema,), components = msgspec.json.schema_components([record])
    prefix = [{"title": name, "type": "integer"} for name in ("schema version", "start", "sequence", "sent_ns")]
    return msgspec.json.encode({"type": "array", "prefixItems": [*prefix, schema], "$defs": components})
