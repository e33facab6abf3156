"""What a TCP receiver has heard, for tests."""

from __future__ import annotations

import time

from protocols.tcp_receiver import TcpReceiver


def take(receiver: TcpReceiver, count: int) -> list[bytes]:
    """The next packets, as many as come within ten seconds."""
    found = []
    deadline = time.monotonic() + 10.0
    while len(found) < count and time.monotonic() < deadline:
        if (received := receiver.receive()) is not None:
            found.append(received[0])
    return found
