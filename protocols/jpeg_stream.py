"""Frames for subscribers on other hosts: JPEG over ZeroMQ.

    [topic "jpeg.<camera>", codec envelope of the FrameNote (ring = ""), JPEG bytes]

The publisher is an XPUB socket, which hears who subscribes: as long as nobody does, `send` returns
at once and nothing is encoded. A subscriber that vanishes without a word is noticed by its missing
heartbeats within seconds. Queues hold two frames; a slow subscriber sees the newest and counts
the rest. Beyond loopback both ends need keys, see `protocols.curve`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import zmq
from numpy.typing import NDArray

from protocols import curve
from protocols.clock import StageClock
from protocols.codec import decode, encode
from protocols.errors import BusError, DecodeError, EncodeError
from protocols.messages import FrameNote
from protocols.sequences import StreamCounters

TOPIC_PREFIX = "jpeg."

_QUEUE_LENGTH = 2
_MAX_JPEG_BYTES = 64 << 20
_BURST = 4  # messages per camera taken at once, so that a fast publisher cannot hold us
_HEARTBEAT_MS = 1000
_SUBSCRIBE = 1
_PARTS = 3


@dataclass(frozen=True, slots=True)
class JpegFrame:
    """A frame from another host."""

    note: FrameNote
    image: NDArray[np.uint8]
    """uint8 (height, width, 3) BGR."""
    sent_ns: int
    """Stage time of the sending host at which it was published."""


class JpegPublisher:
    """Publishes frames to whoever subscribes, on a TCP port. One thread owns it."""

    def __init__(
        self,
        host: str,
        port: int,
        clock: StageClock,
        quality: int = 80,
        secret_key_file: Path | None = None,
    ) -> None:
        """Binds the port.

        Args:
            host: Address to bind.
            port: Port to bind; 0 takes a free one, see `port`.
            clock: Stage time.
            quality: Of the JPEG, 1 to 100.
            secret_key_file: Own key pair; subscribers' keys lie beside it in `clients/`.

        Raises:
            BusError: Beyond loopback without keys, a bad key, or a port in use.
        """
        curve.require_keys(host, secret_key_file)
        self._clock = clock
        self._start = time.monotonic_ns()
        self._options = (cv2.IMWRITE_JPEG_QUALITY, quality)
        self._sequences: dict[str, int] = {}
        self._subscriptions: set[bytes] = set()
        self._context = zmq.Context()
        self._authenticator = None
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.setsockopt(zmq.SNDHWM, _QUEUE_LENGTH)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.IPV6, 1)
        self._socket.setsockopt(zmq.HEARTBEAT_IVL, _HEARTBEAT_MS)
        address = curve.tcp_endpoint(host, port)
        try:
            if secret_key_file is not None:
                self._authenticator = curve.guard(self._context, self._socket, secret_key_file)
            self._socket.bind(address)
        except zmq.ZMQError as error:
            self.close()
            raise BusError(f"{address}: {error.strerror}; choose another [bus] jpeg_port or jpeg_host") from error
        except BusError:
            self.close()
            raise
        self.port = int(self._socket.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2])
        """The port bound."""

    def is_wanted(self, camera: str) -> bool:
        """Whether anybody has subscribed to a camera."""
        while self._socket.poll(0):
            message = self._socket.recv()
            if message[:1] == bytes((_SUBSCRIBE,)):
                self._subscriptions.add(message[1:])
            else:
                self._subscriptions.discard(message[1:])
        topic = _topic(camera)
        return any(topic.startswith(subscription) for subscription in self._subscriptions)

    def send(self, note: FrameNote, image: NDArray[np.uint8]) -> bool:
        """Encodes and publishes a frame if anybody wants it; never waits for a subscriber.

        Args:
            note: The frame's note; its place in the ring is left out.
            image: uint8 (height, width, 3) BGR.

        Returns:
            Whether it was encoded and sent.

        Raises:
            EncodeError: The image cannot be a JPEG.
        """
        if not self.is_wanted(note.camera):
            return False
        try:
            encoded, jpeg = cv2.imencode(".jpg", image, self._options)
        except cv2.error as error:
            raise EncodeError(
                f"camera {note.camera}: {image.dtype} {image.shape} makes no JPEG ({error.err})"
            ) from error
        if not encoded:
            raise EncodeError(f"camera {note.camera}: {image.dtype} {image.shape} makes no JPEG")
        sequence = self._sequences.get(note.camera, 0)
        self._sequences[note.camera] = sequence + 1
        remote_note = msgspec.structs.replace(note, ring="", slot=0, generation=0)
        envelope = encode(remote_note, sequence, self._clock.now_ns(), self._start)
        self._socket.send_multipart((_topic(note.camera), envelope, jpeg.data), flags=zmq.DONTWAIT)
        return True

    def close(self) -> None:
        """Gives the port back."""
        if self._authenticator is not None:
            self._authenticator.stop()
        self._context.destroy(linger=0)

    def __enter__(self) -> JpegPublisher:
        """The publisher itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()


