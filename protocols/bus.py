"""The bus: records between the processes of one stage, over ZeroMQ PUB/SUB.

Every worker NAME publishes on one socket, `ipc://RUN_DIR/NAME.ipc`; whoever wants its messages
connects there. Either end may start first, die and come back: ZeroMQ reconnects. Topics are
`kind.subject` ("landmarks.left", "event.solve"), a subscription is a prefix of them.

Nobody waits for anybody. Queues are bounded, a publisher never blocks, and what a slow subscriber
cannot take is lost, but never silently: `protocols.sequences` says how it is counted.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import zmq

from protocols.clock import CLOCK_FILE, StageClock, read_clock
from protocols.codec import MAX_MESSAGE_BYTES, decode, encode
from protocols.errors import BusError, DecodeError
from protocols.messages import Record
from protocols.sequences import StreamCounters

QUEUE_LENGTH = 64
"""Messages that wait, per subscriber and side, before further ones are lost."""

_LONGEST_SOCKET_PATH = 107  # sockaddr_un.sun_path of Linux, less the closing zero
_LINGER_MS = 200
_RECONNECT_MS = 20
_RECONNECT_MAX_MS = 200
_PARTS = 2


class Message(NamedTuple):
    """A record as it came over the bus."""

    topic: str
    record: Record
    sequence: int
    """Number of the message in its topic."""
    sent_ns: int
    """Stage time at which it was published."""
    data: bytes = b""
    """Its bytes as they came, for a recorder."""


def endpoint(run_dir: Path, name: str) -> str:
    """The address at which a worker publishes.

    Raises:
        BusError: The name is no file name, or the path is longer than a socket's may be.
    """
    if not name or "/" in name or "\0" in name:
        raise BusError(f"{name!r} cannot name a worker: it has to be usable as a file name")
    path = str(run_dir / f"{name}.ipc")
    if len(path.encode()) > _LONGEST_SOCKET_PATH:
        raise BusError(
            f"{path}: longer than the {_LONGEST_SOCKET_PATH} bytes of a socket path; use a shorter run folder"
        )
    return f"ipc://{path}"


class Publisher:
    """The sending end of one worker. One thread owns it."""

    def __init__(
        self, run_dir: Path, name: str, clock: StageClock | None = None, queue_length: int = QUEUE_LENGTH
    ) -> None:
        """Binds the worker's socket.

        Args:
            run_dir: The stage's run folder.
            name: The worker's name.
            clock: Stage time; None reads it from the run folder.
            queue_length: Messages kept for a slow subscriber.

        Raises:
            BusError: The socket cannot be bound.
        """
        address = endpoint(run_dir, name)
        self._clock = clock or _clock_of(run_dir)
        self._sequences: dict[str, int] = {}
        self._start = time.monotonic_ns()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUB)
        self._socket.setsockopt(zmq.SNDHWM, queue_length)
        self._socket.setsockopt(zmq.LINGER, _LINGER_MS)
        try:
            self._socket.bind(address)
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise BusError(f"{address}: {error.strerror}; is the run folder there and writable?") from error

    def send(self, topic: str, record: Record) -> int:
        """Publishes a record at once and never blocks.

        Returns:
            The number of the message in its topic.

        Raises:
            EncodeError: An array of the record has the wrong size.
        """
        sequence = self._sequences.get(topic, 0)
        payload = encode(record, sequence, self._clock.now_ns(), self._start)
        self._sequences[topic] = sequence + 1
        self._socket.send_multipart((topic.encode(), payload), flags=zmq.DONTWAIT)
        return sequence

    def close(self) -> None:
        """Closes the socket; what is queued has a fifth of a second to leave."""
        self._context.destroy(linger=_LINGER_MS)

    def __enter__(self) -> Publisher:
        """The publisher itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()


