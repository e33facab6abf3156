"""UDP to one receiver, in a way that can never hold up a show.

* One socket per receiver, bound once: the source port stays the same for the whole stream (Godot follows only
  the newest source it has seen).
* Sending never blocks. What the system does not take is counted and gone; the next frame is newer anyway.
* A host given by name is resolved in a thread of its own, again and again until that succeeds; datagrams before
  that are counted as unresolved. Routes are looked up by the system with every datagram, so a cable that is
  pulled and plugged in again needs no care.
"""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from protocols import _send_batch as send_batch
from protocols._send_batch import SendBatch
from protocols.errors import ProtocolError

_SEND_BUFFER_BYTES = 1 << 20
_RETRY_S = 2.0
_FEW = 2
"""So many datagrams are sent as quickly one by one."""

_MOST_BATCHES = 64


class UdpError(ProtocolError):
    """A socket that cannot be opened."""


class UdpSender:
    """Sends datagrams to one receiver."""

    def __init__(self, host: str, port: int) -> None:
        """Opens the socket and looks up the host.

        Raises:
            UdpError: The system gives no socket.
        """
        self.host, self.port = host, port
        self.counters: dict[str, int] = dict.fromkeys(("datagrams", "unresolved", "full", "unreachable"), 0)
        """Datagrams sent, and frames not sent because of the host's name, the system's queue or the network."""
        self.fault = ""
        """Why the last frame was not taken; "" when it was."""
        self.resolved = threading.Event()
        """Set when the host's address is known."""
        self._batches: dict[int, SendBatch] = {}
        self._batched = False
        self._closed = threading.Event()
        self._socket: socket.socket | None = None
        self._address: tuple[Any, ...] = ()
        if not self._resolve(socket.AI_NUMERICHOST):
            threading.Thread(target=self._resolve_by_name, name=f"resolve-{host}", daemon=True).start()

    @property
    def source_port(self) -> int:
        """The port that datagrams come from; 0 while the host is not resolved."""
        return int(self._socket.getsockname()[1]) if self._socket is not None else 0

    @property
    def target(self) -> str:
        """The receiver, and the port that datagrams come from."""
        return f"{self.host}:{self.port} from port {self.source_port}"

    def send(self, datagrams: Sequence[bytes | memoryview]) -> bool:
        """Sends one frame; never blocks.

        Returns:
            Whether the system has taken all of it; `fault` says why not.
        """
        if self._socket is None:
            return self._failed("unresolved", f"host {self.host} is not found; check the name, or give its address")
        opened = self._socket
        try:
            taken = 0
            if self._batched and isinstance(datagrams, tuple) and len(datagrams) > _FEW:
                taken = self._batch(datagrams).send(opened.fileno())
            for datagram in datagrams[taken:]:
                opened.sendto(datagram, self._address)
        except BlockingIOError:
            return self._failed("full", f"the network does not take all that is sent to {self.host}:{self.port}")
        except OSError as error:
            self._batched = self._batched and error.errno != errno.ENOSYS
            reason = error.strerror or error
            return self._failed("unreachable", f"{self.host}:{self.port} cannot be reached ({reason})")
        self.counters["datagrams"] += len(datagrams)
        self.fault = ""
        return True

    def _batch(self, datagrams: tuple[bytes | memoryview, ...]) -> SendBatch:
        """Of these very objects; a stream's frames are few and always the same."""
        batch = self._batches.get(id(datagrams))
        if batch is None:  # the id of something that is kept is nobody else's
            if len(self._batches) >= _MOST_BATCHES:
                del self._batches[next(iter(self._batches))]
            batch = self._batches[id(datagrams)] = SendBatch(datagrams, self._address)
        return batch

    def _failed(self, count: str, fault: str) -> bool:
        self.counters[count] += 1
        self.fault = fault
        return False

    def close(self) -> None:
        """Closes the socket."""
        self._closed.set()
        if self._socket is not None:
            self._socket.close()

    def _resolve_by_name(self) -> None:
        while not self._closed.is_set():
            with suppress(UdpError):
                if self._resolve(0):
                    return
            self._closed.wait(_RETRY_S)

    def _resolve(self, flags: int) -> bool:
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM, flags=flags)
        except (OSError, UnicodeError):
            return False
        family, address = _preferred(found)
        opened = _open(family)
        self._batched = send_batch.AVAILABLE and family == socket.AF_INET
        self._address, self._socket = address, opened
        self.resolved.set()
        if self._closed.is_set():
            opened.close()
        return True


class UdpReceiver:
    """Receives datagrams on one port."""

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        """Binds.

        Args:
            host: Address to listen on; "127.0.0.1" hears this machine only.
            port: 0 lets the system choose.
            timeout_s: How long `receive` waits; 0 does not wait.

        Raises:
            UdpError: The port is in use, or the address is not this machine's.
        """
        try:
            family, address = _preferred(socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM))
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
        except OSError as error:
            raise UdpError(f"cannot listen on {host}: {error.strerror}") from error
        self._socket.settimeout(timeout_s)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SEND_BUFFER_BYTES)
            self._socket.bind(address)
        except OSError as error:
            self._socket.close()
            raise UdpError(
                f"cannot listen on {host} port {port}: {error.strerror}; close the program that uses it, or use another"
            ) from error

    def fileno(self) -> int:
        """For a selector."""
        return self._socket.fileno()

    @property
    def port(self) -> int:
        """The port listened on."""
        return int(self._socket.getsockname()[1])

    def receive(self) -> tuple[bytes, tuple[str, int]] | None:
        """The next datagram and who sent it; None when none comes in time."""
        try:
            datagram, source = self._socket.recvfrom(1 << 16)
        except (TimeoutError, BlockingIOError):
            return None
        return datagram, (str(source[0]), int(source[1]))

    def close(self) -> None:
        """Closes the socket."""
        self._socket.close()

    def __enter__(self) -> UdpReceiver:
        """The receiver itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()


def _preferred(found: Sequence[tuple[Any, ...]]) -> tuple[int, tuple[Any, ...]]:
    """Family and address, IPv4 first: "localhost" has both, and engines listen on IPv4."""
    family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return family, address


def _open(family: int) -> socket.socket:
    try:
        opened = socket.socket(family, socket.SOCK_DGRAM)
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        opened.bind(("", 0))
    except OSError as error:
        raise UdpError(f"no UDP socket: {error.strerror}") from error
    return opened
