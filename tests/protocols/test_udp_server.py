from __future__ import annotations

import socket

import pytest
import zmq

from protocols.udp import UdpError
from protocols.udp_server import UdpServer


def test_it_never_waits_and_answers_from_the_port_that_was_asked() -> None:
    with UdpServer("127.0.0.1", 0) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        assert server.receive() is None
        client.settimeout(5.0)
        client.sendto(b"question", ("127.0.0.1", server.port))
        poller = zmq.Poller()
        poller.register(server.fileno(), zmq.POLLIN)
        assert poller.poll(5000)
        received = server.receive()
        assert received is not None and received == (b"question", ("127.0.0.1", client.getsockname()[1]))
        assert server.send(b"answer", *received[1])
        assert client.recvfrom(100) == (b"answer", ("127.0.0.1", server.port))


def test_what_the_system_does_not_take_is_told() -> None:
    with UdpServer("127.0.0.1", 0) as server:
        assert not server.send(b"a", "fd00::1", 9)
        assert not server.send(bytes(1 << 17), "127.0.0.1", 9)


def test_a_port_in_use() -> None:
    with UdpServer("127.0.0.1", 0) as server, pytest.raises(UdpError, match=str(server.port)):
        UdpServer("127.0.0.1", server.port)


def test_ipv4_is_answered_from_an_ipv6_socket() -> None:
    try:
        server = UdpServer("::", 0)
    except UdpError:
        pytest.skip("this machine has no IPv6")
    with server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind(("127.0.0.1", 0))
        client.settimeout(5.0)
        assert server.send(b"a", *client.getsockname())
        assert client.recv(10) == b"a"
