from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

import pytest

from protocols import _send_batch
from protocols.udp import UdpReceiver, UdpSender

pytestmark = pytest.mark.skipif(not _send_batch.AVAILABLE, reason="this system has no sendmmsg")


@pytest.fixture
def receiver() -> Iterator[UdpReceiver]:
    with UdpReceiver("127.0.0.1", 0, timeout_s=5.0) as opened:
        yield opened


@pytest.fixture
def sender(receiver: UdpReceiver) -> Iterator[UdpSender]:
    opened = UdpSender("127.0.0.1", receiver.port)
    yield opened
    opened.close()


def layout(letter: bytes, count: int = 5) -> tuple[bytearray, tuple[memoryview, ...]]:
    """A buffer and datagrams of growing size in it."""
    buffer = bytearray(letter * (count * (count + 1) // 2))
    view = memoryview(buffer).toreadonly()
    ends = [number * (number + 1) // 2 for number in range(count + 1)]
    return buffer, tuple(view[ends[number] : ends[number + 1]] for number in range(count))


def received(receiver: UdpReceiver, count: int) -> list[bytes]:
    found = [receiver.receive() for _ in range(count)]
    return [datagram[0] for datagram in found if datagram is not None]


def test_what_the_buffer_holds_now_is_sent_in_order(receiver: UdpReceiver, sender: UdpSender) -> None:
    layouts = [layout(letter) for letter in (b"a", b"b", b"c")]
    for number in range(20):
        buffer, datagrams = layouts[number % 3]
        buffer[:] = bytes(range(number, number + len(buffer)))
        assert sender.send(datagrams)
        assert received(receiver, 5) == [bytes(datagram) for datagram in datagrams]
    assert sender.counters["datagrams"] == 100


def test_layouts_that_come_and_go_do_not_pile_up(
    receiver: UdpReceiver, sender: UdpSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protocols.udp._MOST_BATCHES", 4)
    for number in range(50):
        assert sender.send(layout(b"%c" % (40 + number))[1])
        assert b"".join(received(receiver, 5)) == b"%c" % (40 + number) * 15
    assert len(sender._batches) == 4


def test_what_the_system_leaves_is_sent_one_by_one(
    receiver: UdpReceiver, sender: UdpSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _send_batch._sendmmsg
    assert whole is not None
    monkeypatch.setattr(_send_batch, "_sendmmsg", lambda fd, begin, count, flags: whole(fd, begin, 2, flags))
    assert sender.send(layout(b"a")[1])
    assert [len(datagram) for datagram in received(receiver, 5)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("code", "count"), [(errno.EAGAIN, "full"), (errno.ENETUNREACH, "unreachable")])
def test_errors_are_those_of_single_datagrams(
    sender: UdpSender, monkeypatch: pytest.MonkeyPatch, code: int, count: str
) -> None:
    def fails(*_: Any) -> int:
        return -1

    monkeypatch.setattr(_send_batch, "_sendmmsg", fails)
    monkeypatch.setattr("ctypes.get_errno", lambda: code)
    assert not sender.send(layout(b"a")[1])
    assert sender.counters[count] == 1
    assert sender.counters["datagrams"] == 0


def test_a_system_that_refuses_the_call_is_sent_one_by_one(
    receiver: UdpReceiver, sender: UdpSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_send_batch, "_sendmmsg", lambda *_: -1)
    monkeypatch.setattr("ctypes.get_errno", lambda: errno.ENOSYS)
    datagrams = layout(b"a")[1]
    assert not sender.send(datagrams)
    assert sender.send(datagrams)
    assert len(received(receiver, 5)) == 5


def test_too_large_is_an_error_of_the_frame(sender: UdpSender) -> None:
    datagrams = tuple(memoryview(bytes(70_000)) for _ in range(3))
    assert not sender.send(datagrams)
    assert sender.counters["unreachable"] == 1
