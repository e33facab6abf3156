from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_tcp_server import BlockingOSCTCPServer

from protocols import osc
from protocols.osc_framing import DECODERS, Framing
from protocols.tcp import TcpSender
from protocols.tcp_receiver import TcpReceiver
from tests.ports import free_port
from tests.protocols.tcp_packets import take
from tests.waiting import until

FRAMINGS = pytest.mark.parametrize("framing", ["slip", "length"])
MODES: dict[Framing, str] = {"slip": "1.1", "length": "1.0"}
# Bytes that SLIP must escape are among these floats.
MESSAGES = [osc.message(f"/stage/anna/bone/{n}", "ff", float(n), -6.0 - n) for n in range(40)]


@pytest.fixture
def opened() -> Iterator[Callable[..., TcpSender]]:
    senders = []

    def connect(port: int, framing: Framing = "slip", *, wait: bool = True) -> TcpSender:
        senders.append(TcpSender("127.0.0.1", port, framing))
        assert not wait or senders[-1].connected.wait(10.0)
        return senders[-1]

    yield connect
    for sender in senders:
        sender.close()


@FRAMINGS
def test_frames_arrive_whole_and_in_order(framing: Framing, opened: Callable[..., TcpSender]) -> None:
    with TcpReceiver("127.0.0.1", 0, 0.1, framing) as receiver:
        sender = opened(receiver.port, framing)
        assert sender.resolved.is_set()
        assert sender.send(MESSAGES[:20]) and sender.send([]) and sender.send([memoryview(m) for m in MESSAGES[20:]])
        assert take(receiver, 40) == MESSAGES
        assert sender.counters == {"datagrams": 40, "unresolved": 0, "full": 0, "unreachable": 0, "connections": 1}
        assert sender.source_port > 0


@FRAMINGS
def test_python_osc_receives(framing: Framing, opened: Callable[..., TcpSender]) -> None:
    received: list[tuple[str, tuple[float, ...]]] = []
    dispatcher = Dispatcher(strict_timing=False)
    dispatcher.set_default_handler(lambda address, *values: received.append((address, values)))
    with BlockingOSCTCPServer(("127.0.0.1", 0), dispatcher, mode=MODES[framing]) as server:
        handling = threading.Thread(target=server.handle_request)
        handling.start()
        sender = opened(server.server_address[1], framing)
        assert sender.send([osc.bundle(MESSAGES[:10]), *MESSAGES[10:]])
        until(lambda: len(received) >= 40)
        sender.close()
        handling.join()
    assert [osc.message(address, "ff", *values) for address, values in received] == MESSAGES


def test_nobody_listens_and_then_somebody_does(
    opened: Callable[..., TcpSender], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protocols.tcp._LAST_PAUSE_S", 0.02)
    port = free_port()
    sender = opened(port, wait=False)
    until(sender.resolved.is_set)
    assert not sender.send(MESSAGES)
    assert sender.counters["unreachable"] == 1
    assert "start the receiver" in sender.fault
    for times in (1, 2):  # and again when the receiver was started anew
        with TcpReceiver("127.0.0.1", port, 0.1) as receiver:
            assert sender.connected.wait(10.0)
            assert sender.send(MESSAGES[:3])
            assert take(receiver, 3) == MESSAGES[:3]
            assert sender.counters["connections"] == times
        until(lambda: not sender.connected.is_set())


@FRAMINGS
def test_a_receiver_that_does_not_read_holds_up_nobody_and_misses_whole_frames(
    framing: Framing, opened: Callable[..., TcpSender]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sender = opened(server.getsockname()[1], framing)
        connection, _ = server.accept()
        sent: list[bytes] = []
        # Until the buffers are full, and on: frames of 10 packets that carry their number. Nobody reads meanwhile.
        for number in range(2000):
            frame = [osc.message("/frame/part", "ff", float(number), float(part)) + bytes(400) for part in range(10)]
            sent += frame if sender.send(frame) else []
        assert sender.counters["full"] > 1000
        assert sender.fault == "" or "does not read as fast" in sender.fault
        decoder, received = DECODERS[framing](), []
        connection.settimeout(10.0)
        while len(received) < len(sent):
            received += decoder.feed(connection.recv(65536))
        assert received == sent  # whole frames, nothing torn, nothing of the dropped ones
        last = osc.message("/frame/part", "ff", -1.0, 0.0)
        until(lambda: sender.send([last]))
        while len(received) < len(sent) + 1:
            received += decoder.feed(connection.recv(65536))
        assert received[-1] == last
        connection.close()
