"""The end of a finished take file: what is in it and where, so that nobody has to read all of it."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, BinaryIO

import numpy as np
from mcap.opcode import Opcode
from mcap.records import (
    Attachment,
    AttachmentIndex,
    Channel,
    ChunkIndex,
    Footer,
    MetadataIndex,
    Schema,
    Statistics,
    SummaryOffset,
)

from protocols.takefile._chunk import packed, stream
from protocols.takefile._chunk_table import ChunkTable, chunk_table
from protocols.takefile._format import COMPLAINTS, FOOTER, HEAD, MAGIC

_LIMIT_BYTES = 256 << 20
"""Two days of four cameras; a larger index is damage."""
_END_BYTES = HEAD.size + 4


@dataclass
class Summary:
    """What the end of a file says."""

    schemas: dict[int, Schema] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    statistics: Statistics = field(default_factory=lambda: Statistics(0, 0, {}, 0, 0, 0, 0, 0, 0))
    chunks: bytearray = field(default_factory=bytearray)
    """The lines of the index of chunks, one behind the other as they stand in the file."""
    attachments: list[AttachmentIndex] = field(default_factory=list)
    metadata: list[MetadataIndex] = field(default_factory=list)
    begins: int = 0
    """Where it stands in the file; the data end there."""

    def add_metadata(self, name: str, position: int, length: int) -> None:
        """A metadata record has been written."""
        self.metadata.append(MetadataIndex(offset=position, length=length, name=name))

    def add_attachment(self, attachment: Attachment, position: int, length: int) -> None:
        """An attachment has been written."""
        self.attachments.append(
            AttachmentIndex(
                offset=position,
                length=length,
                log_time=attachment.log_time,
                create_time=attachment.create_time,
                data_size=len(attachment.data),
                name=attachment.name,
                media_type=attachment.media_type,
            )
        )

    def add_chunk(self, entry: ChunkIndex, counts: Mapping[int, int]) -> None:
        """A chunk has been written."""
        self.chunks += packed(entry)
        known, first = self.statistics, self.statistics.chunk_count == 0
        known.chunk_count += 1
        known.message_count += sum(counts.values())
        begin_ns = entry.message_start_time
        known.message_start_time = begin_ns if first else min(known.message_start_time, begin_ns)
        known.message_end_time = max(known.message_end_time, entry.message_end_time)
        for channel, count in counts.items():
            known.channel_message_counts[channel] = known.channel_message_counts.get(channel, 0) + count

    def written(self, position: int) -> bytes:
        """The end of the file from its summary on, without the last magic.

        Args:
            position: Where in the file it will stand.
        """
        self.statistics.schema_count, self.statistics.channel_count = len(self.schemas), len(self.channels)
        self.statistics.attachment_count, self.statistics.metadata_count = len(self.attachments), len(self.metadata)
        groups = [
            (Opcode.SCHEMA, _packed_all(self.schemas.values())),
            (Opcode.CHANNEL, _packed_all(self.channels.values())),
            (Opcode.STATISTICS, packed(self.statistics)),
            (Opcode.CHUNK_INDEX, bytes(self.chunks)),
            (Opcode.ATTACHMENT_INDEX, _packed_all(self.attachments)),
            (Opcode.METADATA_INDEX, _packed_all(self.metadata)),
        ]
        summary, offsets = bytearray(), bytearray()
        for opcode, group in groups:
            if group:
                offsets += packed(
                    SummaryOffset(group_opcode=opcode, group_start=position + len(summary), group_length=len(group))
                )
            summary += group
        offsets_at = position + len(summary)
        summary += offsets
        footer = packed(Footer(summary_start=position, summary_offset_start=offsets_at, summary_crc=0))
        crc = zlib.crc32(footer[:-4], zlib.crc32(summary))
        return bytes(summary) + footer[:-4] + struct.pack("<I", crc)

    @property
    def span_ns(self) -> tuple[int, int]:
        """Least and greatest time of all messages; (0, 0) without any."""
        return self.statistics.message_start_time, self.statistics.message_end_time

    @property
    def counts(self) -> dict[str, int]:
        """Messages by topic.

        Raises:
            ValueError: It counts messages of a channel that it does not know.
        """
        counts: dict[str, int] = {}
        for channel, count in self.statistics.channel_message_counts.items():
            if channel not in self.channels:
                raise ValueError(f"messages of the unknown channel {channel}")
            if count:
                topic = self.channels[channel].topic
                counts[topic] = counts.get(topic, 0) + count
        return dict(sorted(counts.items()))

    @cached_property
    def table(self) -> ChunkTable:
        """The index of chunks; an hour has tens of thousands.

        Raises:
            ValueError, struct.error: It is none.
        """
        return chunk_table(bytes(self.chunks))

    def is_complete(self, first: int) -> bool:
        """Whether it accounts for every byte of the data; the summaries of others may leave something out.

        Args:
            first: Where the data begin in the file, behind the header.

        Raises:
            ValueError, struct.error: Its index of chunks is none.
        """
        others = [(item.offset, item.offset + item.length) for item in (*self.attachments, *self.metadata)]
        places = np.concatenate([self.table.covers, np.array(others, np.uint64).reshape(-1, 2)])
        places = places[np.argsort(places[:, 0], kind="stable")]
        begins = np.append(places[:, 0], np.uint64(self.begins - _END_BYTES))
        ends = np.insert(places[:, 1], 0, np.uint64(first))
        return np.array_equal(begins, ends)


def read_summary(file: BinaryIO) -> Summary | None:
    """The summary of a finished file; None when it has none that is protected by a checksum.

    Raises:
        ValueError: It is damaged.
        OSError: It cannot be read.
    """
    size = file.seek(0, os.SEEK_END)
    ending = size - FOOTER.size
    file.seek(ending)
    footer = file.read(FOOTER.size)
    _, _, begins, offsets, crc, _ = FOOTER.unpack(footer)
    if begins == 0 or crc == 0:
        return None
    if not len(MAGIC) + _END_BYTES <= begins <= ending or ending - begins > _LIMIT_BYTES:
        raise ValueError(f"it would begin at byte {begins} of {size}")
    file.seek(begins)
    content = file.read(ending - begins)
    if crc != zlib.crc32(footer[: -len(MAGIC) - 4], zlib.crc32(content)):
        raise ValueError("its checksum does not match")
    try:
        summary = _parsed(content, begins, offsets)
    except COMPLAINTS as error:
        raise ValueError(str(error)) from error
    summary.begins = begins
    file.seek(begins - _END_BYTES)
    if HEAD.unpack(file.read(HEAD.size)) != (Opcode.DATA_END, 4):
        raise ValueError("the data do not end where it begins")
    return summary


def _parsed(content: bytes, begins: int, offsets: int) -> Summary:
    chunks_at, chunks_end = _place_of_chunks(content, begins, offsets)
    summary = Summary()
    summary.chunks += content[chunks_at:chunks_end]
    for opcode, line in (*_lines(content[:chunks_at]), *_lines(content[chunks_end:])):
        if opcode == Opcode.CHUNK_INDEX:  # it has no table of contents, or that is wrong
            summary.chunks += HEAD.pack(opcode, len(line)) + line
        else:
            _add(summary, opcode, stream(line))
    return summary


def _place_of_chunks(content: bytes, begins: int, offsets: int) -> tuple[int, int]:
    """Where the index of chunks begins and ends, as the table of contents says; (0, 0) without a right one."""
    if offsets <= begins:
        return 0, 0
    for opcode, line in _lines(content[offsets - begins :]):
        if opcode == Opcode.SUMMARY_OFFSET and line[0] == Opcode.CHUNK_INDEX:
            offset = SummaryOffset.read(stream(line))
            at, end = offset.group_start - begins, offset.group_start - begins + offset.group_length
            if 0 <= at < end <= offsets - begins and content[at] == Opcode.CHUNK_INDEX:
                return at, end
    return 0, 0


def _lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(content):
        opcode, length = HEAD.unpack_from(content, at)
        at += HEAD.size + length
        if at > len(content):
            raise ValueError("a line that ends behind it")
        yield opcode, content[at - length : at]


def _add(summary: Summary, opcode: int, line: Any) -> None:
    match opcode:
        case Opcode.SCHEMA:
            schema = Schema.read(line)
            summary.schemas[schema.id] = schema
        case Opcode.CHANNEL:
            channel = Channel.read(line)
            summary.channels[channel.id] = channel
        case Opcode.STATISTICS:
            summary.statistics = Statistics.read(line)
        case Opcode.ATTACHMENT_INDEX:
            summary.attachments.append(AttachmentIndex.read(line))
        case Opcode.METADATA_INDEX:
            summary.metadata.append(MetadataIndex.read(line))
        case _:
            pass


def _packed_all(records: Any) -> bytes:
    return b"".join(packed(record) for record in records)
