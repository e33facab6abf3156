from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocols.bus import Message, Publisher, Subscriber, endpoint
from protocols.clock import ClockFile, StageClock, write_clock
from protocols.codec import decode, encode
from protocols.errors import BusError, EncodeError
from protocols.messages import Event, Performance, Solved

SOON_MS = 10_000
"""Far longer than anything here takes; reached only when something is broken."""


class RawPublisher:
    """A publisher that sends what it is told, however wrong, and knows when it is heard."""

    def __init__(self, run_dir: Path, name: str) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.XPUB)
        self.socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        self.socket.bind(endpoint(run_dir, name))

    def wait_for_subscription(self) -> None:
        assert self.socket.poll(SOON_MS), "nobody subscribed"
        assert self.socket.recv()[0] == 1

    def send(self, *parts: bytes) -> None:
        self.socket.send_multipart(parts)

    def send_solved(self, topic: str, sequence: int) -> None:
        self.send(topic.encode(), encode(Solved(capture_ns=sequence, number=sequence), sequence, 0, start=1))


@contextmanager
def raw_publisher(run_dir: Path, name: str) -> Iterator[RawPublisher]:
    publisher = RawPublisher(run_dir, name)
    try:
        yield publisher
    finally:
        publisher.context.destroy(linger=0)


def hear(publisher: Publisher, subscriber: Subscriber, topic: str = "solved") -> Message:
    """Publishes until a message comes through at once, so that nothing is left on the way."""
    deadline = time.monotonic() + SOON_MS / 1000
    while time.monotonic() < deadline:
        last = publisher.send(topic, Solved(0, 0))
        while (message := subscriber.receive(20)) is not None:
            if message.sequence == last:
                return message
    raise AssertionError("nothing came through")


def receive(subscriber: Subscriber) -> Message:
    message = subscriber.receive(SOON_MS)
    assert message is not None, "nothing came through"
    return message


def drain_until(subscriber: Subscriber, last: dict[str, int]) -> list[list[Message]]:
    """Drains until the given number of every topic has come; one list per call that gave anything."""
    batches: list[list[Message]] = []
    waiting = dict(last)
    while waiting:
        assert subscriber.socket.poll(SOON_MS), f"still waiting for {waiting}"
        batches.append(subscriber.drain())
        for message in batches[-1]:
            if waiting.get(message.topic) == message.sequence:
                del waiting[message.topic]
    return batches


def test_records_arrive_with_their_numbers_in_order(tmp_path: Path) -> None:
    clock = StageClock(offset_ns=0)
    with Publisher(tmp_path, "solve", clock) as publisher, Subscriber(tmp_path, {"solve": ["solved"]}) as subscriber:
        last = hear(publisher, subscriber).sequence
        before_ns = clock.now_ns()
        for number in range(20):
            assert publisher.send("solved", Solved(1, number)) == last + 1 + number
        for number in range(20):
            message = receive(subscriber)
            assert (message.topic, message.sequence) == ("solved", last + 1 + number)
            assert message.record == Solved(1, number)
            assert before_ns <= message.sent_ns <= clock.now_ns()
        assert subscriber.counters["gaps"] == subscriber.counters["restarts"] == 0


def test_the_wire_is_topic_and_envelope(tmp_path: Path) -> None:
    context = zmq.Context()
    peer = context.socket(zmq.SUB)
    peer.subscribe(b"event.")
    peer.connect(endpoint(tmp_path, "solve"))
    try:
        with Publisher(tmp_path, "solve") as publisher:
            event = Event("solve", 1, "info", "begun")
            while not peer.poll(10):
                publisher.send("event.solve", event)
            topic, payload = peer.recv_multipart()
            assert topic == b"event.solve"
            assert decode(payload).record == event
    finally:
        context.destroy(linger=0)


def test_publisher_and_subscriber_start_in_any_order(tmp_path: Path) -> None:
    with Subscriber(tmp_path, {"solve": ["solved"]}) as subscriber:
        assert subscriber.receive(0) is None
        with Publisher(tmp_path, "solve") as publisher:
            hear(publisher, subscriber)


