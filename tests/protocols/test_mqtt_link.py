"""The link to a broker: life signs, a broker that goes and comes back, and an owner who never waits."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from protocols.mqtt_broker import MOST_INCOMING, Broker
from protocols.mqtt_link import MqttLink, Received
from protocols.mqtt_topics import Publication
from tests.mqtt_broker import PATIENCE_S, Authority, BrokerForTests, Listener, program
from tests.ports import free_port
from tests.waiting import until

Version = Literal["3.1.1", "5"]
both = pytest.mark.parametrize("version", ["3.1.1", "5"])


def publication(topic: str, value: object, **options: Any) -> Publication:
    return Publication(topic, lambda: msgspec.json.encode({"value": value}), **options)


def life_sign(state: str) -> Publication:
    return publication("s/$state", state, qos=1, retain=True)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocols.mqtt_link._FIRST_WAIT_S", 0.05)


Connect = Callable[..., MqttLink]


@pytest.fixture
def connect() -> Iterator[Connect]:
    links: list[MqttLink] = []

    def open_link(port: int, subscriptions: tuple[str, ...] = (), **options: Any) -> MqttLink:
        broker = Broker(options.pop("host", "127.0.0.1"), port, identifier=f"test-{len(links)}", **options)
        links.append(MqttLink(broker, life_sign, subscriptions))
        return links[-1]

    yield open_link
    for link in links:
        link.close(10.0)


@both
def test_life_of_a_link(broker: BrokerForTests, connect: Connect, listener: Listener, version: Version) -> None:
    link = connect(broker.port, version=version)
    listener.wait_for("s/$state", value="ready")
    until(lambda: link.state == "connected")
    for number in range(5):
        assert link.put(publication("s/pose", number))
        listener.wait_for("s/pose", value=number)
    link.close()
    listener.wait_for("s/$state", value="disconnected")
    late = Listener(broker.port)
    late.wait_for("s/$state", value="disconnected")
    assert all(heard == ("s/$state", {"value": "disconnected"}, True) for heard in late.heard)
    late.stop()
    assert link.counters["connects"] == 1
    assert link.counters["failures"] == 0


def test_whoever_has_said_ready_says_disconnected(broker: BrokerForTests, listener: Listener) -> None:
    """However soon after connecting the end comes."""
    for number in range(1, 11):
        link = MqttLink(Broker("127.0.0.1", broker.port, identifier="hasty"), life_sign)
        listener.wait_for("s/$state", count=number, value="ready")
        link.close(PATIENCE_S)
        listener.wait_for("s/$state", count=number, value="disconnected")


@both
def test_what_comes_in(broker: BrokerForTests, connect: Connect, version: Version) -> None:
    teller = Listener(broker.port, five=True)
    teller.say("in/old", 1, retain=True)
    link = connect(broker.port, ("in/#",), version=version)
    heard: list[Received] = []
    until(lambda: heard.extend(link.received()) or heard)
    teller.say("in/new", 2, answer_to="to/me", correlation=b"\x00\xff")
    until(lambda: heard.extend(link.received()) or len(heard) == 2)
    five = version == "5"
    assert heard == [
        Received("in/old", b"1", True),
        Received("in/new", b"2", False, "to/me" if five else "", b"\x00\xff" if five else b""),
    ]
    assert link.counters["received"] == 2
    teller.stop()


def test_what_comes_in_is_bounded(broker: BrokerForTests, connect: Connect, listener: Listener) -> None:
    link = connect(broker.port, ("in/#",))
    until(lambda: link.state == "connected")
    flood = connect(broker.port)
    until(lambda: flood.state == "connected")
    sent = 0
    while link.counters["overrun"] == 0:
        sent += flood.put(publication(f"in/{sent}", sent))
        time.sleep(0.0001)
    assert len(link.received()) == MOST_INCOMING
    flood.put(publication("in/last", 0))
    until(lambda: any(one.topic == "in/last" for one in link.received()))


def test_correlation_goes_with_the_answer(broker: BrokerForTests, connect: Connect) -> None:
    listener = Listener(broker.port, five=True)
    link = connect(broker.port, version="5")
    until(lambda: link.state == "connected")
    link.put(publication("to/me", 1, correlation=b"\x01\x02"))
    listener.wait_for("to/me")
    assert listener.correlations == [b"\x01\x02"]
    listener.stop()


@both
def test_subscriptions_and_the_retained_are_renewed_after_the_broker_came_back(
    broker: BrokerForTests, connect: Connect, quick: None, version: Version
) -> None:
    link = connect(broker.port, ("in/#",), version=version)
    link.put(publication("s/actor", "tracking", qos=1, retain=True))
    until(lambda: link.state == "connected" and link.counters["published"] == 2)
    broker.stop()
    until(lambda: link.state == "away")
    assert link.reason
    link.put(publication("s/actor", "holding", qos=1, retain=True))
    assert not link.put(publication("s/pose", 1))
    assert link.counters["dropped"] == 1
    again = BrokerForTests(broker.port)
    listener = Listener(again.port)
    listener.wait_for("s/actor", value="holding")
    listener.wait_for("s/$state", value="ready")
    assert [topic for topic, _, _ in listener.heard if topic == "s/pose"] == []
    until(lambda: link.counters["connects"] == 2)
    assert link.counters["failures"] >= 1
    listener.say("in/x", 1)
    until(link.received)
    link.close()
    listener.stop()
    again.stop()


def test_no_broker_is_counted_and_tried_again(connect: Connect, quick: None) -> None:
    link = connect(free_port())
    until(lambda: link.counters["failures"] >= 3)
    assert link.state == "away"
    assert "refused" in link.reason.lower()
    began_s = time.monotonic()
    for number in range(1000):
        link.put(publication(f"s/{number % 10}", number))
    assert time.monotonic() - began_s < 1.0
    assert link.counters["dropped"] == 1000


def test_a_broker_that_says_nothing_holds_nobody_up(connect: Connect) -> None:
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


@both
def test_the_last_will_says_lost(
    broker: BrokerForTests, connect: Connect, listener: Listener, version: Version
) -> None:
    """A proxy between link and broker cuts the connection as a pulled cable does."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        connect(door.getsockname()[1], version=version)
        inside, _ = door.accept()
        outside = socket.create_connection(("127.0.0.1", broker.port))
    for source, sink in ((inside, outside), (outside, inside)):
        threading.Thread(target=_pump, args=(source, sink), daemon=True).start()
    listener.wait_for("s/$state", value="ready")
    for end in (outside, inside):
        end.shutdown(socket.SHUT_RDWR)
        end.close()
    listener.wait_for("s/$state", value="lost")


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(4096):
            sink.sendall(data)
    except OSError:
        return


