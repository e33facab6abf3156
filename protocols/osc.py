"""Open Sound Control 1.0: packets from values, and values from packets.

    message  =  address  ","tags  arguments
    bundle   =  "#bundle"  timetag  (size  message or bundle)*

Everything is big-endian and a multiple of four bytes long; strings end in NUL and are padded with
zeros. Two halves with different manners:

* `message` and `bundle` build packets once, at the start of a stream. What changes from frame to
  frame is then written into them in place, see `protocols.osc_template`.
* `parse` trusts nothing. Bytes come from any sender on the network, so a packet is read to its last
  byte or refused with an `OscError` that says where and why: sizes, padding, tags, depth. Nothing is
  guessed (several known parsers read a missing float as 0.0).

Tags read: i f s b h d t T F N I, S (as s), c r m (as their 32 bits) and [ ] for arrays.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from protocols.errors import DecodeError, EncodeError

IMMEDIATELY = 1
"""Timetag of a bundle to be obeyed at once. Some receivers sleep until any other."""

MAX_DATAGRAM_BYTES = 1200
"""Larger datagrams risk fragmentation: a lost fragment loses all of them."""

MAX_DEPTH = 8
"""Bundles in bundles, or arrays in arrays, beyond this are refused."""

_BUNDLE = b"#bundle\0"
_ADDRESS = re.compile(r"/[!-~]*")  # printable ASCII, no space
_FORMATS = {"i": "i", "f": "f", "h": "q", "d": "d", "t": "Q", "c": "I", "r": "I", "m": "I"}
_NUMBERS = re.compile(f"[{''.join(_FORMATS)}]+")
_TO_STRUCT = str.maketrans(_FORMATS)
_CONSTANTS: dict[str, Argument] = {"T": True, "F": False, "N": None, "I": float("inf")}

Argument: TypeAlias = "int | float | str | bytes | bool | tuple[Argument, ...] | None"


class OscError(DecodeError):
    """Bytes that are not an OSC packet."""


class Message(NamedTuple):
    """One OSC message."""

    address: str
    tags: str
    """Type tags without the comma."""
    arguments: tuple[Argument, ...]
    """One value per tag, except that the tags between brackets share one tuple."""

    @property
    def floats(self) -> tuple[float, ...]:
        """The arguments that are floats, in order; others left out."""
        return tuple(value for value in self.arguments if isinstance(value, float))


class Bundle(NamedTuple):
    """Messages, and further bundles, to be obeyed together."""

    timetag: int
    """NTP time, 32 bits of seconds and 32 of fraction; 1 is at once."""
    elements: tuple[Message | Bundle, ...]


def message(address: str, tags: str, *arguments: float | str | bytes) -> bytes:
    """One message as bytes; the tags are given, never guessed from the values.

    Args:
        address: Such as "/VMC/Ext/T".
        tags: Type tags without the comma, of i, f, s, b and h; may be empty, the comma is sent.
        *arguments: One value per tag.

    Raises:
        EncodeError: An address or value that OSC cannot carry under that tag.
    """
    if not _ADDRESS.fullmatch(address) or "#" in address:
        raise EncodeError(f"OSC address {address!r}: must start with / and hold printable ASCII without space or #")
    if len(tags) != len(arguments):
        raise EncodeError(f"OSC message {address}: {len(arguments)} arguments for the tags ,{tags}")
    packed = [_string(address), _string(f",{tags}")]
    packed += [_argument(tag, value, address) for tag, value in zip(tags, arguments, strict=True)]
    return b"".join(packed)


def bundle(elements: Sequence[bytes], timetag: int = IMMEDIATELY) -> bytes:
    """One bundle of packed messages."""
    sized = (part for element in elements for part in (struct.pack(">i", len(element)), element))
    return b"".join((_BUNDLE, struct.pack(">Q", timetag), *sized))


def parse(datagram: bytes) -> Message | Bundle:
    """The packet in a datagram.

    Raises:
        OscError: Not exactly one well-formed packet.
    """
    if len(datagram) == 0 or len(datagram) % 4 != 0:
        raise OscError(f"packet of {len(datagram)} bytes: must be a multiple of 4 and not empty")
    return _packet(datagram, 0, len(datagram), 0)


def messages(packet: Message | Bundle) -> Iterator[Message]:
    """All messages of a packet in order, bundles opened."""
    if isinstance(packet, Message):
        yield packet
        return
    for element in packet.elements:
        yield from messages(element)


def padded(length: int) -> int:
    """Bytes that a string of this many bytes takes, its end and padding included."""
    return length + 4 - length % 4


def _string(text: str) -> bytes:
    raw = text.encode()
    if b"\0" in raw:
        raise EncodeError(f"OSC string {text!r} holds a NUL")
    return raw.ljust(padded(len(raw)), b"\0")


def _argument(tag: str, value: float | str | bytes, address: str) -> bytes:
    try:
        if tag == "s" and isinstance(value, str):
            return _string(value)
        if tag == "b" and isinstance(value, bytes):
            return struct.pack(">i", len(value)) + value + bytes(-len(value) % 4)
        if tag in ("f", "i", "h") and not isinstance(value, (str, bytes)):
            return struct.pack(f">{_FORMATS[tag]}", value)
    except (struct.error, OverflowError) as error:
        raise EncodeError(f"OSC message {address}: {value!r} does not fit tag {tag} ({error})") from error
    raise EncodeError(f"OSC message {address}: tag {tag} cannot carry {value!r}")


def _packet(data: bytes, start: int, end: int, depth: int) -> Message | Bundle:
    if not data.startswith(_BUNDLE, start, end):
        return _message(data, start, end)
    if depth >= MAX_DEPTH:
        raise OscError(f"byte {start}: bundles nested deeper than {MAX_DEPTH}")
    _need(start, end, 16, "a bundle's timetag")
    (timetag,) = struct.unpack_from(">Q", data, start + 8)
    elements = []
    at = start + 16
    while at < end:
        _need(at, end, 4, "an element's size")
        (size,) = struct.unpack_from(">i", data, at)
        at += 4
        if size <= 0 or size % 4 != 0 or size > end - at:
            raise OscError(f"byte {at - 4}: element of {size} bytes where {end - at} are left")
        elements.append(_packet(data, at, at + size, depth + 1))
        at += size
    return Bundle(timetag, tuple(elements))


def _message(data: bytes, start: int, end: int) -> Message:
    address, at = _read_string(data, start, end)
    if not _ADDRESS.fullmatch(address) or "#" in address:
        raise OscError(f"byte {start}: {address[:40]!r} is not an address")
    if at == end:
        raise OscError(f"byte {at}: {address} has no type tags")
    tags, at = _read_string(data, at, end)
    if not tags.startswith(","):
        raise OscError(f"byte {at}: {address} has type tags {tags[:40]!r}, without the comma")
    arguments, at = _arguments(data, at, end, tags[1:])
    if at != end:
        raise OscError(f"byte {at}: {end - at} bytes too many after {address} {tags}")
    return Message(address, tags[1:], arguments)


def _arguments(data: bytes, at: int, end: int, tags: str) -> tuple[tuple[Argument, ...], int]:
    levels: list[list[Argument]] = [[]]
    index = 0
    while index < len(tags):
        tag = tags[index]
        if numbers := _NUMBERS.match(tags, index):
            index = numbers.end()
            layout = struct.Struct(">" + numbers[0].translate(_TO_STRUCT))
            _need(at, end, layout.size, f"the numbers {numbers[0][:40]}")
            levels[-1].extend(layout.unpack_from(data, at))
            at += layout.size
            continue
        index += 1
        if tag in ("s", "S"):
            text, at = _read_string(data, at, end)
            levels[-1].append(text)
        elif tag == "b":
            blob, at = _read_blob(data, at, end)
            levels[-1].append(blob)
        elif tag in _CONSTANTS:
            levels[-1].append(_CONSTANTS[tag])
        elif tag == "[" and len(levels) <= MAX_DEPTH:
            levels.append([])
        elif tag == "]" and len(levels) > 1:
            closed = tuple(levels.pop())
            levels[-1].append(closed)
        else:
            raise OscError(f"byte {at}: type tag {tag!r} in ,{tags[:40]} is unknown or out of place")
    if len(levels) > 1:
        raise OscError(f"byte {at}: array without its end in ,{tags[:40]}")
    return tuple(levels[0]), at


def _read_string(data: bytes, at: int, end: int) -> tuple[str, int]:
    nul = data.find(b"\0", at, end)
    if nul < 0:
        raise OscError(f"byte {at}: string without an end")
    after = at + padded(nul - at)
    _need(at, end, after - at, "a string's padding")
    if any(data[nul:after]):
        raise OscError(f"byte {nul}: string padded with something else than zeros")
    try:
        return data[at:nul].decode(), after
    except UnicodeDecodeError as error:
        raise OscError(f"byte {at}: string is not UTF-8") from error


def _read_blob(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    _need(at, end, 4, "a blob's size")
    (size,) = struct.unpack_from(">i", data, at)
    if size < 0:
        raise OscError(f"byte {at}: blob of {size} bytes")
    begin = at + 4
    after = begin + size + -size % 4
    _need(begin, end, after - begin, "a blob")
    if any(data[begin + size : after]):
        raise OscError(f"byte {begin + size}: blob padded with something else than zeros")
    return data[begin : begin + size], after


def _need(at: int, end: int, size: int, what: str) -> None:
    if size > end - at:
        raise OscError(f"byte {at}: {what} needs {size} bytes, {end - at} are left")
