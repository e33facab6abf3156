from __future__ import annotations

import errno
import os
import random
import struct
import zlib
from collections.abc import Container
from io import BufferedReader, FileIO
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.opcode import Opcode
from mcap.reader import NonSeekingReader, make_reader

from protocols.codec import encode
from protocols.errors import EncodeError, TakeError
from protocols.messages import Event
from protocols.takefile import MAX_MESSAGE_BYTES, VIDEO, TakeReader, TakeRecord, TakeWriter
from protocols.takefile._chunk import Unfolded
from protocols.takefile._parts import Part, chunk_in
from tests.shared_data import shared_data

START_NS = 1_700_000_000_000_000_000


def put(writer: TakeWriter, item: TakeRecord, number: int) -> None:
    if item.topic.startswith(VIDEO):
        writer.write_foreign(
            item.topic, item.kind, "protobuf", b"descriptor", "protobuf", item.data, item.log_ns, item.received_ns
        )
    else:
        writer.write(item.topic, item.kind, item.data, item.log_ns, item.received_ns, number)


def item(topic: str, log_ns: int, received_ns: int, size: int = 20) -> TakeRecord:
    if topic.startswith(VIDEO):
        return TakeRecord(topic, "foxglove.CompressedVideo", bytes(size), START_NS + log_ns, START_NS + received_ns)
    data = encode(Event("solve", START_NS + log_ns, "info", "x" * size), received_ns, START_NS)
    return TakeRecord(topic, "Event", data, START_NS + log_ns, START_NS + received_ns)


def take_of(path: Path, items: list[TakeRecord], closed_after: set[int], *, finish: bool = True) -> TakeReader:
    path.unlink(missing_ok=True)
    writer = TakeWriter(path)
    writer.note("take", {"name": "a"})
    writer.attach("profile", b"first", "text/plain", START_NS)
    for number, entry in enumerate(items):
        put(writer, entry, number)
        if number in closed_after:
            writer.close_chunk()
    if finish:
        writer.attach("profile", b"last", "text/plain", START_NS)
        writer.finish({})
    else:
        writer.close_chunk()
        writer.close()
    return TakeReader(path)


TOPICS = ["performance.anna", "landmarks.left", "video.left", "video.right"]
# What was captured when need not rise with what was received when; some are received at once.
received = st.lists(
    st.tuples(st.sampled_from(TOPICS), st.integers(0, 40), st.integers(0, 1), st.booleans()), max_size=40
)


@settings(max_examples=60)
@given(received, st.booleans(), st.sampled_from([(), ("perf",), ("video.",), ("landmarks.", "video.right")]), st.data())
def test_a_range_of_topics_is_what_a_filter_over_everything_gives(
    tmp_path_factory: pytest.TempPathFactory,
    of: list[tuple[str, int, int, bool]],
    finish: bool,
    topics: tuple[str, ...],
    data: st.DataObject,
) -> None:
    received_ns = accumulate(after_ns for _, _, after_ns, _ in of)
    items = [item(topic, log_ns, at_ns) for (topic, log_ns, _, _), at_ns in zip(of, received_ns, strict=True)]
    path = tmp_path_factory.getbasetemp() / "range.mcap"
    take = take_of(path, items, {number for number, (*_, close) in enumerate(of) if close}, finish=finish)
    begin_ns, end_ns = (START_NS + data.draw(st.integers(-1, 42)) for _ in range(2))
    wanted = [one for one in items if not topics or one.topic.startswith(topics)]
    assert list(take.records()) == items
    assert list(take.records(*topics)) == wanted
    assert list(take.records(*topics, begin_ns=begin_ns, end_ns=end_ns)) == [
        one for one in wanted if begin_ns <= one.log_ns < end_ns
    ]
    assert take.counts == {topic: n for topic in TOPICS if (n := sum(one.topic == topic for one in items))}
    times = [one.log_ns for one in items]
    assert take.span_ns == ((min(times), max(times)) if times else (0, 0))
    assert take.attachments == {"profile": b"last" if finish else b"first"} and take.indexed == finish
    assert [list(TakeReader(path, salvage=True).records(*topics))] == [wanted]


def test_only_chunks_that_hold_what_is_wanted_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [item(TOPICS[n % 4], n, n) for n in range(400)]
    take = take_of(tmp_path / "a.mcap", items, set(range(39, 400, 40)))
    chunks: list[int] = []

    def counted(path: Path, part: Part, wanted: Container[int] | None = None) -> Unfolded:
        chunks.append(1)
        return chunk_in(path, part, wanted)

    monkeypatch.setattr("protocols.takefile._index.chunk_in", counted)

    def read(*topics: str, **span: int) -> int:
        chunks.clear()
        list(take.records(*topics, **span))
        return len(chunks)

    assert read("") == 10 * 3  # every topic begins so
    assert read("performance.") == 10
    assert read("video.left") == 10
    assert read("performance.", begin_ns=START_NS + 200, end_ns=START_NS + 210) == 1
    assert read("nothing.") == 0


def test_video_lies_in_chunks_of_its_own_as_it_came(tmp_path: Path) -> None:
    items = [item(TOPICS[n % 4], n, n, size=1000) for n in range(40)]
    take_of(tmp_path / "a.mcap", items, set())
    with (tmp_path / "a.mcap").open("rb") as file:
        summary = make_reader(file).get_summary()
        assert summary is not None
        topics = {channel.id: channel.topic for channel in summary.channels.values()}
        lanes = [
            ({topics[one].partition(".")[0] for one in chunk.message_index_offsets}, chunk.compression)
            for chunk in summary.chunk_indexes
        ]
    assert lanes == [({"performance", "landmarks"}, "zstd"), ({"video"}, ""), ({"video"}, "")]


