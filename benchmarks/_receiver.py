"""Receives datagrams for many outputs at once, and knows when the system had each of them."""

from __future__ import annotations

import socket
import struct

_SO_TIMESTAMPNS = 35
_BUFFER_BYTES = 1 << 21
_TIMESPEC = struct.Struct("@qq")


class Receiver:
    """A socket per output; knows of every datagram when it came."""

    def __init__(self, count: int) -> None:
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
        for opened in self.sockets:
            opened.setblocking(False)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            opened.bind(("127.0.0.1", 0))
        self.ports = [opened.getsockname()[1] for opened in self.sockets]
        self.arrived: list[list[int]] = [[] for _ in range(count)]
        """Per output, wall-clock nanoseconds of every datagram."""

    def drain(self) -> int:
        """Takes what has come."""
        before = sum(map(len, self.arrived))
        for opened, arrived in zip(self.sockets, self.arrived, strict=True):
            try:
                while True:
                    _, ancillary, _, _ = opened.recvmsg(0, 64)
                    seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
                    arrived.append(seconds * 1_000_000_000 + nanoseconds)
            except BlockingIOError:
                continue
        return sum(map(len, self.arrived)) - before

    def close(self) -> None:
        """Closes the sockets."""
        for opened in self.sockets:
            opened.close()
