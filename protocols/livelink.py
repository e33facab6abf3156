"""Live Link Face: one face in one UDP datagram, version 6, as the phone app sends it to Unreal's ARKit source.

    u8   version, 6
    i32  bytes of the device id         then the id: 36 characters, an upper-case UUID
    i32  bytes of the subject name      then the name, UTF-8
    i32  frame number, f32 sub-frame    the moment in timecode, at
    i32  numerator, i32 denominator     frames per second
    u8   count, 61                      left out, with the values, when no face is tracked
    f32  x 61                           `VALUES`: the 52 shapes of ARKit, then nine angles

Everything is big-endian. Two halves, as in `protocols.osc`: `LiveLinkEncoder` packs a subject's packet once and
rewrites its numbers; `decode` trusts nothing and says what is wrong. What the angles mean is told in
`protocols.livelink_face`. The protocol has no place for the time of sending: its latency cannot be measured.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.errors import DecodeError, EncodeError
from protocols.names import ARKIT_SHAPES
from protocols.timecode import FrameRate

PORT = 11111
"""Where Unreal's ARKit source listens."""

VERSION = 6

VALUES = (
    *ARKIT_SHAPES,
    *(f"{part}{angle}" for part in ("Head", "LeftEye", "RightEye") for angle in ("Yaw", "Pitch", "Roll")),
)
"""The 61 values in the order of the packet; Unreal names its curves so."""

DEVICE_ID_BYTES = 36
"""Some receivers take every id to be so long."""

LEAST_BYTES, MOST_BYTES = 264, 774
"""Unreal drops a smaller or larger datagram, and with it every packet without a face."""

_COUNT = len(VALUES)
_LENGTH = struct.Struct(">i")
_TIME = struct.Struct(">ifii")
_FRAME = struct.Struct(">if")
_VALUES_BYTES = 4 * _COUNT
_FIXED_BYTES = 1 + 2 * _LENGTH.size + _TIME.size + 1 + _VALUES_BYTES
_MOST_SUBFRAME = float(np.nextafter(np.float32(1.0), np.float32(0.0)))

MOST_SUBJECT_BYTES = MOST_BYTES - _FIXED_BYTES - DEVICE_ID_BYTES
"""A longer subject name would make Unreal drop the packet."""


class LiveLinkError(DecodeError):
    """Bytes that are not a Live Link Face packet."""

    def __init__(self, part: str, text: str) -> None:
        super().__init__(text)
        self.part = part
        """What is wrong: "version", "device id", "subject name", "timecode", "rate", "count" or "values"."""


class LiveLinkPacket(NamedTuple):
    """One packet."""

    device_id: str
    subject: str
    frame: int
    """Counted at the rate from 00:00:00:00; the app's may go beyond 24 hours."""
    subframe: float
    """In [0, 1)."""
    numerator: int
    denominator: int
    values: NDArray[np.float32] | None
    """(61,) by `VALUES`; None when no face is tracked."""

    def encode(self) -> bytes:
        """The packet as bytes, as it is: nothing is checked, so that tests and tools can make faulty ones."""
        device_id, subject = self.device_id.encode(), self.subject.encode()
        head = bytes([VERSION]) + _LENGTH.pack(len(device_id)) + device_id + _LENGTH.pack(len(subject)) + subject
        head += _TIME.pack(self.frame, self.subframe, self.numerator, self.denominator)
        return head if self.values is None else head + bytes([len(self.values)]) + self.values.astype(">f4").tobytes()


def decode(datagram: bytes) -> LiveLinkPacket:
    """Reads one packet to its last byte.

    Raises:
        LiveLinkError: It is none; says what is wrong with it.
    """
    if len(datagram) == 0:
        raise LiveLinkError("version", "empty datagram")
    if datagram[0] != VERSION:
        raise LiveLinkError("version", f"version {datagram[0]}, not {VERSION}")
    device_id, offset = _text(datagram, 1, "device id")
    subject, offset = _text(datagram, offset, "subject name")
    if len(datagram) - offset < _TIME.size:
        raise LiveLinkError("timecode", f"{len(datagram)} bytes end within the timecode")
    frame, subframe, numerator, denominator = _TIME.unpack_from(datagram, offset)
    if not 0.0 <= subframe < 1.0:
        raise LiveLinkError("timecode", f"sub-frame {subframe:g}, not in 0 to 1")
    if numerator <= 0 or denominator <= 0:
        raise LiveLinkError("rate", f"frame rate {numerator}/{denominator}")
    packet = LiveLinkPacket(device_id, subject, frame, subframe, numerator, denominator, None)
    offset += _TIME.size
    return packet if offset == len(datagram) else packet._replace(values=_values(datagram, offset))


