"""H.264 and H.265 as a byte stream (Annex B): what decoders find their way into at any keyframe.

Containers such as MP4 store the parts of a picture (NAL units) each behind its length, and the parameter sets (SPS,
PPS; H.265 also VPS) once, in the header. In a byte stream every unit stands behind a start code, and the parameter
sets in front of every keyframe. The units themselves stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocols.errors import DecodeError

START = b"\0\0\0\1"
_SHORT_START = b"\0\0\1"


class AnnexB:
    """Turns the packets of one stream into a byte stream, whichever form they have."""

    def __init__(self, codec: str) -> None:
        """For packets of "h264" or "hevc"."""
        self._hevc = codec == "hevc"
        self._extradata = b""
        self._length_bytes = 0
        self._sets: list[bytes] = []

    def convert(self, data: bytes, keyframe: bool, extradata: bytes = b"") -> bytes:
        """One access unit as a byte stream.

        Args:
            data: The packet.
            keyframe: Whether decoding may begin here; then the parameter sets are in front.
            extradata: The stream's header, at least with the first keyframe.

        Raises:
            DecodeError: Packet or header are not what they should be.
        """
        if extradata and extradata != self._extradata:
            self._read_header(extradata)
        if self._length_bytes > 0:
            units = _by_length(data, self._length_bytes)
        elif not keyframe:
            return data
        else:
            units = _by_start_code(data)
        if keyframe and not any(self._kind(unit) == self._kind_of_set for unit in units):
            front = 1 if len(units) > 0 and self._kind(units[0]) == self._kind_of_delimiter else 0
            units[front:front] = self._sets
        return b"".join(START + unit for unit in units)

    @property
    def _kind_of_set(self) -> int:
        return 33 if self._hevc else 7  # SPS

    @property
    def _kind_of_delimiter(self) -> int:
        return 35 if self._hevc else 9

    def _kind(self, unit: bytes) -> int:
        return (unit[0] >> 1) & 0x3F if self._hevc else unit[0] & 0x1F

    def _read_header(self, extradata: bytes) -> None:
        if extradata[0] != 1:  # no configuration record: the parameter sets as a byte stream
            self._length_bytes, self._sets = 0, _by_start_code(extradata)
        else:
            try:
                read = _hevc_record if self._hevc else _h264_record
                self._length_bytes, sets = read(extradata)
            except IndexError:
                raise DecodeError(f"header of {len(extradata)} bytes is no configuration record") from None
            self._sets = [unit for unit in sets if unit]
        self._extradata = extradata


def _h264_record(record: bytes) -> tuple[int, list[bytes]]:
    """Bytes of a length, and the parameter sets, of an AVCDecoderConfigurationRecord."""
    sets: list[bytes] = []
    place, count = 6, record[5] & 0x1F
    for _ in range(2):  # SPS, then PPS
        for _ in range(count):
            unit, place = _sized(record, place)
            sets.append(unit)
        count = record[place] if place < len(record) else 0
        place += 1
    return (record[4] & 3) + 1, sets


def _hevc_record(record: bytes) -> tuple[int, list[bytes]]:
    """The same of an HEVCDecoderConfigurationRecord."""
    sets: list[bytes] = []
    place = 23
    for _ in range(record[22]):
        count = record[place + 1] << 8 | record[place + 2]
        place += 3
        for _ in range(count):
            unit, place = _sized(record, place)
            sets.append(unit)
    return (record[21] & 3) + 1, sets


def _sized(record: bytes, place: int) -> tuple[bytes, int]:
    end = place + 2 + (record[place] << 8 | record[place + 1])
    if end > len(record):
        raise IndexError
    return record[place + 2 : end], end


def _by_length(data: bytes, length_bytes: int) -> list[bytes]:
    units = []
    place = 0
    while place < len(data):
        begin = place + length_bytes
        place = begin + int.from_bytes(data[place:begin], "big")
        if place > len(data) or begin > len(data):
            raise DecodeError(f"packet of {len(data)} bytes has a part that ends at byte {place}")
        if place > begin:
            units.append(data[begin:place])
    return units


def _by_start_code(data: bytes) -> list[bytes]:
    return [unit for unit in _between_starts(data) if unit]


def _between_starts(data: bytes) -> Iterator[bytes]:
    begin = data.find(_SHORT_START)
    while begin >= 0:
        begin += len(_SHORT_START)
        end = data.find(_SHORT_START, begin)
        # Zeros in front of a start code belong to it; a unit itself never ends in one.
        yield (data[begin:] if end < 0 else data[begin:end]).rstrip(b"\0")
        begin = end