def test_prefixes_choose_the_topics(tmp_path: Path) -> None:
    with raw_publisher(tmp_path, "a") as publisher, Subscriber(tmp_path, {"a": ["frame."]}) as subscriber:
        publisher.wait_for_subscription()
        publisher.send_solved("landmarks.left", 0)
        publisher.send_solved("frame.left", 0)
        assert receive(subscriber).topic == "frame.left"


def test_several_publishers_come_over_one_socket(tmp_path: Path) -> None:
    with (
        raw_publisher(tmp_path, "a") as first,
        raw_publisher(tmp_path, "b") as second,
        Subscriber(tmp_path, {"a": ["x."], "b": ["y."]}) as subscriber,
    ):
        for publisher, topic in ((first, "x.1"), (second, "y.1")):
            for _ in range(2):
                publisher.wait_for_subscription()
            publisher.send_solved(topic, 0)
        assert {receive(subscriber).topic, receive(subscriber).topic} == {"x.1", "y.1"}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lost=st.sets(st.integers(1, 58), max_size=50))
def test_gaps_are_counted_exactly(tmp_path: Path, lost: set[int]) -> None:
    with raw_publisher(tmp_path, "a") as publisher, Subscriber(tmp_path, {"a": [""]}) as subscriber:
        publisher.wait_for_subscription()
        sent = [number for number in range(60) if number not in lost]
        for number in sent:
            publisher.send_solved("solved", number)
        assert [receive(subscriber).sequence for _ in sent] == sent
        assert subscriber.counters == {
            "received": len(sent),
            "gaps": len(lost),
            "drops": 0,
            "decode_errors": 0,
            "restarts": 0,
        }


def test_drain_keeps_the_newest_of_every_topic_and_counts_the_rest(tmp_path: Path) -> None:
    order = random.Random(7)
    topics = [order.choice(["frame.a", "frame.b", "frame.c"]) for _ in range(50)]
    with raw_publisher(tmp_path, "a") as publisher, Subscriber(tmp_path, {"a": ["frame."]}) as subscriber:
        publisher.wait_for_subscription()
        last: dict[str, int] = {}
        for topic in topics:
            last[topic] = last.get(topic, -1) + 1
            publisher.send_solved(topic, last[topic])
        batches = drain_until(subscriber, last)
        for batch in batches:
            assert len({message.topic for message in batch}) == len(batch)
        counters = subscriber.counters
        assert counters["received"] == sum(len(batch) for batch in batches)
        assert counters["received"] + counters["drops"] == len(topics)
        assert counters["gaps"] == 0
        assert subscriber.drain() == []


def test_drain_all_keeps_everything(tmp_path: Path) -> None:
    with raw_publisher(tmp_path, "a") as publisher, Subscriber(tmp_path, {"a": ["event."]}) as subscriber:
        publisher.wait_for_subscription()
        for number in range(30):
            publisher.send_solved("event.solve", number)
        messages: list[Message] = []
        while len(messages) < 30:
            assert subscriber.socket.poll(SOON_MS)
            messages += subscriber.drain_all()
        assert [message.sequence for message in messages] == list(range(30))
        assert subscriber.counters["received"] == 30


