"""Records to bytes and back: one msgpack array of five.

    [schema version, publisher start, sequence, sent_ns, record]

The record is a map that carries its class name under "type". The version comes first, so that a
decoder of another version can say what it met. `sequence` numbers the messages of one topic from
0; the publisher's start (any number that differs between two runs of it) tells a restarted
publisher from lost messages. Arrays inside records have fixed sizes, checked at both ends: what
`decode` returns can be used, and whatever else arrives is a `DecodeError`.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any

import msgspec

from protocols import external, markers, messages, playback, show, solve_log, video
from protocols.errors import DecodeError, EncodeError
from protocols.layouts import layout_fault
from protocols.messages import SCHEMA_VERSION, Record

MAX_MESSAGE_BYTES = 16 << 20
"""Larger messages are refused; a full-body mesh has 165 kB."""


class Envelope(msgspec.Struct, frozen=True):
    """A decoded message."""

    sequence: int
    """Number of this message in its topic, from 0."""
    sent_ns: int
    """Stage time at which it was published."""
    record: Record
    start: int = 0
    """Differs between two runs of one publisher."""


class _Wire(msgspec.Struct, frozen=True, array_like=True):
    version: int
    start: int
    sequence: int
    sent_ns: int
    record: msgspec.Raw


_MODULES = tuple(module.__name__ for module in (external, markers, messages, playback, show, solve_log, video))

RECORD_TYPES: tuple[type[Record], ...] = tuple(
    kind
    for kind in (*Record.__subclasses__(), *show.Command.__subclasses__())
    if kind.__module__ in _MODULES and kind is not show.Command
)
"""Every record class of these modules; bases left out."""

_AnyRecord: Any = reduce(or_, RECORD_TYPES)
_encoder = msgspec.msgpack.Encoder()
_wire_decoder = msgspec.msgpack.Decoder(_Wire)
_record_decoder = msgspec.msgpack.Decoder(_AnyRecord)


def encode(record: Record, sequence: int, sent_ns: int, start: int = 0) -> bytes:
    """One message as bytes.

    Raises:
        EncodeError: An array of the record has another size than its class says.
    """
    fault = layout_fault(record)
    if fault:
        raise EncodeError(fault)
    return _encoder.encode((SCHEMA_VERSION, start, sequence, sent_ns, record))


def decode(data: bytes) -> Envelope:
    """The message in the bytes.

    Raises:
        DecodeError: Not a message, a message of another schema version, or of another layout.
    """
    wire = _decode(_wire_decoder, data)
    if wire.version != SCHEMA_VERSION:
        raise DecodeError(
            f"message of schema version {wire.version}, this program reads version {SCHEMA_VERSION}: "
            f"run the same release on every host"
        )
    record = _decode(_record_decoder, wire.record)
    fault = layout_fault(record)
    if fault:
        raise DecodeError(fault)
    return Envelope(wire.sequence, wire.sent_ns, record, wire.start)


def _decode(decoder: msgspec.msgpack.Decoder[Any], data: Any) -> Any:
    if len(data) > MAX_MESSAGE_BYTES:
        raise DecodeError(f"message of {len(data)} bytes, more than {MAX_MESSAGE_BYTES} are refused")
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError, MemoryError) as error:
        raise DecodeError(f"message of {len(data)} bytes is not understood: {error}") from error
