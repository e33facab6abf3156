from __future__ import annotations

from protocols.bus import Message
from protocols.codec import encode
from protocols.messages import Event, Record
from protocols.show import Mark, TimecodeSync
from protocols.solve_log import INPUTS_BEFORE_NS, SolverKeyframe
from stage.takes.memory import Entry, Memory, TakeQueue
from stage.takes.pre_roll import PreRoll
from tests.stage.takes.taking import GROUP, picture

S = 1_000_000_000
SECONDS = 2.0


def said(topic: str, at_s: float, record: Record | None = None) -> Entry:
    record = record or Event("x", 1, "info", "")
    return Entry.of(Message(topic, record, 0, 1, encode(record, 0, 1)), round(at_s * S))


def begun(entries: list[Entry], now_s: float, *, memory: Memory | None = None, trims: int = 1) -> list[Entry]:
    """What a take that begins now gets of entries."""
    memory, take = memory or Memory(1 << 24), TakeQueue()
    roll = PreRoll(SECONDS, memory, 0)
    for entry in entries:
        roll.put(entry, None)
        if trims > 1:
            roll.trim(entry.received_ns)
    roll.begin(take, round(now_s * S))
    return memory.take_out(take)


def test_messages_are_those_of_exactly_the_last_seconds_in_their_order() -> None:
    entries = [said("performance.anna" if n % 2 else "face.anna", n / 10) for n in range(100)]
    for trims in (1, 2):
        got = begun(entries, 9.9, trims=trims)
        assert got == [entry for entry in entries if entry.received_ns >= round(7.9 * S)]


def test_video_begins_with_a_picture_that_needs_no_other_and_reaches_all_the_way() -> None:
    entries = [picture(n, received_ns=n * S // 10) for n in range(100)]
    entries += [picture(n + 2, camera="late", received_ns=(50 + n) * S // 10) for n in range(50)]
    entries.sort(key=lambda entry: entry.received_ns)
    got = begun(entries, 9.9, trims=2)
    for camera in ("left", "late"):
        numbers = [entry.sequence for entry in got if entry.camera == camera]
        assert numbers[0] % GROUP == 0 and numbers == list(range(numbers[0], numbers[-1] + 1))
        first = next(entry for entry in got if entry.camera == camera)
        assert 7.9 * S - GROUP * S / 10 < first.received_ns <= 7.9 * S
    assert [entry.received_ns for entry in got] == sorted(entry.received_ns for entry in got)


def test_pictures_before_the_first_that_needs_no_other_are_left_out() -> None:
    got = begun([picture(n, received_ns=n * S) for n in (3, 4, 5, 6)], 6.0)
    assert [entry.sequence for entry in got] == [5, 6]


def test_what_solving_again_needs_reaches_back_to_the_solvers_keyframe() -> None:
    keyframe = SolverKeyframe(1, 0, 1, b"state")
    entries = [said("keyframe.solve", at_s, keyframe) for at_s in (0.5, 4.5, 7.5, 9.5)]
    topics = ("landmarks.left", "external.anna", "step.solve", "performance.anna", "frame.left")
    entries += [said(topic, n / 10 + 0.01) for n in range(100) for topic in topics]
    entries.sort(key=lambda entry: entry.received_ns)
    got = begun(entries, 9.99, trims=2)
    first_ns = {topic: min(e.received_ns for e in got if e.topic == topic) for topic in (*topics, "keyframe.solve")}
    assert first_ns["keyframe.solve"] == 7.5 * S <= first_ns["step.solve"]
    assert first_ns["step.solve"] < 7.6 * S
    assert 0 <= first_ns["landmarks.left"] - (7.5 * S - INPUTS_BEFORE_NS) < 0.1 * S
    assert first_ns["external.anna"] == first_ns["landmarks.left"]
    assert first_ns["performance.anna"] >= 7.99 * S and first_ns["frame.left"] >= 7.99 * S


def test_the_timecode_is_known_from_the_first_record_on_and_refused_marks_are_none() -> None:
    sync = [said("timecode", at_s, TimecodeSync(1, "10:00:00:00", "ltc")) for at_s in (1.0, 5.0)]
    mark = said("command.console", 9.0, Mark("1", "console", "too early"))
    got = begun([*sync, mark, said("event.solve", 9.5)], 9.9)
    assert got[0] is sync[1] and [entry.topic for entry in got] == ["timecode", "event.solve"]


def test_two_takes_in_a_row_both_have_what_was_before_them() -> None:
    memory, first, second = Memory(1 << 24), TakeQueue(), TakeQueue()
    roll = PreRoll(SECONDS, memory, 0)
    entries = [said("event.solve", n / 10) for n in range(60)]
    for entry in entries[:30]:
        roll.put(entry, None)
    roll.begin(first, 29 * S // 10)
    for entry in entries[30:50]:
        roll.put(entry, first)
    for entry in entries[50:]:
        roll.put(entry, None)
    roll.begin(second, 59 * S // 10)
    assert memory.take_out(first) == entries[9:50] and memory.take_out(second) == entries[39:]


def test_it_says_how_far_it_reaches() -> None:
    memory = Memory(20 * picture(0).size)
    roll = PreRoll(SECONDS, memory, 5 * S)
    assert roll.seconds(5 * S) == 0.0 and roll.seconds(6 * S) == 1.0 and roll.seconds(9 * S) == SECONDS
    for n in range(100):
        roll.put(picture(n, received_ns=10 * S + n * S // 100), None)
        roll.trim(10 * S + n * S // 100)
    assert 0.1 < roll.seconds(11 * S) < 0.3 and roll.whole_from_ns(11 * S) > 10 * S
    assert memory.used_bytes <= 20 * picture(0).size


def test_memory_does_not_grow() -> None:
    memory = Memory(1 << 24)
    roll = PreRoll(SECONDS, memory, 0)
    used = []
    for n in range(2000):
        roll.put(picture(n, received_ns=n * S // 50), None)
        roll.put(said("performance.anna", n / 50), None)
        roll.trim(n * S // 50)
        used.append(memory.used_bytes)
    assert max(used[1000:]) <= 1.1 * max(used[200:1000])
