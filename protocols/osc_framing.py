"""OSC packets in a stream of bytes (TCP): where one ends and the next begins.

    length   OSC 1.0   size as int32, big-endian, then the packet
    slip     OSC 1.1   END, the packet, END; in it END is written ESC ESC_END and ESC is ESC ESC_ESC (RFC 1055)

Decoders take whatever pieces the network gives them, hold one packet at most, and differ in what they can survive:
a SLIP stream finds itself again at the next END, so what is wrong is dropped and counted; a stream of lengths has
lost its way for good once a length is impossible, so it is refused with a `FramingError` and the connection must end.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from protocols.errors import DecodeError

Framing = Literal["slip", "length"]

MOST_PACKET_BYTES = 1 << 16
"""Longer packets are refused; no datagram could hold them either."""

_END, _ESC = b"\xc0", b"\xdb"
_ESC_END, _ESC_ESC = b"\xdb\xdc", b"\xdb\xdd"
_STRAY_ESC = re.compile(b"\xdb(?![\xdc\xdd])")
_SIZE_BYTES = 4


class FramingError(DecodeError):
    """A stream of bytes that is not framed as it should be."""


class Decoder(Protocol):
    """Finds the packets in a stream."""

    malformed: int
    """Packets dropped because of wrong framing."""

    def feed(self, piece: bytes) -> list[bytes]:
        """The packets that this piece of the stream completes.

        Raises:
            FramingError: The stream cannot be read on; this connection is to be closed.
        """
        ...


def slip(packets: Sequence[bytes | memoryview]) -> bytes:
    """Packets framed with END at both ends, for one write."""
    escaped = (bytes(packet).replace(_ESC, _ESC_ESC).replace(_END, _ESC_END) for packet in packets)
    return b"".join(_END + packet + _END for packet in escaped)


def length_prefixed(packets: Sequence[bytes | memoryview]) -> bytes:
    """Packets with their length before each, for one write."""
    return b"".join(part for packet in packets for part in (struct.pack(">i", len(packet)), packet))


class SlipDecoder:
    """Finds the packets in a SLIP stream, whether END stands at both ends of them or only behind."""

    def __init__(self, most_bytes: int = MOST_PACKET_BYTES) -> None:
        """Starts before the first packet."""
        self.malformed = 0
        self._most = most_bytes
        self._held = bytearray()  # the escaped packet so far
        self._skipping = False

    def feed(self, piece: bytes) -> list[bytes]:
        """See `Decoder`; never raises."""
        packets = []
        *ended, rest = piece.split(_END)
        for part in ended:
            self._hold(part)
            if (packet := self._ended()) is not None:
                packets.append(packet)
        self._hold(rest)
        return packets

    def _hold(self, part: bytes) -> None:
        if self._skipping:
            return
        if len(self._held) + len(part) > 2 * self._most:
            self._skipping = True
            self._held.clear()
            self.malformed += 1
            return
        self._held += part

    def _ended(self) -> bytes | None:
        escaped = bytes(self._held)
        self._held.clear()
        self._skipping = False
        if not escaped:
            return None
        packet = escaped.replace(_ESC_END, _END).replace(_ESC_ESC, _ESC)
        if len(packet) > self._most or _STRAY_ESC.search(escaped):
            self.malformed += 1
            return None
        return packet


class LengthDecoder:
    """Finds the packets in a stream of lengths and packets."""

    def __init__(self, most_bytes: int = MOST_PACKET_BYTES) -> None:
        """Starts before the first length."""
        self.malformed = 0
        self._most = most_bytes
        self._held = bytearray()

    def feed(self, piece: bytes) -> list[bytes]:
        """See `Decoder`; packets before the fault are given out first."""
        held = self._held
        held += piece
        packets, at = [], 0
        while len(held) - at >= _SIZE_BYTES:
            (size,) = struct.unpack_from(">i", held, at)
            if not 0 < size <= self._most or size % 4 != 0:
                if packets:  # they were right; the error is for the next call
                    break
                held.clear()
                self.malformed += 1
                hint = "; it looks like SLIP" if size >> 24 == -64 else ""
                raise FramingError(f"an OSC packet of {size} bytes is announced{hint}; the connection must start anew")
            if len(held) - at - _SIZE_BYTES < size:
                break
            begin = at + _SIZE_BYTES
            at = begin + size
            packets.append(bytes(held[begin:at]))
        del held[:at]
        return packets


ENCODERS: dict[Framing, Callable[[Sequence[bytes | memoryview]], bytes]] = {"slip": slip, "length": length_prefixed}
DECODERS: dict[Framing, Callable[[], Decoder]] = {"slip": SlipDecoder, "length": LengthDecoder}