def test_a_publisher_never_waits_for_a_reader_that_sleeps_and_every_loss_is_counted(tmp_path: Path) -> None:
    with (
        Publisher(tmp_path, "a", queue_length=8) as publisher,
        Subscriber(tmp_path, {"a": ["solved"]}, queue_length=8) as subscriber,
    ):
        first = hear(publisher, subscriber).sequence + 1
        before = subscriber.counters
        began = time.monotonic()
        for number in range(20_000):
            publisher.send("solved", Solved(0, number))
        assert time.monotonic() - began < SOON_MS / 1000
        last = hear(publisher, subscriber).sequence  # the queues are empty again
        lost = subscriber.counters["gaps"] - before["gaps"]
        received = subscriber.counters["received"] - before["received"]
        assert lost > 0
        assert received + lost == last - first + 1


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((b"solved",), id="no payload"),
        pytest.param((b"solved", b"", b""), id="three parts"),
        pytest.param((b"solved", b"\xff\x00rubbish"), id="rubbish"),
        pytest.param((b"solved", b""), id="empty"),
        pytest.param((b"solved\xff", encode(Solved(0, 0), 0, 0)), id="topic is no text"),
        pytest.param((b"solved", encode(Solved(0, 0), 0, 0)[:-4]), id="cut off"),
        pytest.param((b"solved", b"\x95\x63" + encode(Solved(0, 0), 0, 0)[2:]), id="another schema version"),
    ],
)
def test_a_corrupt_message_is_counted_and_the_next_one_is_heard(tmp_path: Path, parts: tuple[bytes, ...]) -> None:
    with raw_publisher(tmp_path, "a") as publisher, Subscriber(tmp_path, {"a": ["solved"]}) as subscriber:
        publisher.wait_for_subscription()
        publisher.send(*parts)
        publisher.send_solved("solved", 0)
        assert receive(subscriber).sequence == 0
        assert subscriber.counters["decode_errors"] == 1
        publisher.send(*parts)
        publisher.send_solved("solved", 1)
        drain_until(subscriber, {"solved": 1})
        assert subscriber.counters["decode_errors"] == 2
        assert subscriber.counters["gaps"] == 0


def test_a_publisher_that_comes_back_is_heard_again_and_counted(tmp_path: Path) -> None:
    with Subscriber(tmp_path, {"a": ["solved"]}) as subscriber:
        for runs in range(3):
            with Publisher(tmp_path, "a") as publisher:
                hear(publisher, subscriber)
                assert subscriber.counters["restarts"] == runs


def test_a_record_of_the_wrong_layout_is_refused_and_takes_no_number(tmp_path: Path) -> None:
    broken: dict[str, Any] = dict.fromkeys(Performance.__struct_fields__, b"")
    with Publisher(tmp_path, "a") as publisher:
        with pytest.raises(EncodeError):
            publisher.send("performance.a", Performance(**broken))
        assert publisher.send("performance.a", Solved(0, 0)) == 0


def test_receive_gives_up_in_time(tmp_path: Path) -> None:
    with Subscriber(tmp_path, {"nobody": ["x"]}) as subscriber:
        began = time.monotonic()
        assert subscriber.receive(30) is None
        assert 0.02 < time.monotonic() - began < SOON_MS / 1000
        assert subscriber.drain() == subscriber.drain_all() == []


def test_a_poller_sees_the_socket(tmp_path: Path) -> None:
    with raw_publisher(tmp_path, "a") as publisher, Subscriber(tmp_path, {"a": ["x"]}) as subscriber:
        publisher.wait_for_subscription()
        poller = zmq.Poller()
        poller.register(subscriber.socket, zmq.POLLIN)
        publisher.send_solved("x", 0)
        assert poller.poll(SOON_MS) == [(subscriber.socket, zmq.POLLIN)]


def test_messages_are_stamped_in_the_stage_time_of_the_run_folder(tmp_path: Path) -> None:
    write_clock(tmp_path, ClockFile(offset_ns=10**18, epoch_ns=0))
    with Publisher(tmp_path, "a") as publisher, Subscriber(tmp_path, {"a": ["solved"]}) as subscriber:
        assert abs(hear(publisher, subscriber).sent_ns - StageClock(10**18).now_ns()) < SOON_MS * 1_000_000


def test_a_missing_run_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BusError, match=r"missing.*run folder"):
        Publisher(tmp_path / "missing", "a")


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BusError, match="107"):
        Subscriber(tmp_path / ("x" * 100), {"a": [""]})


@pytest.mark.parametrize("name", ["", "a/b", "../a", "a\0"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BusError, match="file name"):
        Publisher(tmp_path, name)


def test_closing_a_publisher_frees_its_address(tmp_path: Path) -> None:
    for _ in range(3):
        Publisher(tmp_path, "a").close()
    probe = socket.socket(socket.AF_UNIX)
    with probe, pytest.raises(OSError, match=r"refused|No such file"):
        probe.connect(str(tmp_path / "a.ipc"))