class JpegSubscriber:
    """Receives frames from another host. One thread owns it."""

    def __init__(
        self,
        addresses: Iterable[tuple[str, int]],
        cameras: Iterable[str],
        secret_key_file: Path | None = None,
        server_key_file: Path | None = None,
    ) -> None:
        """Connects; the publishers need not be there yet.

        Args:
            addresses: (host, port) of the publishers.
            cameras: Cameras wanted.
            secret_key_file: Own key pair, where the publishers ask for one.
            server_key_file: The publishers' public key, as well.

        Raises:
            BusError: A key cannot be read, only one of them is given, or an address is malformed.
        """
        if (secret_key_file is None) != (server_key_file is None):
            raise BusError("a subscriber needs both its own secret key and the publisher's public key, or neither")
        self._counters = StreamCounters()
        self._topics = {_topic(camera) for camera in cameras}
        self._context = zmq.Context()
        self.socket: zmq.Socket[bytes] = self._context.socket(zmq.SUB)
        """For a `zmq.Poller`; do not receive from it directly."""
        self.socket.setsockopt(zmq.RCVHWM, _QUEUE_LENGTH)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.IPV6, 1)
        self.socket.setsockopt(zmq.MAXMSGSIZE, _MAX_JPEG_BYTES)
        self.socket.setsockopt(zmq.HEARTBEAT_IVL, _HEARTBEAT_MS)
        try:
            if secret_key_file is not None and server_key_file is not None:
                curve.identify(self.socket, secret_key_file, server_key_file)
            for topic in self._topics:
                self.socket.subscribe(topic)
            for host, port in addresses:
                self.socket.connect(curve.tcp_endpoint(host, port))
        except zmq.ZMQError as error:
            self.close()
            raise BusError(f"frames of another host: {error.strerror}") from error
        except BusError:
            self.close()
            raise

    @property
    def counters(self) -> dict[str, int]:
        """What was received and lost since the start, see `protocols.sequences`."""
        return self._counters.as_dict()

    def receive(self, timeout_ms: int) -> list[JpegFrame]:
        """The newest waiting frame of every camera, waiting for the first one if there is none.

        Frames that are not understood are counted and skipped; older ones are counted as drops.
        """
        newest: dict[str, tuple[FrameNote, bytes, int]] = {}
        deadline_ns = time.monotonic_ns() + timeout_ms * 1_000_000
        for _ in range(_BURST * max(1, len(self._topics))):
            left_ms = max(0, (deadline_ns - time.monotonic_ns()) // 1_000_000)
            if not self.socket.poll(0 if newest else left_ms):
                break
            taken = self._take()
            if taken is not None:
                self._counters.drops += taken[0].camera in newest
                newest[taken[0].camera] = taken
        return [frame for taken in newest.values() if (frame := self._decoded(*taken)) is not None]

    def close(self) -> None:
        """Closes the socket."""
        self._context.destroy(linger=0)

    def __enter__(self) -> JpegSubscriber:
        """The subscriber itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    def _take(self) -> tuple[FrameNote, bytes, int] | None:
        """(note, JPEG, sent_ns) of the message that has arrived; None, counted, when it is none."""
        parts: list[Any] = self.socket.recv_multipart()
        try:
            if len(parts) != _PARTS:
                raise DecodeError(f"frame of {len(parts)} parts, expected {_PARTS}")
            envelope = decode(parts[1])
            note = envelope.record
            if not isinstance(note, FrameNote) or parts[0] != _topic(note.camera) or parts[0] not in self._topics:
                raise DecodeError(f"not a frame of {parts[0]!r}")
        except DecodeError:
            self._counters.decode_errors += 1
            return None
        self._counters.arrived(note.camera, envelope)
        return note, parts[2], envelope.sent_ns

    def _decoded(self, note: FrameNote, jpeg: bytes, sent_ns: int) -> JpegFrame | None:
        try:
            image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_BGR) if jpeg else None
        except cv2.error:
            image = None
        if image is None or image.shape != (note.height, note.width, 3):
            self._counters.decode_errors += 1
            return None
        self._counters.received += 1
        return JpegFrame(note, np.asarray(image, np.uint8), sent_ns)


def _topic(camera: str) -> bytes:
    return f"{TOPIC_PREFIX}{camera}".encode()
