from __future__ import annotations

import errno
import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader

from protocols.codec import encode
from protocols.errors import TakeError
from protocols.messages import Event, Record
from protocols.takefile import CHUNK_BYTES, TakeReader, TakeRecord, TakeWriter, captured_ns, is_finished
from tests.protocols.records import records
from tests.shared_data import shared_data

FACTS = {"slate": "scéne 1", "number": "7"}
START_NS = 1_700_000_000_000_000_000


def entry(number: int, topic: str = "event.solve", size: int = 100) -> TakeRecord:
    record = Event("solve", START_NS + number, "info", "x" * size)
    return TakeRecord(
        topic, "Event", encode(record, number, START_NS + number), START_NS + number, START_NS + 2 * number
    )


def written(path: Path, entries: list[TakeRecord], *, chunk: int = 5, finish: bool = True) -> list[TakeRecord]:
    writer = TakeWriter(path)
    writer.note("take", FACTS)
    writer.attach("config.json", b'{"stage": 1}', "application/json", START_NS)
    for number, item in enumerate(entries):
        writer.write(item.topic, item.kind, item.data, item.log_ns, item.received_ns, number)
        if number % chunk == chunk - 1:
            writer.close_chunk()
    if finish:
        writer.finish({"records": str(len(entries))})
    else:
        writer.close()
    return entries


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(["a.b", "face.änna", "x"]), records()), max_size=12), st.booleans())
def test_what_is_written_is_read_byte_for_byte_in_the_same_order(of: list[tuple[str, Record]], finish: bool) -> None:
    entries = []
    for number, (topic, record) in enumerate(of):
        log_ns = captured_ns(record, START_NS)
        entries.append(
            TakeRecord(topic, type(record).__name__, encode(record, number, START_NS), log_ns, START_NS + number)
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "take.mcap"
        written(path, entries, chunk=1, finish=finish)
        take = TakeReader(path)
        assert list(take.records()) == entries
        assert take.finished == finish == is_finished(path)
        assert take.unread_bytes == 0
        assert take.facts["take"] == FACTS and ("end" in take.facts) == finish
        assert take.attachments == {"config.json": b'{"stage": 1}'}
        for read, (_, record) in zip(take.records(), of, strict=True):
            assert read.decoded().record == record


def test_the_time_of_a_record_is_that_of_its_capture() -> None:
    assert captured_ns(Event("a", 5, "info", ""), 9) == 5
    assert captured_ns(Event("a", -5, "info", ""), 9) == 9
    assert captured_ns(Event("a", 0, "info", ""), -9) == 0


def test_a_plain_mcap_reader_opens_it(tmp_path: Path) -> None:
    entries = written(tmp_path / "a.mcap", [entry(n, f"event.{n % 3}") for n in range(23)])
    with (tmp_path / "a.mcap").open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        assert reader.get_header().profile == "stage"
        read = list(reader.iter_messages())
        assert [message.data for _, _, message in read] == [item.data for item in entries]
        assert [message.log_time for _, _, message in read] == [item.log_ns for item in entries]
        assert {schema.name for schema, _, _ in read if schema} == {"stage.Event.v3"}
        assert {channel.message_encoding for _, channel, _ in read} == {"msgpack"}
        assert {item.name for item in reader.iter_metadata()} == {"take", "end"}
        assert [item.name for item in reader.iter_attachments()] == ["config.json"]
        summary = reader.get_summary()
        assert summary is not None and summary.statistics is not None
        assert summary.statistics.message_count == 23 and len(summary.chunk_indexes) == 5


def test_topics_are_chosen_by_their_beginning(tmp_path: Path) -> None:
    entries = written(tmp_path / "a.mcap", [entry(n, ["face.a", "face.b", "event.x"][n % 3]) for n in range(9)])
    read = list(TakeReader(tmp_path / "a.mcap").records("face.", "nothing."))
    assert read == [item for item in entries if item.topic.startswith("face.")]


def test_a_full_chunk_is_closed_at_once(tmp_path: Path) -> None:
    writer = TakeWriter(tmp_path / "a.mcap")
    before = writer.bytes_written
    item = entry(0, size=CHUNK_BYTES)
    writer.write(item.topic, item.kind, item.data, item.log_ns, item.received_ns)
    assert writer.bytes_written > before
    assert len(list(TakeReader(tmp_path / "a.mcap").records())) == 1
    writer.close()


def test_a_file_that_is_there_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "a.mcap").write_text("mine")
    with pytest.raises(FileExistsError):
        TakeWriter(tmp_path / "a.mcap")
    assert (tmp_path / "a.mcap").read_text() == "mine"
    with pytest.raises(TakeError, match="cannot be written there"):
        TakeWriter(tmp_path / "a.mcap" / "b.mcap")


