"""Sending OSC over TCP, in a way that can never hold up a show.

* `TcpSender` connects in a thread of its own, again and again until that succeeds, with growing pauses. Sending
  never blocks: a frame is taken whole by the system's small buffer, or all of it is dropped and counted. If the
  system takes only its begin, the thread sends the rest before anything else, so no packet is ever torn; a slow
  receiver thus misses frames, and never has to work through a long queue of old ones.
* The buffer is small on purpose: what lies in it is old when it arrives.
* A receiver that is gone without a word (a cable) is given up after some seconds and connected again.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress

from protocols.osc_framing import ENCODERS, Framing

_SEND_BUFFER_BYTES = 1 << 16
_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.25, 5.0
_CONNECT_S = 3.0
_DEAD_AFTER_MS = 5000
_PIECE_BYTES = 1 << 16


class TcpSender:
    """Sends frames of OSC packets to one receiver; the interface of `UdpSender`."""

    def __init__(self, host: str, port: int, framing: Framing = "slip") -> None:
        """Starts connecting."""
        self.host, self.port = host, port
        counted = ("datagrams", "unresolved", "full", "unreachable", "connections")
        self.counters: dict[str, int] = dict.fromkeys(counted, 0)
        """Packets sent; frames not sent because of the host's name, a slow receiver or no connection; connections."""
        self.fault = ""
        """Why the last frame was not taken; "" when it was."""
        self.resolved = threading.Event()
        """Set when the host's address is known."""
        self.connected = threading.Event()
        """Set while the receiver is connected."""
        self._framed = ENCODERS[framing]
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._rest: memoryview = memoryview(b"")
        self._closed = threading.Event()
        self._waking, self._wake = socket.socketpair()
        self._wake.setblocking(False)
        threading.Thread(target=self._run, name=f"tcp-{host}:{port}", daemon=True).start()

    @property
    def source_port(self) -> int:
        """The port of this connection; 0 while there is none."""
        with self._lock, suppress(OSError):
            return int(self._socket.getsockname()[1]) if self._socket is not None else 0
        return 0

    @property
    def target(self) -> str:
        """The receiver, and the port that frames come from."""
        return f"{self.host}:{self.port} by TCP from port {self.source_port}"

    def send(self, datagrams: Sequence[bytes | memoryview]) -> bool:
        """Sends one frame; never blocks.

        Returns:
            Whether all of it is on its way; `fault` says why not.
        """
        if len(datagrams) == 0:
            return True
        with self._lock:
            if self._socket is None:
                return self._failed("unreachable" if self.resolved.is_set() else "unresolved")
            if not self._push():
                return self._failed("unreachable" if self._socket is None else "full")
            self._rest = memoryview(self._framed(datagrams))
            whole = len(self._rest)
            self._push()
            if self._socket is None:
                return self._failed("unreachable")
            if len(self._rest) == whole:  # nothing of it is taken, so nothing of it need be
                self._rest = memoryview(b"")
                return self._failed("full")
            if len(self._rest) > 0:
                self._stir()
            self.counters["datagrams"] += len(datagrams)
            self.fault = ""
            return True

    def _failed(self, count: str) -> bool:
        self.counters[count] += 1
        self.fault = {
            "unresolved": f"host {self.host} is not found; check the name, or give its address",
            "unreachable": f"nobody listens on {self.host}:{self.port} (TCP); start the receiver, or check the port",
            "full": f"{self.host}:{self.port} does not read as fast as frames come; lower the output's rate",
        }[count]
        return False

    def close(self) -> None:
        """Ends the connection, and the thread as soon as it does not wait for the network."""
        self._closed.set()
        self._stir()

    def _push(self) -> bool:
        """Gives the system what it takes of the rest; False when some remains, or the connection is lost."""
        if len(self._rest) == 0:
            return True
        assert self._socket is not None
        try:
            self._rest = self._rest[self._socket.send(self._rest) :]
        except BlockingIOError:
            return False
        except OSError:
            self._lose()
            return False
        return len(self._rest) == 0

    def _lose(self) -> None:
        self._socket, self._rest = None, memoryview(b"")
        self.connected.clear()
        self._stir()

    def _stir(self) -> None:
        with suppress(OSError):  # full: it is awake already
            self._wake.send(b"\0")

    def _run(self) -> None:
        with self._waking, self._wake:
            self._keep_connected()

    def _keep_connected(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._closed.is_set():
            opened = self._connect()
            if opened is None:
                self._closed.wait(pause_s)
                pause_s = min(2.0 * pause_s, _LAST_PAUSE_S)
                continue
            pause_s = _FIRST_PAUSE_S
            with opened:
                self._attend(opened)

    def _connect(self) -> socket.socket | None:
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
            family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        except (OSError, UnicodeError):
            return None
        self.resolved.set()
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.settimeout(_CONNECT_S)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAD_AFTER_MS)
            opened.connect(address)
            opened.setblocking(False)
            # A port of this machine that nobody listens on may connect to itself.
            if opened.getsockname() == opened.getpeername():
                raise ConnectionRefusedError
        except OSError:
            opened.close()
            return None
        return opened

    def _attend(self, opened: socket.socket) -> None:
        """Sends what `send` left over, until the connection ends."""
        with self._lock:
            self._socket, self._rest = opened, memoryview(b"")
            self.counters["connections"] += 1
            self.connected.set()
        while not self._closed.is_set():
            with self._lock:
                if self._socket is None:
                    return
                waiting = [opened] if not self._push() and self._socket is not None else []
            readable, _, _ = select.select([opened, self._waking], waiting, [])
            if self._waking in readable:
                self._waking.recv(4096)
            if opened in readable and not _still_open(opened):
                break
        with self._lock:
            self._lose()


def _still_open(connection: socket.socket) -> bool:
    """Reads away what a receiver answers; False at the end of the connection."""
    try:
        return len(connection.recv(_PIECE_BYTES)) > 0
    except BlockingIOError:
        return True
    except OSError:
        return False