def test_a_slow_broker_gets_the_newest(broker: BrokerForTests, connect: Connect, listener: Listener) -> None:
    link = connect(broker.port)
    until(lambda: link.state == "connected")
    for number in range(2000):
        link.put(publication("s/pose", number))
    listener.wait_for("s/pose", value=1999)
    heard = [payload["value"] for topic, payload, _ in listener.heard if topic == "s/pose"]
    assert heard == sorted(heard)
    assert len(heard) + link.counters["replaced"] == 2000


def test_a_frozen_broker_costs_the_owner_nothing_and_no_memory(
    broker: BrokerForTests, connect: Connect, listener: Listener
) -> None:
    link = connect(broker.port)
    until(lambda: link.state == "connected")
    broker.freeze()
    try:
        began_s = time.monotonic()
        for number in range(20_000):
            link.put(publication(f"s/{number % 16}", "x" * 1000))
        assert time.monotonic() - began_s < 5.0
        assert link.counters["replaced"] + link.counters["published"] + link.counters["dropped"] >= 20_000 - 32
    finally:
        broker.thaw()
    until(lambda: link.state == "connected")
    link.put(publication("s/last", 1))
    listener.wait_for("s/last")


def password_file(folder: Path) -> Path:
    path = folder / "passwords"
    path.touch(mode=0o600)
    subprocess.run([program("mosquitto_passwd"), "-b", str(path), "stage", "right"], check=True, capture_output=True)
    return path


