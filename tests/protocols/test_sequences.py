from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from protocols.codec import Envelope
from protocols.messages import Solved
from protocols.sequences import StreamCounters


def arrive(counters: StreamCounters, topic: str, sequence: int, start: int = 1) -> None:
    counters.arrived(topic, Envelope(sequence, 0, Solved(0, 0), start))


@given(st.sets(st.integers(0, 200), min_size=1))
def test_every_missing_number_is_a_gap(arrived: set[int]) -> None:
    counters = StreamCounters()
    for sequence in sorted(arrived):
        arrive(counters, "solved", sequence)
    assert counters.gaps == max(arrived) - min(arrived) + 1 - len(arrived)
    assert counters.restarts == 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5)), max_size=50))
def test_topics_count_on_their_own(steps: list[tuple[str, int]]) -> None:
    counters = StreamCounters()
    last: dict[str, int] = {}
    expected = 0
    for topic, step in steps:
        expected += step - 1 if topic in last else 0
        last[topic] = last.get(topic, 0) + step
        arrive(counters, topic, last[topic])
    assert counters.gaps == expected


def test_a_restarted_publisher_is_no_gap_but_what_it_sent_unheard_is() -> None:
    counters = StreamCounters()
    for sequence in (40, 41, 42):
        arrive(counters, "solved", sequence, start=1)
    arrive(counters, "solved", 3, start=2)
    assert (counters.restarts, counters.gaps) == (1, 3)


def test_a_restart_is_seen_even_when_the_numbers_go_on() -> None:
    counters = StreamCounters()
    arrive(counters, "solved", 4, start=1)
    arrive(counters, "solved", 5, start=2)
    assert (counters.restarts, counters.gaps) == (1, 5)