class Subscriber:
    """The receiving end, for any number of publishers. One thread owns it."""

    def __init__(
        self, run_dir: Path, publishers: Mapping[str, Sequence[str]], queue_length: int = QUEUE_LENGTH
    ) -> None:
        """Connects; the publishers need not be there yet.

        Args:
            run_dir: The stage's run folder.
            publishers: Per publisher, the topic prefixes wanted from it.
            queue_length: Messages that may wait here per publisher.

        Raises:
            BusError: A publisher's name cannot be an address.
        """
        addresses = [endpoint(run_dir, name) for name in publishers]
        self._counters = StreamCounters()
        self._context = zmq.Context()
        self.socket: zmq.Socket[bytes] = self._context.socket(zmq.SUB)
        """For a `zmq.Poller`; do not receive from it directly."""
        self.socket.setsockopt(zmq.RCVHWM, queue_length)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        self.socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT_MS)
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, _RECONNECT_MAX_MS)
        for prefix in {prefix for prefixes in publishers.values() for prefix in prefixes}:
            self.socket.subscribe(prefix.encode())
        for address in addresses:
            self.socket.connect(address)
        self._burst = queue_length * max(1, len(addresses))

    @property
    def counters(self) -> dict[str, int]:
        """What was received and lost since the start, see `protocols.sequences`."""
        return self._counters.as_dict()

    def receive(self, timeout_ms: int) -> Message | None:
        """The next message, in the order of arrival; None when none comes within the time.

        Messages that are not understood are counted and skipped.
        """
        deadline_ns = time.monotonic_ns() + timeout_ms * 1_000_000
        left_ms = timeout_ms
        while left_ms >= 0 and (parts := self._arrived(left_ms)) is not None:
            message = self._understood(parts)
            if message is not None:
                self._counters.received += 1
                return message
            left_ms = (deadline_ns - time.monotonic_ns()) // 1_000_000
        return None

    def drain(self) -> list[Message]:
        """The newest waiting message of every topic, oldest topic first; never blocks.

        Older waiting messages of a topic are dropped, and counted.
        """
        newest: dict[str, Message] = {}
        for message in self._waiting():
            self._counters.drops += newest.pop(message.topic, None) is not None
            newest[message.topic] = message
        self._counters.received += len(newest)
        return list(newest.values())

    def drain_all(self) -> list[Message]:
        """Every waiting message, in the order of arrival; never blocks."""
        messages = self._waiting()
        self._counters.received += len(messages)
        return messages

    def close(self) -> None:
        """Closes the socket; waiting messages are forgotten."""
        self._context.destroy(linger=0)

    def __enter__(self) -> Subscriber:
        """The subscriber itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    def _waiting(self) -> list[Message]:
        """What has arrived, at most two queues full: a fast publisher cannot hold us here."""
        messages = []
        for _ in range(2 * self._burst):
            parts = self._arrived(0)
            if parts is None:
                break
            message = self._understood(parts)
            if message is not None:
                messages.append(message)
        return messages

    def _arrived(self, timeout_ms: int) -> list[bytes] | None:
        """The next message as it is; None when none comes within the time."""
        if timeout_ms > 0:
            self.socket.setsockopt(zmq.RCVTIMEO, timeout_ms)
        try:
            return self.socket.recv_multipart(zmq.DONTWAIT if timeout_ms <= 0 else 0)
        except zmq.Again:
            return None

    def _understood(self, parts: list[bytes]) -> Message | None:
        """The message; None, counted, when it is not understood."""
        try:
            if len(parts) != _PARTS:
                raise DecodeError(f"message of {len(parts)} parts, expected {_PARTS}")
            topic = parts[0].decode()
            envelope = decode(parts[1])
        except (DecodeError, UnicodeDecodeError):
            self._counters.decode_errors += 1
            return None
        self._counters.arrived(topic, envelope)
        return Message(topic, envelope.record, envelope.sequence, envelope.sent_ns, parts[1])


def _clock_of(run_dir: Path) -> StageClock:
    return read_clock(run_dir).clock if (run_dir / CLOCK_FILE).exists() else StageClock.start()
