from __future__ import annotations

import socket

import pytest
from pythonosc.tcp_client import SimpleTCPClient

from protocols import osc
from protocols.osc_framing import Framing, length_prefixed, slip
from protocols.tcp_receiver import TcpError, TcpReceiver
from tests.protocols.tcp_packets import take
from tests.waiting import until

FRAMINGS = pytest.mark.parametrize("framing", ["slip", "length"])
MODES: dict[Framing, str] = {"slip": "1.1", "length": "1.0"}
MESSAGES = [osc.message(f"/stage/anna/bone/{n}", "ff", float(n), -6.0 - n) for n in range(40)]


@FRAMINGS
def test_python_osc_sends(framing: Framing) -> None:
    with TcpReceiver("127.0.0.1", 0, 0.1, framing) as receiver:
        with SimpleTCPClient("127.0.0.1", receiver.port, mode=MODES[framing]) as client:
            for number in range(5):
                client.send_message("/a/b", [float(number), -6.0])
            found = take(receiver, 5)
    assert found == [osc.message("/a/b", "ff", float(number), -6.0) for number in range(5)]


def test_several_senders_are_told_apart() -> None:
    with TcpReceiver("127.0.0.1", 0, 0.1) as receiver:
        address = ("127.0.0.1", receiver.port)
        with socket.create_connection(address) as first, socket.create_connection(address) as second:
            first.sendall(slip(MESSAGES[:1])[:9])  # half a packet, which the other's does not disturb
            second.sendall(slip(MESSAGES[1:2]))
            assert take(receiver, 1) == MESSAGES[1:2]
            first.sendall(slip(MESSAGES[:1])[9:])
            until(lambda: (received := receiver.receive()) and received == (MESSAGES[0], first.getsockname()))


def test_too_many_connections_are_refused_and_said() -> None:
    faults: list[str] = []
    with TcpReceiver("127.0.0.1", 0, 0.01, "slip", faults.append) as receiver:
        address = ("127.0.0.1", receiver.port)
        clients = [socket.create_connection(address) for _ in range(17)]
        until(lambda: receiver.receive() or faults)
        assert "more than 16 connections" in faults[0]
        for client in clients:
            client.close()


def test_wrong_framing_is_named() -> None:
    faults: list[str] = []
    with TcpReceiver("127.0.0.1", 0, 0.05, "length", faults.append) as receiver:
        with socket.create_connection(("127.0.0.1", receiver.port)) as client:
            client.sendall(length_prefixed(MESSAGES[:2]) + slip(MESSAGES[2:3]))
            assert take(receiver, 2) == MESSAGES[:2]
            client.sendall(slip(MESSAGES[2:3]))
            until(lambda: receiver.receive() or faults)
        assert "looks like SLIP" in faults[0]
        with socket.create_connection(("127.0.0.1", receiver.port)) as another:  # others are served on
            another.sendall(length_prefixed(MESSAGES[:1]))
            assert take(receiver, 1) == MESSAGES[:1]


def test_a_port_in_use() -> None:
    with TcpReceiver("127.0.0.1", 0, 0.1) as receiver, pytest.raises(TcpError, match="close the program"):
        TcpReceiver("127.0.0.1", receiver.port, 0.1)
