"""Files on their way to whoever asked for them, as the Live Link Face app sends its takes: by TCP, one at a time.

A thread opens the connection and sends the size, four bytes, then the file. A receiver that does not answer, or stops
reading, is left after `PATIENCE_S`.
"""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections import deque
from pathlib import Path

from protocols.errors import EncodeError
from protocols.phone_app import Address, file_size
from stage.news import News

PATIENCE_S = 5.0
_CHUNK_BYTES = 1 << 18


class Deliveries:
    """Sends files, each in its turn; a second one while one is on its way is refused."""

    def __init__(self) -> None:
        """Nothing on its way."""
        self.news: deque[News] = deque(maxlen=16)
        """What became of them; whoever tells it takes it out."""
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether one is on its way."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, path: Path, target: Address) -> bool:
        """Sends a file; False while another one is on its way."""
        if self.busy:
            return False
        self._thread = threading.Thread(target=self._deliver, args=(path, target), name="delivery", daemon=True)
        self._thread.start()
        return True

    def close(self) -> None:
        """Ends what is on its way."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join(1.0)

    def _deliver(self, path: Path, target: Address) -> None:
        what = f"{path.name} to {target.host} port {target.port}"
        try:
            size = self._send(path, target)
        except (OSError, EncodeError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            self.news.append(News("warning", f"{what} could not be sent: {reason}"))
        else:
            kind, done = ("info", "sent") if size >= 0 else ("warning", "broken off")
            self.news.append(News(kind, f"{what}: {done}" + (f", {size / 1e6:.1f} MB" if size >= 0 else "")))

    def _send(self, path: Path, target: Address) -> int:
        """Returns the bytes of the file; -1 when `close` came first."""
        # A link put in the file's place after it was looked at leads nowhere.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OSError("not a file")
            left = status.st_size
            head = file_size(left)
            with socket.create_connection(target, PATIENCE_S) as connection:
                connection.sendall(head)
                while left > 0:
                    if self._closed.is_set():
                        return -1
                    chunk = file.read(min(left, _CHUNK_BYTES))
                    if len(chunk) == 0:
                        raise OSError("the file became shorter meanwhile")
                    connection.sendall(chunk)
                    left -= len(chunk)
        return status.st_size
