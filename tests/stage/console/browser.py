"""A browser as far as viser's server can tell: it connects, says where its eye is, and reads what it is sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import msgspec
import viser
import zstandard
from websockets.sync.client import connect
from websockets.typing import Subprotocol

_EYE = {
    "type": "ViewerCameraMessage",
    "wxyz": (1.0, 0.0, 0.0, 0.0),
    "position": (3.0, 0.0, 1.0),
    "fov": 0.8,
    "near": 0.1,
    "far": 100.0,
    "image_height": 600,
    "image_width": 800,
    "look_at": (0.0, 0.0, 1.0),
    "up_direction": (0.0, 0.0, 1.0),
}


class FakeBrowser:
    """Open while it is entered."""

    def __init__(self, url: str, **headers: str) -> None:
        self._socket = connect(
            url.replace("http://", "ws://"),
            subprotocols=[Subprotocol(f"viser-v{viser.__version__}")],
            additional_headers=headers,
            compression=None,
            max_size=None,
            proxy=None,
            close_timeout=0.2,  # what was sent and not read is not waited for
        )
        self._socket.send(msgspec.msgpack.encode(_EYE))

    def __enter__(self) -> FakeBrowser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.send(data)

    def messages(self, timeout_s: float) -> Iterator[dict[str, Any]]:
        """Every message until the time is over; binary values as flat arrays of bytes."""
        deadline_s = time.monotonic() + timeout_s
        while (left_s := deadline_s - time.monotonic()) > 0.0:
            try:
                window = self._socket.recv(timeout=left_s)
            except TimeoutError:
                return
            assert isinstance(window, bytes)
            yield from unpack(window)

    def until(self, wanted: Callable[[dict[str, Any]], bool], timeout_s: float = 20.0) -> dict[str, Any]:
        """The first message that is wanted."""
        for message in self.messages(timeout_s):
            if wanted(message):
                return message
        raise AssertionError("the browser was not sent what it waited for")


def unpack(window: bytes) -> list[dict[str, Any]]:
    """The messages of one websocket frame: lengths, compressed msgpack, then buffers aligned to 8 bytes."""
    size = int.from_bytes(window[8:16], "little")
    body = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(window[16 : 16 + size]))
    offset, buffers = 16 + size, []
    for length in body["binaryBufferLengths"]:
        offset += -offset % 8
        buffers.append(window[offset : offset + length])
        offset += length
    return [_filled(message, buffers) for message in body["messages"]]


def updates_of(message: dict[str, Any], name: str) -> dict[str, Any]:
    """The new values in a message about one scene node, {} for any other message."""
    return message["updates"] if message["type"] == "SceneNodeUpdateMessage" and message["name"] == name else {}


def _filled(value: Any, buffers: list[bytes]) -> Any:
    if isinstance(value, dict):
        if "__binary_index" in value:
            return buffers[value["__binary_index"]]
        return {key: _filled(entry, buffers) for key, entry in value.items()}
    return [_filled(entry, buffers) for entry in value] if isinstance(value, list) else value


def until(condition: Callable[[], object], timeout_s: float = 20.0) -> None:
    """Wait for what another thread or process does."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.005)
