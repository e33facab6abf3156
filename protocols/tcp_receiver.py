"""Receiving OSC over TCP, as a probe does: from a few senders at once, each with a decoder of its own.

Memory is bounded: so many connections, one unfinished packet each, and the packets of one piece read. A sender whose
framing has lost its way for good is disconnected; the others are served on.
"""

from __future__ import annotations

import select
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from protocols.errors import ProtocolError
from protocols.osc_framing import DECODERS, Decoder, Framing, FramingError

_MOST_CONNECTIONS = 16
_PIECE_BYTES = 1 << 16


class TcpError(ProtocolError):
    """A port that cannot be listened on."""


class TcpReceiver:
    """Receives OSC packets on one port, from a few senders at once; the interface of `UdpReceiver`."""

    def __init__(
        self, host: str, port: int, timeout_s: float, framing: Framing = "slip", fault: Callable[[str], None] = print
    ) -> None:
        """Listens.

        Args:
            host: Address to listen on; "127.0.0.1" hears this machine only.
            port: 0 lets the system choose.
            timeout_s: How long `receive` waits.
            framing: How the packets are told apart.
            fault: Told of each fault of the framing.

        Raises:
            TcpError: The port is in use, or the address is not this machine's.
        """
        self._timeout_s, self._fault = timeout_s, fault
        self._framing: Framing = framing
        self._connections: dict[socket.socket, tuple[Decoder, tuple[str, int]]] = {}
        self._packets: deque[tuple[bytes, tuple[str, int]]] = deque()
        try:
            self._listener = socket.create_server((host, port), family=_family(host, port))
        except OSError as error:
            raise TcpError(
                f"cannot listen on {host} port {port}: {error.strerror}; close the program that uses it, or use another"
            ) from error
        self._listener.setblocking(False)

    @property
    def port(self) -> int:
        """The port listened on."""
        return int(self._listener.getsockname()[1])

    def receive(self) -> tuple[bytes, tuple[str, int]] | None:
        """The next packet and who sent it; None when none comes in time."""
        if not self._packets:
            readable, _, _ = select.select([self._listener, *self._connections], [], [], self._timeout_s)
            for found in readable:
                if found is self._listener:
                    self._accept()
                else:
                    self._read(found)
        return self._packets.popleft() if self._packets else None

    def close(self) -> None:
        """Ends all connections."""
        for connection in (self._listener, *self._connections):
            connection.close()
        self._connections.clear()

    def __enter__(self) -> TcpReceiver:
        """The receiver itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    def _accept(self) -> None:
        try:
            connection, source = self._listener.accept()
        except OSError:
            return
        if len(self._connections) >= _MOST_CONNECTIONS:
            connection.close()
            self._fault(f"more than {_MOST_CONNECTIONS} connections at once; {source[0]}:{source[1]} is refused")
            return
        connection.setblocking(False)
        self._connections[connection] = (DECODERS[self._framing](), (str(source[0]), int(source[1])))

    def _read(self, connection: socket.socket) -> None:
        decoder, source = self._connections[connection]
        malformed = decoder.malformed
        try:
            piece = connection.recv(_PIECE_BYTES)
            self._packets.extend((packet, source) for packet in decoder.feed(piece))
        except BlockingIOError:
            return
        except FramingError as error:
            self._fault(str(error))
            piece = b""
        except OSError:
            piece = b""
        else:
            if decoder.malformed > malformed:
                self._fault("a packet with a wrong escape, or without an end: is it framed by lengths instead of SLIP?")
        if not piece:
            del self._connections[connection]
            connection.close()


def _family(host: str, port: int) -> int:
    found: list[Any] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return min((entry[0] for entry in found), key=lambda family: family != socket.AF_INET)