def test_the_table_of_contents_at_the_end_is_right(tmp_path: Path) -> None:
    take_of(tmp_path / "a.mcap", [item(TOPICS[n % 4], n, n) for n in range(40)], {9, 19})
    whole = (tmp_path / "a.mcap").read_bytes()
    at = struct.unpack_from("<QQ", whole, len(whole) - 28)[1]
    groups = set()
    while whole[at] == Opcode.SUMMARY_OFFSET:
        opcode, start, length = struct.unpack_from("<BQQ", whole, at + 9)
        groups.add(opcode)
        end = start + length
        while start < end:
            assert whole[start] == opcode
            start += 9 + struct.unpack_from("<Q", whole, start + 1)[0]
        assert start == end
        at += 9 + 17
    assert groups == {3, 4, 8, 10, 11, 13} and whole[at] == Opcode.FOOTER


def test_plain_readers_read_takes_with_video(tmp_path: Path) -> None:
    items = [item(TOPICS[n % 4], 1000 - n if n % 7 else n, n) for n in range(100)]
    take_of(tmp_path / "a.mcap", items, {30, 31, 77})
    with (tmp_path / "a.mcap").open("rb") as file:
        seeking = list(make_reader(file, validate_crcs=True).iter_messages())
        file.seek(0)
        streamed = list(NonSeekingReader(file, validate_crcs=True).iter_messages())
    for read in (seeking, streamed):
        expected = sorted((one.log_ns, one.received_ns, one.topic, one.data) for one in items)
        assert sorted((m.log_time, m.publish_time, channel.topic, m.data) for _, channel, m in read) == expected
    assert {schema.name for schema, _, _ in seeking if schema} == {"foxglove.CompressedVideo", "stage.Event.v3"}


def test_a_message_that_no_reader_would_take_is_refused(tmp_path: Path) -> None:
    writer = TakeWriter(tmp_path / "a.mcap")
    with pytest.raises(EncodeError, match="too large"):
        writer.write("a", "Event", bytes(MAX_MESSAGE_BYTES + 1), 1, 1)
    writer.finish({})
    assert list(TakeReader(tmp_path / "a.mcap").records()) == []


@pytest.mark.parametrize("name", ["mcap/talker.mcap", "mcap/wbag_0.mcap"])
def test_ranges_of_files_of_other_writers(name: str) -> None:
    take = TakeReader(shared_data(name))
    everything = list(take.records())
    assert take.counts == {topic: sum(one.topic == topic for one in everything) for topic in take.counts}
    begin_ns, end_ns = take.span_ns
    assert (begin_ns, end_ns) == (min(one.log_ns for one in everything), max(one.log_ns for one in everything))
    for topic in take.counts:
        middle = (begin_ns + end_ns) // 2
        assert list(take.records(topic, begin_ns=middle)) == [
            one for one in everything if one.topic.startswith(topic) and one.log_ns >= middle
        ]


def test_an_index_that_lies_is_told(tmp_path: Path) -> None:
    """Made with a right checksum: by somebody who wants to deceive, or by a writer with a fault."""
    items = [item(TOPICS[n % 2], n, n) for n in range(100)]
    take_of(tmp_path / "a.mcap", items, set(range(9, 100, 10)))
    whole = (tmp_path / "a.mcap").read_bytes()
    first, count = index_of_chunks(whole)
    rng = random.Random(1)
    for _ in range(300):
        data = bytearray(whole)
        data[first + rng.randrange(count)] ^= 1 << rng.randrange(8)
        summary_at, _, _ = struct.unpack_from("<QQI", data, len(data) - 28)
        struct.pack_into("<I", data, len(data) - 12, zlib.crc32(data[summary_at:-12]))
        (tmp_path / "b.mcap").write_bytes(data)
        try:
            read = list(TakeReader(tmp_path / "b.mcap").records("performance."))
        except TakeError:
            continue
        assert read == [one for one in items if one.topic.startswith("performance.")]


def index_of_chunks(whole: bytes) -> tuple[int, int]:
    """First byte and length of the lines of the index of chunks."""
    summary_at, offsets_at = struct.unpack_from("<QQ", whole, len(whole) - 28)
    lines = []
    while summary_at < offsets_at:
        opcode, length = struct.unpack_from("<BQ", whole, summary_at)
        if opcode == Opcode.CHUNK_INDEX:
            lines.append((summary_at, 9 + length))
        summary_at += 9 + length
    assert len(lines) == 10
    return lines[0][0], sum(length for _, length in lines)


@pytest.mark.parametrize("topics", [(), ("performance.",)])
def test_a_disk_that_fails_is_a_takes_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, topics: tuple[str, ...]
) -> None:
    take = take_of(tmp_path / "a.mcap", [item(TOPICS[n % 4], n, n) for n in range(40)], set(range(0, 40, 10)))

    class Failing(FileIO):
        def readinto(self, _buffer: object) -> int:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Path, "open", lambda path, _mode: BufferedReader(Failing(str(path))))
    with pytest.raises(TakeError, match="Input/output error"):
        list(take.records(*topics))
    with pytest.raises(TakeError, match="Input/output error"):
        TakeReader(take.path)
