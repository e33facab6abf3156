"""Templates: OSC frames that are packed once and then only have their numbers rewritten.

A performance has the same addresses, names and tags in every frame; only floats change. So all
datagrams of a frame lie packed in one buffer, and a frame costs one array assignment: everything in
OSC is a multiple of four bytes, thus every number is one big-endian word of that buffer. The bytes
are those that a general OSC library would build anew each time, at a hundredth of its price.

    buffer    [ datagram 0: message, message, ... ][ datagram 1: ... ] ...
    words     the same memory as uint32, addressed by the index arrays of `trailing`
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from protocols import osc
from protocols.errors import EncodeError

_BUNDLE_HEAD_BYTES = 16
_SIZE_BYTES = 4
_WORD_BYTES = 4


class FrameTemplate:
    """The datagrams of one frame in one buffer."""

    def __init__(self, groups: Sequence[Sequence[bytes]], *, bundled: bool = True) -> None:
        """Packs messages into datagrams.

        Args:
            groups: Packed messages, one group per datagram.
            bundled: False makes every message a datagram of its own.
        """
        if bundled:
            packets = [osc.bundle(group) for group in groups]
            overhead = [(_BUNDLE_HEAD_BYTES + _SIZE_BYTES, *[_SIZE_BYTES] * (len(group) - 1)) for group in groups]
        else:
            packets = [message for group in groups for message in group]
            overhead = [(0,) * len(group) for group in groups]
        sizes = [len(message) for group in groups for message in group]
        before = [size for group in overhead for size in group]
        self._ends = np.cumsum(np.add(sizes, before)) // _WORD_BYTES
        """Word behind each message, in the order given."""
        self._buffer = bytearray().join(packets)
        self._words = np.frombuffer(self._buffer, np.uint32)
        edges = np.cumsum([0, *map(len, packets)]).tolist()
        view = memoryview(self._buffer).toreadonly()
        self.datagrams = tuple(view[start:end] for start, end in pairwise(edges))
        """What to send, in order; always shows the numbers written last."""

    def trailing(self, first: int, count: int, width: int) -> NDArray[np.intp]:
        """Where the last `width` numbers of `count` messages lie, (count, width), for `write`.

        Args:
            first: Index of the first message, counted over all groups.
            count: Number of messages.
            width: Numbers at the end of each of them.
        """
        return (self._ends[first : first + count, None] + np.arange(-width, 0)).astype(np.intp)

    def end(self, index: int) -> int:
        """The word behind a message, counted over all groups; -1 is the last message."""
        return int(self._ends[index])

    def write(self, places: NDArray[np.intp], values: NDArray[np.float32]) -> None:
        """Writes floats to the places that `trailing` found; both of the same shape."""
        self._words[places] = values.view(np.uint32).byteswap()

    def numbers(self, *places: NDArray[np.intp]) -> Numbers:
        """Floats that are written together, in this order of places, each as `trailing` found them."""
        return Numbers(self, _layout(np.concatenate([each.ravel() for each in places]).tobytes()))

    def write_float(self, place: int, value: float) -> None:
        """Writes one float to the word `place`."""
        struct.pack_into(">f", self._buffer, _WORD_BYTES * place, value)

    def write_int(self, place: int, value: int) -> None:
        """Writes one int to the word `place`."""
        struct.pack_into(">i", self._buffer, _WORD_BYTES * place, value)

    def write_text(self, end: int, text: bytes) -> None:
        """Writes the last string of a message that ends at the word `end`, as long as it was in the template."""
        start = _WORD_BYTES * end - osc.padded(len(text))
        self._buffer[start : start + len(text)] = text


@lru_cache(64)
def _layout(places: bytes) -> NDArray[np.intp]:
    """The one array of these places: frames of equal layout share it, and the processor's cache holds more of them."""
    return np.frombuffer(places, np.intp)


class Numbers:
    """The floats of a frame, from one array."""

    def __init__(self, template: FrameTemplate, places: NDArray[np.intp]) -> None:
        """Takes the places."""
        self.values = np.zeros(len(places), np.float32)
        """To be filled, in the order of the places."""
        self._template = template
        self._places = places
        self._flags = bytearray(len(places))
        self._finite = np.frombuffer(self._flags, np.bool_)

    @property
    def finite(self) -> bool:
        """Whether all are finite."""
        np.isfinite(self.values, self._finite)
        return 0 not in self._flags  # a tenth of the time of all()

    def write(self) -> None:
        """Writes them into the datagrams."""
        self._template.write(self._places, self.values)


def split(messages: Sequence[bytes], most: int, lead: Sequence[bytes] = ()) -> list[list[bytes]]:
    """Messages in groups that each fit one datagram.

    Args:
        messages: Packed messages; they stay in order.
        most: At most so many of them per datagram.
        lead: Messages that go first, into the first datagram, and do not count.

    Raises:
        EncodeError: One message alone exceeds a datagram.
    """
    groups: list[list[bytes]] = [list(lead)]
    size = _BUNDLE_HEAD_BYTES + sum(_SIZE_BYTES + len(message) for message in lead)
    counted = 0
    for message in messages:
        needed = _SIZE_BYTES + len(message)
        if _BUNDLE_HEAD_BYTES + needed > osc.MAX_DATAGRAM_BYTES:
            raise EncodeError(f"OSC message of {len(message)} bytes does not fit a {osc.MAX_DATAGRAM_BYTES} B datagram")
        if counted == most or size + needed > osc.MAX_DATAGRAM_BYTES:
            groups.append([])
            size, counted = _BUNDLE_HEAD_BYTES, 0
        groups[-1].append(message)
        size += needed
        counted += 1
    return [group for group in groups if group]
