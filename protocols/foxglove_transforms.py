"""`TransformsEncoder`: the same coordinate frames again and again, as `foxglove.FrameTransforms`.

A protobuf message of the same frames differs from the last one in its numbers only, which stand at the same places:
those are found once and then overwritten. Places move when a number becomes zero, which proto3 leaves out, or when
the time takes another number of bytes; each such layout is kept. The bytes are those of protobuf itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.errors import EncodeError

_NS = 1_000_000_000
_MOST_LAYOUTS = 32
_DOUBLE_BYTES = 8

# Tags: field number << 3 | wire type (0 varint, 1 eight bytes, 2 length and bytes).
_TRANSFORMS_TAG = 1 << 3 | 2
_TIMESTAMP_TAG, _PARENT_TAG, _CHILD_TAG, _TRANSLATION_TAG, _ROTATION_TAG = (n << 3 | 2 for n in range(1, 6))
_SECONDS_TAG, _NANOS_TAG = 1 << 3, 2 << 3
_DOUBLE_TAGS = tuple(n << 3 | 1 for n in range(1, 5))


class _Layout(NamedTuple):
    message: NDArray[np.uint8]
    """With the numbers of the message that it was made for."""
    times: NDArray[np.intp]
    """Indices (frames, bytes of a timestamp) into it."""
    values: NDArray[np.intp]
    """Indices (numbers that are not zero, 8), in the order of `kept`."""
    kept: NDArray[np.bool_]
    """(frames, 7): which numbers are written."""


class TransformsEncoder:
    """Encodes the transforms of always the same coordinate frames."""

    def __init__(self, frames: Sequence[tuple[str, str]]) -> None:
        """Parent and child of each transform, in their order."""
        self._names = [
            _delimited(_PARENT_TAG, parent.encode()) + _delimited(_CHILD_TAG, child.encode())
            for parent, child in frames
        ]
        self._layouts: dict[tuple[int, bytes], _Layout] = {}

    def encode(self, time_ns: int, translations: NDArray[np.floating], rotations: NDArray[np.floating]) -> bytes:
        """One message.

        Args:
            time_ns: Of all transforms.
            translations: (frames, 3) metres, child in parent.
            rotations: (frames, 4) xyzw.

        Raises:
            EncodeError: There are more or fewer transforms than frames, or the time is before 1970.
        """
        count = len(self._names)
        if translations.shape != (count, 3) or rotations.shape != (count, 4) or time_ns < 0:
            raise EncodeError(
                f"expected {count} transforms after 1970, got translations {translations.shape}, rotations "
                f"{rotations.shape} at {time_ns} ns"
            )
        values = np.empty((count, 7), "<f8")
        values[:, :3], values[:, 3:] = translations, rotations
        kept = values.view("<u8") != 0  # proto3 leaves out +0, but not -0
        timestamp = _timestamp(time_ns)
        key = (len(timestamp), kept.tobytes())
        layout = self._layouts.get(key)
        if layout is None:
            if len(self._layouts) >= _MOST_LAYOUTS:
                self._layouts.clear()
            layout = self._layouts[key] = self._new_layout(len(timestamp), kept)
        message = layout.message
        message[layout.times] = np.frombuffer(timestamp, np.uint8)
        message[layout.values] = values[kept].view(np.uint8).reshape(-1, _DOUBLE_BYTES)
        return message.tobytes()

    def _new_layout(self, time_bytes: int, kept: NDArray[np.bool_]) -> _Layout:
        message = bytearray()
        times, values = [], []
        for name, (*translation, x, y, z, w) in zip(self._names, kept.tolist(), strict=True):
            head = bytes((_TIMESTAMP_TAG, time_bytes)) + bytes(time_bytes) + name
            doubles = [_doubles(_TRANSLATION_TAG, translation), _doubles(_ROTATION_TAG, [x, y, z, w])]
            content = head + b"".join(data for data, _ in doubles)
            message += bytes((_TRANSFORMS_TAG,)) + _varint(len(content))
            times.append(len(message) + 2)
            place = len(message) + len(head)
            for data, offsets in doubles:
                values += [place + offset for offset in offsets]
                place += len(data)
            message += content
        return _Layout(
            np.frombuffer(bytes(message), np.uint8).copy(),
            np.array(times, np.intp)[:, None] + np.arange(time_bytes),
            np.array(values, np.intp)[:, None] + np.arange(_DOUBLE_BYTES),
            kept,
        )


def _timestamp(time_ns: int) -> bytes:
    """The content of a `google.protobuf.Timestamp`."""
    parts = zip((_SECONDS_TAG, _NANOS_TAG), divmod(time_ns, _NS), strict=True)
    return b"".join(bytes((tag,)) + _varint(value) for tag, value in parts if value != 0)


def _doubles(tag: int, kept: list[bool]) -> tuple[bytes, list[int]]:
    """A message of doubles, all zero yet, and where those stand in it."""
    length = (1 + _DOUBLE_BYTES) * sum(kept)
    data = bytearray((tag, length))
    offsets = []
    for double_tag, is_kept in zip(_DOUBLE_TAGS, kept, strict=False):
        if is_kept:
            data.append(double_tag)
            offsets.append(len(data))
            data += bytes(_DOUBLE_BYTES)
    return bytes(data), offsets


def _delimited(tag: int, data: bytes) -> bytes:
    return bytes((tag,)) + _varint(len(data)) + data if data else b""


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)
