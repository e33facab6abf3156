"""The link to a broker: life signs, a broker that goes and comes back, and an owner who never waits."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest

from protocols.mqtt_link import Broker, MqttLink
from protocols.mqtt_topics import Publication
from tests.mqtt_broker import BrokerForTests, Listener, free_port

pytest.importorskip("amqtt")


def publication(topic: str, value: object, *, qos: int = 0, retain: bool = False) -> Publication:
    return Publication(topic, lambda: msgspec.json.encode({"value": value}), qos, retain)


def life_sign(state: str) -> Publication:
    return publication("s/$state", state, qos=1, retain=True)


def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


@pytest.fixture
def broker() -> Iterator[BrokerForTests]:
    started = BrokerForTests()
    yield started
    started.stop()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocols.mqtt_link._FIRST_WAIT_S", 0.05)


@pytest.fixture
def connect() -> Iterator[Callable[[int], MqttLink]]:
    links: list[MqttLink] = []

    def open_link(port: int) -> MqttLink:
        links.append(MqttLink(Broker("127.0.0.1", port, identifier=f"test-{len(links)}"), life_sign))
        return links[-1]

    yield open_link
    for link in links:
        link.close(10.0)


def test_life_of_a_link(broker: BrokerForTests) -> None:
    listener = Listener(broker.port)
    link = MqttLink(Broker("127.0.0.1", broker.port, identifier="test"), life_sign)
    listener.wait_for("s/$state", value="ready")
    until(lambda: link.state == "connected")
    for number in range(5):
        link.put(publication("s/pose", number))
        listener.wait_for("s/pose", value=number)
    link.close()
    listener.wait_for("s/$state", value="disconnected")
    listener.stop()
    late = Listener(broker.port)
    late.wait_for("s/$state", value="disconnected")
    assert all(heard == ("s/$state", {"value": "disconnected"}, True) for heard in late.heard)
    late.stop()
    assert link.counters["connects"] == 1
    assert link.counters["failures"] == 0


def test_what_is_retained_is_sent_again_after_the_broker_came_back(
    broker: BrokerForTests, connect: Callable[[int], MqttLink], quick: None
) -> None:
    link = connect(broker.port)
    link.put(publication("s/actor", "tracking", qos=1, retain=True))
    until(lambda: link.state == "connected" and link.counters["published"] == 2)
    broker.stop()
    until(lambda: link.state == "away")
    assert link.reason
    link.put(publication("s/actor", "holding", qos=1, retain=True))
    link.put(publication("s/pose", 1))
    assert link.counters["dropped"] == 1
    again = BrokerForTests(broker.port)
    listener = Listener(again.port)
    listener.wait_for("s/actor", value="holding")
    listener.wait_for("s/$state", value="ready")
    assert [topic for topic, _, _ in listener.heard if topic == "s/pose"] == []
    until(lambda: link.counters["connects"] == 2)
    assert link.counters["failures"] >= 1
    link.close()
    listener.stop()
    again.stop()


def test_no_broker_is_counted_and_tried_again(connect: Callable[[int], MqttLink], quick: None) -> None:
    link = connect(free_port())
    until(lambda: link.counters["failures"] >= 3)
    assert link.state == "away"
    assert "refused" in link.reason.lower()
    began_s = time.monotonic()
    for number in range(1000):
        link.put(publication(f"s/{number % 10}", number))
    assert time.monotonic() - began_s < 1.0
    assert link.counters["dropped"] == 1000


def test_a_broker_that_says_nothing_holds_nobody_up(connect: Callable[[int], MqttLink]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        link = connect(silent.getsockname()[1])
        connection, _ = silent.accept()
        with connection:
            began_s = time.monotonic()
            for number in range(1000):
                link.put(publication("s/pose", number))
            assert time.monotonic() - began_s < 1.0
            began_s = time.monotonic()
            link.close(0.2)
            assert time.monotonic() - began_s < 2.0
            assert link.state != "connected"


def test_the_last_will_says_lost(broker: BrokerForTests, connect: Callable[[int], MqttLink]) -> None:
    """A proxy between link and broker cuts the connection as a pulled cable does."""
    listener = Listener(broker.port)
    with socket.create_server(("127.0.0.1", 0)) as door:
        connect(door.getsockname()[1])
        inside, _ = door.accept()
        outside = socket.create_connection(("127.0.0.1", broker.port))
    for source, sink in ((inside, outside), (outside, inside)):
        threading.Thread(target=_pump, args=(source, sink), daemon=True).start()
    listener.wait_for("s/$state", value="ready")
    for end in (outside, inside):
        end.shutdown(socket.SHUT_RDWR)
        end.close()
    listener.wait_for("s/$state", value="lost")
    listener.stop()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(4096):
            sink.sendall(data)
    except OSError:
        return


def test_a_slow_broker_gets_the_newest(broker: BrokerForTests, connect: Callable[[int], MqttLink]) -> None:
    listener = Listener(broker.port)
    link = connect(broker.port)
    until(lambda: link.state == "connected")
    for number in range(2000):
        link.put(publication("s/pose", number))
    listener.wait_for("s/pose", value=1999)
    heard = [payload["value"] for topic, payload, _ in listener.heard if topic == "s/pose"]
    assert heard == sorted(heard)
    assert len(heard) + link.counters["replaced"] == 2000
    listener.stop()
