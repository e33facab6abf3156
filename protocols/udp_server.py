"""UDP to and from one port: whoever asks is answered from the port that was asked."""

from __future__ import annotations

import socket

from protocols.udp import UdpReceiver


class UdpServer(UdpReceiver):
    """Receives and sends without ever blocking; `fileno` is for a poller."""

    def __init__(self, host: str, port: int) -> None:
        """Binds.

        Args:
            host: Address to listen on; "127.0.0.1" hears this machine only.
            port: 0 lets the system choose.

        Raises:
            UdpError: The port is in use, or the address is not this machine's.
        """
        super().__init__(host, port, timeout_s=0.0)

    def fileno(self) -> int:
        """Of the socket."""
        return self._socket.fileno()

    def receive(self) -> tuple[bytes, tuple[str, int]] | None:
        """A datagram that waits, and who sent it; None when there is none."""
        try:
            return super().receive()
        except BlockingIOError:
            return None

    def __enter__(self) -> UdpServer:
        """The server itself."""
        return self

    def send(self, datagram: bytes, host: str, port: int) -> bool:
        """Sends to an IP address; a name is not looked up.

        Returns:
            Whether the system has taken it.
        """
        if self._socket.family == socket.AF_INET6 and ":" not in host:
            host = f"::ffff:{host}"
        try:
            self._socket.sendto(datagram, (host, port))
        except OSError:
            return False
        return True