@both
def test_user_and_password(tmp_path: Path, connect: Connect, version: Version) -> None:
    broker = BrokerForTests(folder=tmp_path, allow_anonymous="false", password_file=str(password_file(tmp_path)))
    (tmp_path / "secret").write_text("right\nand what follows\n", encoding="utf-8")
    right = connect(broker.port, version=version, username="stage", password="right")
    from_file = connect(broker.port, version=version, username="stage", password_file=str(tmp_path / "secret"))
    wrong = connect(broker.port, version=version, username="stage", password="wrong")
    nobody = connect(broker.port, version=version)
    until(lambda: right.state == from_file.state == "connected")
    until(lambda: wrong.reason and nobody.reason)
    assert "refuses username and password" in wrong.reason
    assert "refuses username and password" in nobody.reason
    broker.stop()


def test_a_password_file_that_cannot_be_read_is_told_and_tried_again(
    broker: BrokerForTests, connect: Connect, quick: None, tmp_path: Path
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"\xff\xfe")
    link = connect(broker.port, username="stage", password_file=str(path))
    until(lambda: "not text" in link.reason)
    path.unlink()
    until(lambda: "No such file" in link.reason)
    path.write_text("right", encoding="utf-8")
    until(lambda: link.state == "connected")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@both
def test_tls_with_an_authority_of_our_own(authority: Authority, connect: Connect, version: Version) -> None:
    cert_file, key_file = authority.certify("127.0.0.1")
    broker = BrokerForTests(folder=authority.folder, certfile=cert_file, keyfile=key_file)
    link = connect(broker.port, version=version, tls=True, ca_file=authority.ca_file)
    until(lambda: link.state == "connected")
    listener = Listener(broker.port, tls_context=authority.context())
    assert listener.wait_for("s/$state")["value"] == "ready"
    listener.stop()
    broker.stop()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that wants TLS, or a certificate, leaves others without an answer."""
    monkeypatch.setattr("protocols.mqtt_broker.TIMEOUT_S", 1.0)


# paho lets go of a socket whose handshake failed without closing it first.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_tls_that_is_not_to_be_trusted(authority: Authority, connect: Connect, impatient: None) -> None:
    cert_file, key_file = authority.certify("other.example")
    broker = BrokerForTests(folder=authority.folder, certfile=cert_file, keyfile=key_file)
    wrong_name = connect(broker.port, tls=True, ca_file=authority.ca_file)
    unknown_authority = connect(broker.port, tls=True)
    plain = connect(broker.port)
    until(lambda: wrong_name.reason and unknown_authority.reason and plain.reason)
    assert "certificate is not accepted" in wrong_name.reason and "127.0.0.1" in wrong_name.reason
    assert "certificate is not accepted" in unknown_authority.reason and "ca_file" in unknown_authority.reason
    assert "tls = true" in plain.reason
    assert not any(link.counters["connects"] for link in (wrong_name, unknown_authority, plain))
    broker.stop()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_broker_that_wants_to_know_us_by_certificate(authority: Authority, connect: Connect, impatient: None) -> None:
    cert_file, key_file = authority.certify("127.0.0.1")
    own_cert, own_key = authority.certify("the-stage")
    broker = BrokerForTests(
        folder=authority.folder,
        certfile=cert_file,
        keyfile=key_file,
        cafile=authority.ca_file,
        require_certificate="true",
    )
    known = connect(broker.port, tls=True, ca_file=authority.ca_file, cert_file=own_cert, key_file=own_key)
    unknown = connect(broker.port, tls=True, ca_file=authority.ca_file)
    until(lambda: known.state == "connected" and unknown.reason)
    assert unknown.counters["connects"] == 0
    assert "cert" in unknown.reason
    broker.stop()
