from __future__ import annotations

import random

import pytest

from stage.takes.memory import OVERHEAD_BYTES, Entry, Memory, TakeQueue
from tests.stage.takes.taking import message, picture


def note(number: int, size: int = 100) -> Entry:
    return Entry.of(message(number, size), 1 + number)


def drained(memory: Memory, take: TakeQueue) -> list[tuple[str, int]]:
    """What a take's thread gets, as (topic, number); it writes all of it."""
    entries = []
    while batch := memory.take_out(take):
        entries += [(entry.topic, entry.sequence) for entry in batch]
        memory.written(batch)
    return entries


def test_what_fits_comes_out_in_order_and_leaves_nothing() -> None:
    memory, take = Memory(1 << 20), TakeQueue()
    entries = [note(n) if n % 3 else picture(n // 3) for n in range(100)]
    assert all(memory.put(entry, take, pre_roll=False) for entry in entries)
    assert drained(memory, take) == [(entry.topic, entry.sequence) for entry in entries]
    assert memory.used_bytes == 0 and take.lost == take.dropped_frames == 0


def test_an_entry_in_two_takes_and_the_pre_roll_counts_once() -> None:
    memory, first, second = Memory(1 << 20), TakeQueue(), TakeQueue()
    entry = note(0)
    memory.put(entry, first, pre_roll=True)
    memory.give(entry, second)
    assert memory.used_bytes == entry.size > OVERHEAD_BYTES
    memory.leave_pre_roll(entry)
    drained(memory, first)
    assert memory.used_bytes == entry.size
    drained(memory, second)
    assert memory.used_bytes == 0 and entry.data == b""


def test_the_pre_rolls_oldest_group_gives_way_first() -> None:
    memory = Memory(12 * (picture(0).size))
    pictures = [picture(n, received_ns=n) for n in range(12)]
    for entry in pictures:
        assert memory.put(entry, None, pre_roll=True)
    assert memory.put(note(0, 10), None, pre_roll=True)
    assert [entry.held for entry in pictures] == [False] * 5 + [True] * 7 and memory.curtailed_ns == 4


def test_a_picture_never_costs_a_message_nor_one_that_waits_for_the_disk() -> None:
    memory, take = Memory(10_000), TakeQueue()
    notes = [note(n) for n in range(5)]
    for entry in notes:
        memory.put(entry, take, pre_roll=True)
    taken = sum(memory.put(picture(n), take, pre_roll=True) for n in range(100))
    assert 0 < taken < 100 and take.dropped_frames == 100 - taken and take.lost == 0
    assert all(entry.held for entry in notes)
    assert drained(memory, take)[-taken:] == [("video.left", n) for n in range(taken)]


def test_a_camera_goes_on_with_a_picture_that_needs_no_other() -> None:
    memory, take = Memory(3 * picture(0).size + 10), TakeQueue()
    fitting = [memory.put(picture(n), take, pre_roll=False) for n in range(4)]
    assert fitting == [True, True, True, False]
    drained(memory, take)
    assert not memory.put(picture(4), take, pre_roll=False)
    assert memory.put(picture(5), take, pre_roll=False) and take.dropped == {"left": 2}


def test_what_is_being_written_stays() -> None:
    memory, take = Memory(5000), TakeQueue()
    for number in range(3):
        memory.put(picture(number), take, pre_roll=True)
    batch = memory.take_out(take)
    sent = 0
    while take.lost == 0:
        memory.put(note(sent), take, pre_roll=False)
        sent += 1
    assert all(len(entry.data) > 1000 for entry in batch) and take.dropped_frames == 0
    memory.written(batch)
    assert memory.put(note(sent), take, pre_roll=False)  # now the pre-roll's pictures give way


def test_a_take_that_is_over_takes_no_more() -> None:
    memory, take = Memory(1 << 20), TakeQueue()
    memory.put(note(0), take, pre_roll=False)
    memory.forget(take)
    memory.put(note(1), take, pre_roll=False)
    memory.put(note(2), take, pre_roll=True)
    assert take.lost == 3 and drained(memory, take) == [] and memory.used_bytes == note(2).size


def test_something_larger_than_all_memory_costs_nothing_else() -> None:
    memory, take = Memory(5000), TakeQueue()
    memory.put(picture(0), take, pre_roll=False)
    assert not memory.put(note(0, 5000), take, pre_roll=False)
    assert take.lost == 1 and take.dropped_frames == 0


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_the_books_are_right(seed: int) -> None:
    """The bound holds, all is accounted for, no message is lost while video could go, what is written can be played."""
    rng = random.Random(seed)
    memory, takes = Memory(20_000), [TakeQueue(), TakeQueue()]
    entries: list[Entry] = []
    pictures = {"left": 0, "right": 0}
    put = {id(take): [0, 0] for take in takes}
    got: dict[int, list[tuple[str, int]]] = {id(take): [] for take in takes}
    for count in range(600):
        match rng.randrange(10):
            case 0 | 1 | 2 | 3:
                camera = rng.choice(list(pictures))
                entry = picture(pictures[camera], rng.randrange(50, 900), camera, count)
                pictures[camera] += 1
            case 4:
                take = rng.choice(takes)
                batch = memory.take_out(take)
                got[id(take)] += [(entry.topic, entry.sequence) for entry in batch]
                memory.written(batch)
                continue
            case 5:
                for entry in entries[: count // 4]:
                    memory.leave_pre_roll(entry)
                continue
            case _:
                entry = note(count, rng.randrange(10, 300))
        take = takes[count > 300]
        lost = take.lost
        memory.put(entry, take, pre_roll=rng.random() < 0.7)
        put[id(take)][bool(entry.camera)] += 1
        entries.append(entry)
        assert memory.used_bytes == sum(entry.size for entry in entries if entry.held) <= 20_000
        assert take.lost == lost or not any(entry.held and entry.camera for entry in entries)
    for take in takes:
        got[id(take)] += drained(memory, take)
        written = [topic.startswith("video.") for topic, _ in got[id(take)]]
        assert [written.count(False) + take.lost, written.count(True) + take.dropped_frames] == put[id(take)]
        for camera in pictures:
            numbers = [number for topic, number in got[id(take)] if topic == f"video.{camera}"]
            begun = next((place for place, number in enumerate(numbers) if number % 5 == 0), len(numbers))
            assert all(number % 5 == 0 or number - 1 in numbers for number in numbers[begun:])
