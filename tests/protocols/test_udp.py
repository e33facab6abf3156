from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from protocols.udp import UdpError, UdpReceiver, UdpSender


@pytest.fixture
def receiver() -> Iterator[UdpReceiver]:
    with UdpReceiver("127.0.0.1", 0, timeout_s=5.0) as opened:
        yield opened


def test_frames_arrive_whole_in_order_and_from_one_port(receiver: UdpReceiver) -> None:
    sender = UdpSender("127.0.0.1", receiver.port)
    sources = set()
    for number in range(5):
        assert sender.send([b"%d-%d" % (number, part) for part in range(3)])
        for part in range(3):
            received = receiver.receive()
            assert received is not None
            assert received[0] == b"%d-%d" % (number, part)
            sources.add(received[1])
    assert sources == {("127.0.0.1", sender.source_port)}
    assert sender.counters["datagrams"] == 15
    sender.close()


def test_names_are_looked_up_beside_the_show(receiver: UdpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    lookup, allowed = socket.getaddrinfo, threading.Event()
    asked: list[str] = []

    def slow_lookup(host: str, *arguments: Any, flags: int = 0, **options: Any) -> Any:
        if flags == 0:
            asked.append(threading.current_thread().name)
            if len(asked) == 1:
                raise OSError("try again")
            allowed.wait(10.0)
            return lookup("127.0.0.1", *arguments, **options)
        return lookup(host, *arguments, flags=flags, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow_lookup)
    monkeypatch.setattr("protocols.udp._RETRY_S", 0.0)
    sender = UdpSender("some.host.of.a.show", receiver.port)
    assert not sender.send([b"too early"])
    assert (sender.counters["unresolved"], sender.source_port) == (1, 0)
    assert sender.fault == "host some.host.of.a.show is not found; check the name, or give its address"
    allowed.set()
    assert sender.resolved.wait(10.0)
    assert sender.send([b"in time"])
    assert sender.fault == ""
    assert sender.target == f"some.host.of.a.show:{receiver.port} from port {sender.source_port}"
    assert receiver.receive() == (b"in time", ("127.0.0.1", sender.source_port))
    assert threading.current_thread().name not in asked
    sender.close()


def test_localhost_is_where_engines_listen(receiver: UdpReceiver) -> None:
    sender = UdpSender("localhost", receiver.port)
    assert sender.resolved.wait(10.0)
    assert sender.send([b"hello"])
    assert receiver.receive() == (b"hello", ("127.0.0.1", sender.source_port))
    sender.close()


def test_nobody_listening_is_no_error() -> None:
    with UdpReceiver("127.0.0.1", 0, timeout_s=0.1) as gone:
        port = gone.port
    sender = UdpSender("127.0.0.1", port)
    assert all(sender.send([b"hello"] * 5) for _ in range(20))
    sender.close()


def test_what_cannot_be_reached_is_counted() -> None:
    sender = UdpSender("127.0.0.1", 9)
    assert not sender.send([b"x" * 70_000])  # more than a datagram holds
    assert sender.counters["unreachable"] == 1
    assert sender.fault.startswith("127.0.0.1:9 cannot be reached (")
    assert sender.send([b"x"])
    sender.close()


class Full:
    """A socket whose queue is full."""

    def sendto(self, *_: object) -> int:
        raise BlockingIOError

    def close(self) -> None:
        pass


def test_a_full_queue_drops_and_never_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = UdpSender("127.0.0.1", 9)
    sender.close()
    monkeypatch.setattr(sender, "_socket", Full())
    assert not sender.send([b"x"])
    assert sender.counters["full"] == 1
    assert sender.fault == "the network does not take all that is sent to 127.0.0.1:9"


def test_port_in_use(receiver: UdpReceiver) -> None:
    with pytest.raises(UdpError, match=f"port {receiver.port}: .* use another"):
        UdpReceiver("127.0.0.1", receiver.port, timeout_s=0.1)


def test_address_of_another_machine() -> None:
    with pytest.raises(UdpError, match=r"192\.0\.2\.1"):
        UdpReceiver("192.0.2.1", 0, timeout_s=0.1)


def test_silence_ends_the_wait() -> None:
    with UdpReceiver("127.0.0.1", 0, timeout_s=0.01) as receiver:
        assert receiver.receive() is None