def _text(datagram: bytes, offset: int, what: str) -> tuple[str, int]:
    begin = offset + _LENGTH.size
    if begin > len(datagram):
        raise LiveLinkError(what, f"{len(datagram)} bytes end before the {what}")
    (length,) = _LENGTH.unpack_from(datagram, offset)
    if not 0 < length <= len(datagram) - begin:
        raise LiveLinkError(what, f"{what} of {length} bytes, {len(datagram) - begin} are left")
    try:
        return datagram[begin : begin + length].decode(), begin + length
    except UnicodeDecodeError as error:
        raise LiveLinkError(what, f"{what} is not UTF-8 at byte {error.start}") from error


def _values(datagram: bytes, offset: int) -> NDArray[np.float32]:
    count = datagram[offset]
    if count != _COUNT:
        raise LiveLinkError("count", f"{count} values, not {_COUNT}")
    left = len(datagram) - offset - 1
    if left != _VALUES_BYTES:
        raise LiveLinkError("count", f"{left} bytes of values, not {_VALUES_BYTES}")
    values = np.frombuffer(datagram, ">f4", _COUNT, offset + 1).astype(np.float32)
    if not np.isfinite(values).all():
        raise LiveLinkError("values", f"{VALUES[int(np.argmin(np.isfinite(values)))]} is not a finite number")
    return values


def check_device_id(device_id: str) -> None:
    """Refuses an id that some receivers misread.

    Raises:
        EncodeError: It is not 36 characters of ASCII.
    """
    if len(device_id) != DEVICE_ID_BYTES or not device_id.isascii() or not device_id.isprintable():
        raise EncodeError(
            f'"{device_id[:40]}" is no device id: it must have {DEVICE_ID_BYTES} ASCII characters, as a phone has; '
            f"leave it out to have one made"
        )


def check_subject(subject: str) -> None:
    """Refuses a name with which Unreal drops every packet.

    Raises:
        EncodeError: It is empty, too long or not printable.
    """
    size = len(subject.encode(errors="replace"))
    if not 0 < size <= MOST_SUBJECT_BYTES or not subject.isprintable():
        raise EncodeError(
            f'"{subject[:40]}" is no subject name: it must have 1 to {MOST_SUBJECT_BYTES} bytes of printable text, '
            f"and it has {size}; Unreal drops larger packets"
        )


class LiveLinkEncoder:
    """Writes the faces of one subject into a packet it has packed beforehand."""

    def __init__(self, device_id: str, subject: str, rate: FrameRate) -> None:
        """Packs everything but frame and values.

        Args:
            device_id: 36 characters of ASCII.
            subject: Name of the Live Link subject; ASCII is safest.
            rate: Of the timecode.

        Raises:
            EncodeError: A name that receivers do not take.
        """
        check_device_id(device_id)
        check_subject(subject)
        blank = np.zeros(_COUNT, np.float32)
        packet = LiveLinkPacket(device_id, subject, 0, 0.0, rate.numerator, rate.denominator, blank).encode()
        self._buffer = bytearray(packet)
        no_face = len(packet) - _VALUES_BYTES - 1
        self._frame_at = no_face - _TIME.size
        self._values = np.frombuffer(self._buffer, ">f4", _COUNT, no_face + 1)
        whole = memoryview(self._buffer).toreadonly()
        self._face = (whole,)
        self._no_face = (whole[:no_face],)

    def encode(self, frame: int, subframe: float, values: NDArray[np.floating] | None = None) -> tuple[memoryview, ...]:
        """One packet; valid until the next call.

        Args:
            frame: Of the timecode.
            subframe: In [0, 1).
            values: (61,) by `VALUES`; None when no face is tracked.

        Raises:
            EncodeError: A value that is not finite.
        """
        _FRAME.pack_into(self._buffer, self._frame_at, frame, min(subframe, _MOST_SUBFRAME))
        if values is None:
            return self._no_face
        if not np.logical_and.reduce(np.isfinite(values)):
            raise EncodeError("face with a value that is not finite; not sent")
        self._values[:] = values
        return self._face