@pytest.mark.parametrize("finish", [True, False])
def test_a_cut_file_is_read_up_to_its_last_whole_chunk(tmp_path: Path, finish: bool) -> None:
    entries = written(tmp_path / "a.mcap", [entry(n) for n in range(30)], finish=finish)
    whole = (tmp_path / "a.mcap").read_bytes()
    cut = tmp_path / "cut.mcap"
    lengths = []
    for size in random.Random(1).sample(range(len(whole)), 150):
        cut.write_bytes(whole[:size])
        if size < 8:
            with pytest.raises(TakeError):
                TakeReader(cut)
            continue
        take = TakeReader(cut)
        read = list(take.records())
        assert read == entries[: len(read)] and not take.finished and len(read) % 5 == 0
        lengths.append((size, len(read)))
    lengths.sort()
    assert [count for _, count in lengths] == sorted(count for _, count in lengths)
    assert {count for _, count in lengths} >= {0, 5, 25}


def test_zeros_behind_the_last_chunk_are_what_a_power_cut_leaves(tmp_path: Path) -> None:
    entries = written(tmp_path / "a.mcap", [entry(n) for n in range(30)], finish=False)
    with (tmp_path / "a.mcap").open("ab") as file:
        file.write(bytes(4096))
    take = TakeReader(tmp_path / "a.mcap")
    assert list(take.records()) == entries and take.unread_bytes == 4096


@pytest.mark.parametrize("finish", [True, False])
def test_a_flipped_bit_is_told_or_changes_nothing(tmp_path: Path, finish: bool) -> None:
    entries = written(tmp_path / "a.mcap", [entry(n, f"event.{n % 3}") for n in range(30)], finish=finish)
    whole = (tmp_path / "a.mcap").read_bytes()
    flipped = tmp_path / "flipped.mcap"
    rng = random.Random(2)
    told = 0
    for _ in range(600):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        flipped.write_bytes(damaged)
        try:
            take = TakeReader(flipped)
            read = list(take.records())
        except TakeError as error:
            assert "\n" not in str(error)
            told += 1
            continue
        assert read == entries or (take.unread_bytes > 0 and not take.finished and read == entries[: len(read)])
        if finish and take.finished:
            assert take.facts["take"] == FACTS and take.attachments == {"config.json": b'{"stage": 1}'}
    assert told > 100


def test_files_that_are_no_takes_are_refused(tmp_path: Path) -> None:
    for content in (b"", b"PNG", os.urandom(1000)):
        (tmp_path / "a.mcap").write_bytes(content)
        with pytest.raises(TakeError):
            TakeReader(tmp_path / "a.mcap")
    with pytest.raises(TakeError, match="No such file"):
        TakeReader(tmp_path / "none.mcap")


def test_a_full_disk_leaves_whole_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = TakeWriter(tmp_path / "a.mcap")
    entries = [entry(n, size=1000 + n) for n in range(60)]
    room = [writer.bytes_written + 4000]
    write = os.write

    def into_little_room(descriptor: int, data: bytes) -> int:
        if room[0] == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        size = min(len(data), room[0], 700)
        room[0] -= size
        return write(descriptor, data[:size])

    monkeypatch.setattr("protocols.takefile._disk.os.write", into_little_room)
    with pytest.raises(TakeError, match="No space left"):
        for number, item in enumerate(entries):
            writer.write(item.topic, item.kind, item.data, item.log_ns, item.received_ns, number)
            if number % 5 == 4:
                writer.sync()
    room[0] = 1 << 30  # there is space again: the take stays ended, nobody mends it unseen
    with pytest.raises(TakeError):
        writer.finish({})
    take = TakeReader(tmp_path / "a.mcap")
    read = list(take.records())
    assert len(read) >= 5 and read == entries[: len(read)] and take.unread_bytes == 0 and not take.finished


@pytest.mark.parametrize("name", ["mcap/talker.mcap", "mcap/wbag_0.mcap"])
def test_files_of_other_writers_are_read(name: str) -> None:
    path = shared_data(name)
    with path.open("rb") as file:
        theirs = [
            (channel.topic, message.data)
            for _, channel, message in make_reader(file).iter_messages(log_time_order=False)
        ]
    assert [(item.topic, item.data) for item in TakeReader(path).records()] == theirs
    assert len(theirs) > 0
