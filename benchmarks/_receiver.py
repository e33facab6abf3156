"""Receives datagrams for many outputs at once, and knows when the system had each of them."""

from __future__ import annotations

import socket
import struct

_SO_TIMESTAMPNS = 35
_BUFFER_BYTES = 1 << 21
_TIMESPEC = struct.Struct("@qq")


class Receiver:
    """A socket per output; knows of every datagram when it came."""

    def __init__(self, count: int, kept_bytes: int = 0) -> None:
        self._kept_bytes = kept_bytes
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
        for opened in self.sockets:
            opened.setblocking(False)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            opened.bind(("127.0.0.1", 0))
        self.ports = [opened.getsockname()[1] for opened in self.sockets]
        self.arrived: list[list[int]] = [[] for _ in range(count)]
        """Per output, wall-clock nanoseconds of every datagram."""
        self.datagrams: list[list[bytes]] = [[] for _ in range(count)]
        """Per output, the first `kept_bytes` of every datagram."""

    def drain(self) -> int:
        """Takes what has come."""
        before = sum(map(len, self.arrived))
        for opened, arrived, datagrams in zip(self.sockets, self.arrived, self.datagrams, strict=True):
            try:
                while True:
                    data, ancillary, _, _ = opened.recvmsg(self._kept_bytes, 64)
                    if self._kept_bytes:
                        datagrams.append(data)
                    seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
                    arrived.append(seconds * 1_000_000_000 + nanoseconds)
            except BlockingIOError:
                continue
        return sum(map(len, self.arrived)) - before

    def close(self) -> None:
        """Closes the sockets."""
        for opened in self.sockets:
            opened.close()
