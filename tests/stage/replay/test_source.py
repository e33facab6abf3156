"""What is read of a take: everything once, in the order of publication, from any moment on; pictures of any moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from protocols.codec import encode
from protocols.errors import TakeError
from protocols.messages import FacePerformance, Performance
from protocols.takefile import TakeReader, TakeWriter
from stage.replay.ahead import MOST_WAITING, Answer, LapEnd, Play, ReadAhead, Show
from stage.replay.item import Item, moved
from stage.replay.source import PerformanceSource, Start, Still
from tests.stage.replay.takes import ACTOR, BEGIN_NS, BODY_MS, MS, a_reply, performed, write_take

COUNT = 60
SENT = performed(COUNT)
BODIES = [one for one in SENT if isinstance(one.record, Performance)]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> PerformanceSource:
    path = tmp_path_factory.mktemp("takes") / "scene_001.mcap"
    return PerformanceSource(TakeReader(write_take(path, [*SENT, a_reply(BEGIN_NS + 500 * MS)])))


def test_everything_in_the_order_of_publication(source: PerformanceSource) -> None:
    items = list(source.play(Start(source.begin_ns), source.end_ns))
    assert [(item.due_ns, item.topic, item.record) for item in items] == [tuple(one) for one in SENT]
    assert {item.period_ns for item in items if isinstance(item.record, Performance)} >= {BODY_MS * MS}
    assert source.begin_ns == BEGIN_NS


@pytest.mark.parametrize("at_ms", [0, 1, 333, 1_000, 1_900])
def test_from_any_moment_on(source: PerformanceSource, at_ms: int) -> None:
    at_ns = BEGIN_NS + at_ms * MS
    items = list(source.play(Start(at_ns), source.end_ns))
    assert [item.record for item in items] == [one.record for one in SENT if _captured(one.record) >= at_ns]
    due_ns = SENT[40].sent_ns
    items = list(source.play(Start(0, due_ns), source.end_ns))
    assert [item.record for item in items] == [one.record for one in SENT if one.sent_ns > due_ns]


@pytest.mark.parametrize(("at", "step"), [(10, 0), (10, 1), (10, -1), (10, 25), (50, -49), (0, 0)])
def test_pictures(source: PerformanceSource, at: int, step: int) -> None:
    at_ns = _captured(BODIES[at].record) + 5 * MS
    still = source.still(at_ns, step, source.begin_ns, source.end_ns)
    assert still is not None
    body = BODIES[at + step].record
    assert still.log_ns == _captured(body)
    shown = {item.topic: item.record for item in still.items}
    assert shown[f"performance.{ACTOR}"] == body
    face = shown[f"face.{ACTOR}"]
    assert isinstance(face, FacePerformance) and 0 <= still.log_ns - face.capture_ns < 17 * MS


def test_pictures_end_where_the_take_does(source: PerformanceSource) -> None:
    last = source.still(source.end_ns, 0, source.begin_ns, source.end_ns)
    beyond = source.still(source.end_ns, 500, source.begin_ns, source.end_ns)
    first = source.still(source.begin_ns, -500, source.begin_ns, source.end_ns)
    assert last is not None and first is not None
    assert last == beyond and last.log_ns == _captured(BODIES[-1].record)
    assert first.log_ns == BEGIN_NS
    assert source.still(source.begin_ns, 0, source.end_ns - 1, source.end_ns) is None


def test_what_was_not_made_live_has_no_latency(tmp_path: Path) -> None:
    late = [one._replace(sent_ns=one.sent_ns + 3_600_000 * MS) for one in performed(3, faces=False)]
    items = list(PerformanceSource(TakeReader(write_take(tmp_path / "a.mcap", late))).play(Start(0), 1 << 62))
    assert [item.due_ns for item in items] == [item.log_ns for item in items]
    record = items[0].record
    assert isinstance(record, Performance) and record.trace.solve_end_ns == 0
    assert record.trace.capture_ns == record.capture_ns


def test_times_move_together() -> None:
    record = BODIES[3].record
    now = moved(record, 1_000)
    assert isinstance(record, Performance) and isinstance(now, Performance)
    assert now.capture_ns == record.capture_ns + 1_000
    assert now.trace.solve_end_ns - now.trace.capture_ns == record.trace.solve_end_ns - record.trace.capture_ns
    assert now.trace.sent_ns == 0, "it was not reached"
    assert (now.rotations, now.root, now.number) == (record.rotations, record.root, record.number)


def test_it_is_read_ahead_lap_after_lap_and_bounded(source: PerformanceSource) -> None:
    ahead = ReadAhead(source)
    try:
        ahead.ask(Play(Start(BEGIN_NS + 1_000 * MS), BEGIN_NS + 900 * MS, source.end_ns))
        first = list(_until_lap_end(ahead))
        again = list(_until_lap_end(ahead))
        assert first[0].log_ns >= BEGIN_NS + 1_000 * MS and again[0].log_ns >= BEGIN_NS + 900 * MS
        later = [item.record for item in again if item.log_ns >= BEGIN_NS + 1_000 * MS]
        assert [item.record for item in first] == later
        time.sleep(0.1)
        assert len(ahead._answers) <= MOST_WAITING
        ahead.ask(Show(BEGIN_NS, 2, source.begin_ns, source.end_ns))
        still = _next(ahead)
        assert isinstance(still, Still) and still.log_ns == _captured(BODIES[2].record)
        after = _next(ahead)
        assert isinstance(after, Item) and after.due_ns > max(item.due_ns for item in still.items)
        assert ahead.fault == ""
    finally:
        ahead.close()
    assert not ahead.is_alive()


def test_of_a_damaged_take_the_whole_part_is_played_and_the_rest_told(tmp_path: Path) -> None:
    path = write_take(tmp_path / "scene_001.mcap", performed(40), finish=False)
    data = bytearray(path.read_bytes())
    data[len(data) * 2 // 3] ^= 0xFF
    path.write_bytes(data)
    ahead = ReadAhead(_Unfinished(TakeReader(path)))
    try:
        ahead.ask(Play(Start(0), 0, 1 << 62))
        played = list(_until_lap_end(ahead))
        assert len(played) < 120
        assert "damaged" in ahead.fault
    finally:
        ahead.close()


class _Unfinished(PerformanceSource):
    """Whose span is not asked for: that is read too."""

    def __init__(self, take: TakeReader) -> None:
        self.take = take
        self.begin_ns, self.end_ns = 0, 1 << 62


def _captured(record: object) -> int:
    assert isinstance(record, Performance | FacePerformance)
    return record.capture_ns


def _next(ahead: ReadAhead) -> Answer:
    deadline_s = time.monotonic() + 10.0
    while (answer := ahead.take()) is None:
        assert time.monotonic() < deadline_s
        time.sleep(0.001)
    return answer


def _until_lap_end(ahead: ReadAhead) -> Iterator[Item]:
    while not isinstance(answer := _next(ahead), LapEnd):
        assert isinstance(answer, Item)
        yield answer


@pytest.mark.parametrize("capture_ns", [(1 << 64) - 1, -(1 << 63)])
def test_what_has_no_time_is_left_out(tmp_path: Path, capture_ns: int) -> None:
    sent = performed(3, faces=False)
    broken = replace(BODIES[1].record, capture_ns=capture_ns)
    path = tmp_path / "mailed_001.mcap"
    writer = TakeWriter(path)
    for number, record in enumerate((sent[0].record, broken, sent[2].record)):
        data = encode(record, number, sent[number].sent_ns)
        writer.write("performance.anna", "Performance", data, sent[number].sent_ns, sent[number].sent_ns)
    writer.finish({})
    source = PerformanceSource(TakeReader(path))
    assert len(list(source.play(Start(0), 1 << 62))) == 2


def test_a_take_of_no_time_is_refused(tmp_path: Path) -> None:
    writer = TakeWriter(tmp_path / "mailed_001.mcap")
    writer.write("performance.anna", "Performance", b"", (1 << 64) - 1, 0)
    writer.finish({})
    with pytest.raises(TakeError, match="no time"):
        PerformanceSource(TakeReader(writer.path))
